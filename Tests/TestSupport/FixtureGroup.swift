import Foundation
import NNCore

/// Golden cases of one group: a folder with `manifest.json` and `<group>.safetensors`.
///
/// Inputs are float32. Expected values were computed in float64 from them and rounded to float32 once.
public struct FixtureGroup: Sendable {
  public let name: String
  /// The manifest as it stands.
  public let manifest: JSONValue
  public let tensors: TensorBlob
  public let cases: [FixtureCase]

  public init(directory: URL) throws {
    let manifest = try JSONValue(contentsOf: directory.appendingPathComponent("manifest.json"))
    let name = manifest["group"]?.string ?? directory.lastPathComponent
    let blob = try TensorBlob(contentsOf: directory.appendingPathComponent("\(name).safetensors"))
    self.name = name
    self.manifest = manifest
    tensors = blob
    let tolerances = (manifest["rtol"]?.double ?? 1e-5, manifest["atol"]?.double ?? 1e-6)
    cases = (manifest["cases"]?.elements ?? []).map {
      FixtureCase($0, blob: blob, relativeTolerance: tolerances.0, absoluteTolerance: tolerances.1)
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
  /// Names that begin with "out" first, then the others in alphabetical order.
  public let outputNames: [String]
  public let gradientNames: [String]
  public let relativeTolerance: Double
  public let absoluteTolerance: Double
  let blob: TensorBlob

  init(_ entry: JSONValue, blob: TensorBlob, relativeTolerance: Double, absoluteTolerance: Double) {
    self.entry = entry
    self.blob = blob
    id = entry["id"]?.string ?? "?"
    operation = entry["op"]?.string ?? "?"
    kwargs = entry["kwargs"]?.entries ?? [:]
    inputNames = (entry["inputs"]?.entries ?? [:]).keys.sorted()
    outputNames = (entry["outputs"]?.entries ?? [:]).keys.sorted {
      ($0.hasPrefix("out") ? 0 : 1, $0) < ($1.hasPrefix("out") ? 0 : 1, $1)
    }
    gradientNames = entry["grads"]?.elements.map(\.string) ?? []
    self.relativeTolerance = relativeTolerance
    self.absoluteTolerance = entry["atol"]?.double ?? absoluteTolerance
  }

  public var description: String { id }

  /// A tensor of the case, `in.x`, `out`, `grad.x`, …, as it is stored.
  public func stored(_ name: String) -> Tensor { blob.tensor("\(id)/\(name)") }
  public func hasStored(_ name: String) -> Bool { blob.contains("\(id)/\(name)") }
}

/// What the closure of an operation gets: input tensors and keyword arguments.
public struct FixtureInputs {
  /// Name and tensor of each input, floating-point ones in the element type under test.
  public let tensors: [String: Tensor]
  public let kwargs: [String: JSONValue]
  /// The floating-point type under test.
  public let dtype: DType

  /// An input that is always there.
  public subscript(_ name: String) -> Tensor {
    guard let tensor = tensors[name] else { preconditionFailure("the case has no input \(name)") }
    return tensor
  }
  /// An input that may be missing, like a bias.
  public func optional(_ name: String) -> Tensor? { tensors[name] }
  /// `x0`, `x1`, … in order.
  public var list: [Tensor] { (0..<tensors.count).compactMap { tensors["x\($0)"] } }

  /// A keyword argument; nil if it is missing or null.
  public func argument(_ name: String) -> JSONValue? {
    guard let value = kwargs[name], !value.isNull else { return nil }
    return value
  }
  public func int(_ name: String, _ fallback: Int = 0) -> Int { argument(name)?.int ?? fallback }
  public func double(_ name: String, _ fallback: Double = 0) -> Double { argument(name)?.double ?? fallback }
  public func bool(_ name: String, _ fallback: Bool = false) -> Bool { argument(name)?.bool ?? fallback }
  public func string(_ name: String, _ fallback: String = "") -> String { argument(name)?.string ?? fallback }
  /// One integer or several.
  public func ints(_ name: String, _ fallback: [Int] = []) -> [Int] { argument(name)?.ints ?? fallback }
  /// Height and width; one integer stands for both.
  public func pair(_ name: String, _ fallback: Int = 0) -> (Int, Int) {
    let values = ints(name, [fallback])
    return (values[0], values.count > 1 ? values[1] : values[0])
  }
}

/// Closures by the name of the operation; the results in the order of `FixtureCase.outputNames`.
public typealias FixtureTable = [String: @Sendable (FixtureInputs) -> [Tensor]]
