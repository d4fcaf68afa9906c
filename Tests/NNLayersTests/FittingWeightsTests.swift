import Foundation
import NNCore
import NNFiles
import NNLayers
import TestSupport
import Testing

/// Weight files as training scripts leave them; `Fixtures/make_weight_files.py` says what each holds.
@Suite struct FittingWeightsTests {
  private final class Net: Module {
    let conv = Conv2d(1, 2, kernelSize: 1, bias: false)
    let bn = BatchNorm2d(2)
    let fc = Linear(2, 3)
  }

  private static func path(_ name: String) -> String {
    Bundle.module.bundleURL.appendingPathComponent("Fixtures/weights/\(name)").path
  }

  private static let plain = try? StateDict(contentsOf: path("plain.pth"))

  /// - Parameter factor: of the values that are trained.
  private func expectPlainWeights(_ net: Net, factor: Float = 1, tolerance: Float = 0) throws {
    for (key, value) in try #require(Self.plain) where value.dtype == .float32 {
      let got = try #require(net.stateDict()[key])
      let differences = zip(got.array(of: Float.self), value.array(of: Float.self)).map {
        abs($0 - $1 * factor)
      }
      #expect(differences.allSatisfy { $0 <= tolerance }, "\(key)")
    }
  }

  struct Reading: Sendable, CustomTestStringConvertible {
    let file: String
    var key: String?
    var prefix = ""
    var leftOut: [String] = []
    var alternatives: [String] = []
    var tolerance: Float = 0
    var testDescription: String { file }
  }

  static let readings = [
    Reading(file: "plain.pth"), Reading(file: "legacy.pth", key: "state_dict"),
    Reading(file: "parallel.pth", prefix: "module."),
    Reading(file: "compiled.pth", prefix: "module._orig_mod."), Reading(file: "inner.pth", key: "state_dict"),
    Reading(
      file: "lightning.ckpt", key: "state_dict", prefix: "model.",
      leftOut: ["criterion.weight", "accuracy.total"]),
    Reading(file: "reference.pth", key: "model", alternatives: ["model_ema"]),
    Reading(file: "timm.pth.tar", key: "state_dict", alternatives: ["state_dict_ema"]),
    Reading(file: "nested.pth", key: "models.student", prefix: "backbone.", alternatives: ["models.teacher"]),
    Reading(file: "ema_only.pth", key: "ema", prefix: "ema_model.", leftOut: ["ema_model.n_averaged"]),
    Reading(file: "half.pth", key: "net", tolerance: 0.001),
    Reading(file: "brain.pth", key: "net", tolerance: 0.01),
    Reading(file: "counted.pth", leftOut: ["total_ops", "conv.total_ops", "fc.total_params"]),
    Reading(file: "whole.pth"), Reading(file: "whole_inside.pth", key: "model"),
    Reading(file: "beside_object.pth"),
  ]

  @Test(arguments: readings)
  func findsTheWeights(_ reading: Reading) throws {
    let net = Net()
    let report = try net.loadFittingWeights(from: Self.path(reading.file))
    #expect(report.key == reading.key && report.prefix == reading.prefix)
    #expect(report.leftOut.map(\.key) == reading.leftOut)
    #expect(report.alternatives == reading.alternatives)
    #expect(report.tensorCount == 8 && report.kept == [])
    try expectPlainWeights(net, tolerance: reading.tolerance)
    let line = report.description
    #expect(line.hasPrefix("\(Self.path(reading.file)): took ") && !line.contains("\n"), "\(line)")
  }

  @Test func keyAndPrefixAreChosen() throws {
    let net = Net()
    let path = Self.path("reference.pth")
    let report = try net.loadFittingWeights(from: path, key: "model_ema", prefix: "module.")
    #expect(
      report.description
        == "\(path): took model_ema without prefix \"module.\", 8 tensors; left out: n_averaged")
    #expect(report.alternatives == [])
    try expectPlainWeights(net, factor: 2)
    try net.loadFittingWeights(from: Self.path("nested.pth"), key: "models.teacher")
    try expectPlainWeights(net, factor: 2)
    for (key, prefix) in [("ema", nil), ("model", "module."), ("optimizer.state", nil)] {
      #expect(throws: FileError.self, "\(key)") {
        try net.loadFittingWeights(from: path, key: key, prefix: prefix)
      }
    }
    try expectPlainWeights(net, factor: 2)
  }

  @Test func anotherHeadIsLeftOutWhereItMay() throws {
    let net = Net()
    let before = net.fc.weight.value
    let path = Self.path("other_head.pth")
    #expect(throws: FileError.self) { try net.loadFittingWeights(from: path) }
    let report = try net.loadFittingWeights(from: path) { $0.hasPrefix("fc.") }
    #expect(report.kept == ["fc.weight", "fc.bias"] && report.tensorCount == 6)
    #expect(report.leftOut.map(\.key) == ["fc.weight", "fc.bias"])
    #expect(report.leftOut.map(\.shape) == [[7, 2], [7]])
    #expect(net.fc.weight.value.isEqual(to: before))
    #expect(try net.conv.weight.value.isEqual(to: #require(Self.plain?["conv.weight"])))
  }

  /// What the network lacks and what the file lacks are errors of one short line, and change nothing.
  @Test func whatDoesNotFitIsRefused() throws {
    final class Wide: Module {
      let layers = Sequential((0..<40).map { _ in Linear(2, 2) })
    }
    final class Deep: Module {
      let conv = Conv2d(1, 2, kernelSize: 3, bias: false)
      let bn = BatchNorm2d(2)
      let fc = Linear(2, 3)
      let last = Linear(3, 3)
    }
    for (module, file, words) in [
      (Net() as Module, "wider.pth", ["2 unexpected (extra.weight; bn.gain)"]),
      (Wide(), "reference.pth", ["other keys", "conv.weight"]),
      (
        Deep(), "lightning.ckpt",
        [
          "2 missing (last.weight; last.bias)",
          "1 mismatched (conv.weight: expected [2, 1, 3, 3], found [2, 1, 1, 1])", "under state_dict",
          "without prefix \"model.\"",
        ]
      ),
    ] {
      let before = module.stateDict()
      let path = Self.path(file)
      let error = #expect(throws: FileError.self) { try module.loadFittingWeights(from: path) }
      let message = "\(try #require(error))".dropFirst(path.count)
      for word in words { #expect(message.contains(word), "\(message)") }
      #expect(message.count < 400 && !message.contains("\n"), "\(message)")
      for (key, value) in module.stateDict() { #expect(try value.isEqual(to: #require(before[key]))) }
    }
  }

  /// The exact form takes what it is told, and no object.
  @Test func theExactFormRefusesWhatItIsNotTold() throws {
    let net = Net()
    for name in ["lightning.ckpt", "parallel.pth", "whole.pth", "beside_object.pth"] {
      let error = #expect(throws: FileError.self) { try net.loadWeights(from: Self.path(name)) }
      #expect("\(try #require(error))".count < Self.path(name).count + 400)
    }
    try net.loadWeights(from: Self.path("reference.pth"), key: "model")
    try expectPlainWeights(net)
    let error = #expect(throws: FileError.self) { try StateDict(contentsOf: Self.path("beside_object.pth")) }
    #expect("\(try #require(error))".contains("__main__.Config"))
  }

  /// A module that holds itself, in the words of pickle: reading ends, and the tensors at the top are found.
  @Test func hostileObjectsCostNothing() throws {
    func text(_ value: String) -> [UInt8] { [0x58, UInt8(value.utf8.count), 0, 0, 0] + Array(value.utf8) }
    // {"_modules": {"a": object, "b": object}} as the state of the object itself.
    var pickle: [UInt8] = [0x80, 2] + Array("cevil\nModule\n".utf8) + [0x29, 0x81, 0x71, 0, 0x7D]
    pickle +=
      text("_modules") + [0x7D] + text("a") + [0x68, 0, 0x73] + text("b") + [0x68, 0, 0x73, 0x73, 0x62, 0x2E]
    try withTemporaryFolder { folder in
      let path = "\(folder.path)/self.pkl"
      try Data(pickle).write(to: URL(fileURLWithPath: path))
      // Read as a checkpoint of the older format it lacks the rest, as one record of a zip file it is whole.
      #expect(throws: FileError.self) { try Net().loadFittingWeights(from: path) }
      let zip = "\(folder.path)/self.pth"
      try storedZip([("archive/data.pkl", pickle)]).write(to: URL(fileURLWithPath: zip))
      let error = #expect(throws: FileError.self) { try Net().loadFittingWeights(from: zip) }
      #expect("\(try #require(error))".contains("evil.Module"))
    }
  }

  /// Control characters in keys of a file reach no terminal.
  @Test func keysArePrintedEscaped() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder.path)/ansi.safetensors"
      try
        (["\u{1b}[2J\u{1b}]0;title\u{7}conv.weight": Tensor.ones(2), "a\u{202e}b.c": Tensor.ones(2, 2)]
        as StateDict)
        .write(safetensors: path)
      for load in [
        { try Net().loadFittingWeights(from: path) }, { try Net().loadWeights(from: path) },
      ] as [() throws -> Any] {
        let error = #expect(throws: FileError.self) { _ = try load() }
        let message = "\(try #require(error))"
        #expect(message.contains("\\u{1b}[2J") && message.contains("\\u{202e}"), "\(message)")
        #expect(!message.unicodeScalars.contains { $0.value < 32 || $0.value == 0x202e })
      }
      let net = Net()
      var state = net.stateDict().addingPrefix("\u{1b}[1m.")
      state["\u{7}"] = Tensor.ones(1)
      try state.write(safetensors: path)
      let line = try net.loadFittingWeights(from: path).description
      #expect(line.contains("without prefix \"\\u{1B}[1m.\"") && line.contains("left out: \\u{7}"), "\(line)")
    }
  }
}
