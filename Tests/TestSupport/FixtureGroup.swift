import Foundation
import NNCore

/// Golden cases of one group: every folder among the fixtures that holds a `manifest.json` of that group, and beside it
/// `<group>.safetensors`. Cases are added by adding a folder.
///
/// Inputs are float32. Expected values were computed in float64 from them and rounded to float32 once.
public struct FixtureGroup: Sendable {
  public let name: String
  public let cases: [FixtureCase]

  /// What cannot be read is a case that fails, so that no test run passes for want of cases.
  public init(_ name: String, in fixtures: URL) {
    self.name = name
    let found = (try? FileManager.default.contentsOfDirectory(atPath: fixtures.path).sorted()) ?? []
    let folders = found.filter {
      let manifest = fixtures.appendingPathComponent("\($0)/manifest.json")
      guard FileManager.default.fileExists(atPath: manifest.path) else { return false }
      return (try? JSONValue(contentsOf: manifest))?["group"]?.string ?? $0 == name
    }
    cases = folders.flatMap { folder -> [FixtureCase] in
      do {
        return try Self.cases(of: name, in: fixtures.appendingPathComponent(folder))
      } catch {
        return [FixtureCase(problem: "\(error)", id: folder)]
      }
    }
  }

  private static func cases(of name: String, in folder: URL) throws -> [FixtureCase] {
    let manifest = try JSONValue(contentsOf: folder.appendingPathComponent("manifest.json"))
    let blob = try TensorBlob(contentsOf: folder.appendingPathComponent("\(name).safetensors"))
    guard let entries = manifest["cases"]?.elements, !entries.isEmpty else {
      throw FixtureError("the manifest has no cases")
    }
    if let count = manifest["count"]?.int, count != entries.count {
      throw FixtureError("the manifest has \(entries.count) cases and says \(count)")
    }
    let prefix = folder.lastPathComponent == name ? "" : "\(folder.lastPathComponent)/"
    return entries.map {
      FixtureCase(
        $0, blob: blob, prefix: prefix, relativeTolerance: manifest["rtol"]?.double ?? 1e-5,
        absoluteTolerance: manifest["atol"]?.double ?? 1e-6)
    }
  }
}

/// One golden case: an operation, its arguments, and the expected values.
public struct FixtureCase: Sendable, CustomStringConvertible {
  public let id: String
  public let operation: String
  public let kwargs: [String: JSONValue]
  /// The whole entry of the manifest.
  public let entry: JSONValue
  public let inputNames: [String]
  /// Names that begin with "out" first, then the others, each in the order of their numbers.
  public let outputNames: [String]
  public let gradientNames: [String]
  public let relativeTolerance: Double
  public let absoluteTolerance: Double
  /// Why the case cannot be run.
  public let problem: String?
  private let prefix: String
  private let blob: TensorBlob

  init(
    _ entry: JSONValue, blob: TensorBlob, prefix: String, relativeTolerance: Double, absoluteTolerance: Double
  ) {
    self.entry = entry
    self.blob = blob
    self.prefix = prefix
    id = entry["id"]?.string ?? "?"
    operation = entry["op"]?.string ?? "?"
    kwargs = entry["kwargs"]?.entries ?? [:]
    inputNames = (entry["inputs"]?.entries ?? [:]).keys.sorted()
    outputNames = (entry["outputs"]?.entries ?? [:]).keys.sorted {
      // "out2" before "out10".
      let (a, b) = ($0.prefix { !$0.isNumber }, $1.prefix { !$0.isNumber })
      return a == b ? ($0.count, $0) < ($1.count, $1) : (a == "out" ? 0 : 1, a) < (b == "out" ? 0 : 1, b)
    }
    gradientNames = entry["grads"]?.elements?.compactMap(\.string) ?? []
    self.relativeTolerance = relativeTolerance
    self.absoluteTolerance = entry["atol"]?.double ?? absoluteTolerance
    problem =
      entry["id"]?.string == nil || entry["op"]?.string == nil
      ? "the entry needs an id and an op: \("\(entry)".prefix(80))" : nil
  }

  /// A case that fails.
  init(problem: String, id: String) {
    self.problem = problem
    self.id = id
    entry = .null
    (operation, kwargs, inputNames, outputNames, gradientNames) = ("?", [:], [], [], [])
    (relativeTolerance, absoluteTolerance) = (0, 0)
    (prefix, blob) = ("", TensorBlob())
  }

  public var description: String { prefix + id }

  /// A tensor of the case, `in.x`, `out`, `grad.x`, …, as it is stored.
  public func stored(_ name: String) throws -> Tensor { try blob.tensor("\(id)/\(name)") }
  public func hasStored(_ name: String) -> Bool { blob.contains("\(id)/\(name)") }
  /// A tensor that several cases of the folder use.
  public func shared(_ name: String) throws -> Tensor { try blob.tensor(name) }

  /// Runs a body with the case's arguments; an argument that it does not read is an error.
  public func withArguments<T>(_ body: (Arguments) throws -> T) throws -> T {
    if let problem { throw FixtureError(problem) }
    let arguments = Arguments(kwargs)
    let result = try body(arguments)
    try arguments.expectAllRead()
    return result
  }
}

/// The input tensors of an operation.
public struct FixtureInputs {
  /// Name and tensor of each input, floating-point ones in the element type under test.
  public let tensors: [String: Tensor]
  /// The floating-point type under test.
  public let dtype: DType

  /// An input that is always there.
  public subscript(_ name: String) -> Tensor {
    get throws {
      guard let tensor = tensors[name] else { throw FixtureError("the case has no input \(name)") }
      return tensor
    }
  }
  /// An input that may be missing, like a bias.
  public func optional(_ name: String) -> Tensor? { tensors[name] }
  /// `x0`, `x1`, … in order.
  public var list: [Tensor] { (0..<tensors.count).compactMap { tensors["x\($0)"] } }
}

/// Closures by the name of the operation; the results in the order of `FixtureCase.outputNames`.
public typealias FixtureTable = [String: @Sendable (FixtureInputs, Arguments) throws -> [Tensor]]
