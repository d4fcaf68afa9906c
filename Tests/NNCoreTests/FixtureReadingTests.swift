import Foundation
import NNCore
import NNFiles
import TestSupport
import Testing

/// Golden cases of others: whatever is wrong with one is a failure that names it, not the end of the run.
struct FixtureReadingTests {
  private func failures(_ op: String, _ kwargs: String, inputs: String = #""x": ["F32", [2, 3]]"#) throws
    -> String
  {
    try withTemporaryFolder { root in
      let folder = root.appendingPathComponent("others")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let manifest = """
        {"group": "ops", "cases": [
        {"id": "a/000", "op": "\(op)", "kwargs": \(kwargs), "inputs": {\(inputs)}, "outputs": {"out": []}}]}
        """
      try Data(manifest.utf8).write(to: folder.appendingPathComponent("manifest.json"))
      let state = try StateDict([
        (key: "a/000/in.x", value: Tensor.ones([2, 3])), (key: "a/000/in.y", value: Tensor.ones([4, 5])),
        (key: "a/000/out", value: Tensor.ones([2, 3])),
      ])
      try state.write(safetensors: folder.appendingPathComponent("ops.safetensors").path)
      let cases = FixtureGroup("ops", in: root).cases
      #expect(cases.map(\.description) == ["others/a/000"])
      return cases.flatMap { $0.failures(FixtureTables.ops, dtype: .float32) }.joined(separator: "\n")
    }
  }

  @Test(arguments: [
    ("add_scalar", #"{"other": 0}"#, ""), ("add_scalar", #"{"other": 0, "alpha": null}"#, ""),
    ("add_scalar", #"{"other": 0, "beta": 1}"#, "others/a/000: argument not supported: beta"),
    ("add_scalar", "{}", "others/a/000: argument other is missing"),
    ("add_scalar", #"{"other": [1]}"#, "others/a/000: argument other: expected a number, found [1]"),
    ("sum", #"{"dim": "0"}"#, "others/a/000: argument dim: expected an integer or integers, found '0'"),
    ("sum", #"{"dim": 5}"#, "others/a/000: sum: axis 5 is out of range for shape [2, 3]"),
    ("reshape", #"{"shape": [7]}"#, "others/a/000: reshape: "),
    ("banana", "{}", "others/a/000: operation not supported: banana"),
    ("mul", "{}", "others/a/000: the case has no input y"),
    ("pad", #"{"pad": [1, 1], "mode": "wide"}"#, "others/a/000: argument mode: 'wide' is not supported"),
    ("topk", #"{"k": 1}"#, #"2 outputs, expected ["out"]"#),
    ("squeeze", #"{"dim": 1e300}"#, "others/a/000: argument dim: "),
  ])
  func saysWhatIsWrong(_ op: String, _ kwargs: String, _ message: String) throws {
    let found = try failures(op, kwargs)
    #expect(message.isEmpty ? found.isEmpty : found.hasPrefix(message))
  }

  @Test func shapesThatDoNotFitAndMissingTensors() throws {
    let both = #""x": ["F32", [2, 3]], "y": ["F32", [4, 5]]"#
    #expect(try failures("mul", "{}", inputs: both).hasPrefix("others/a/000: mul: "))
    let missing = #""x": ["F32", [2, 3]], "z": ["F32", [1]]"#
    #expect(
      try failures("neg", "{}", inputs: missing) == "others/a/000: no tensor a/000/in.z in the fixtures")
  }

  @Test func aFolderThatCannotBeReadIsACaseThatFails() throws {
    try withTemporaryFolder { root in
      let folder = root.appendingPathComponent("ops")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try Data("{".utf8).write(to: folder.appendingPathComponent("manifest.json"))
      let cases = FixtureGroup("ops", in: root).cases
      #expect(cases.count == 1 && cases[0].failures(FixtureTables.ops, dtype: .float32) != [])
    }
  }

  @Test(arguments: [
    ("0.95 ** t", 0.95 * 0.95 * 0.95), ("1 / (1 + t)", 0.25), ("-2 ** 2 + t % 2 - -7 // 2", 1.0),
    ("min(1, (t + 1) / 8) * 0.5 ** (t // 2)", 0.25), ("1 if t < 3 else 2 if t == 3 else 3", 2),
  ])
  func evaluatesPythonsExpressions(_ text: String, _ value: Double) throws {
    #expect(try PythonExpression.value(of: text, at: 3) == value)
  }

  @Test(arguments: ["", "1 +", "t t", "open('x')", "x", "max()", "(1"])
  func refusesOtherExpressions(_ text: String) {
    #expect(throws: FixtureError.self) { try PythonExpression.value(of: text, at: 0) }
  }
}
