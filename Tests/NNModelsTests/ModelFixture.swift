import Foundation
import NNCore
import NNFiles
import NNLayers
import NNModels
import TestSupport

/// Golden values of one network.
struct ModelFixture: Sendable {
  let name: String
  let json: JSONValue

  /// - Parameter name: a file in `Fixtures/models`.
  init(_ name: String) {
    let file = Bundle.module.bundleURL.appendingPathComponent("Fixtures/models/\(name).json")
    guard let json = try? JSONValue(contentsOf: file) else { preconditionFailure("no fixture \(file.path)") }
    self.name = name
    self.json = json
  }

  /// The networks that torchvision or timm has as well.
  static let names = listModels().filter { $0 != shapesnet.name }

  func int(_ key: String) -> Int { json[key]?.int ?? -1 }
  func double(_ key: String) -> Double { json[key]?.double ?? .nan }

  static func weights(of module: Module, convGain: Double) -> StateDict {
    FormulaNumbers.weights(of: module, convGain: convGain)
  }

  /// The formula input of a shape.
  static func input(_ shape: [Int]) -> Tensor {
    FormulaNumbers.uniform("input/" + shape.map(String.init).joined(separator: "x"), shape)
  }
}

/// What differs between logits and the golden rows, one line each.
func logitDifferences(_ logits: Tensor, _ rows: [JSONValue], atol: Double) -> [String] {
  var found: [String] = []
  func check(_ what: String, _ got: Double, _ want: Double?, _ tolerance: Double) {
    guard let want, abs(got - want) <= tolerance else {
      found.append("\(what): \(got), expected \(want ?? .nan) within \(tolerance)")
      return
    }
  }
  if logits.rank != 2 || logits.shape[0] != rows.count { return ["shape \(logits.shape)"] }
  for (place, row) in rows.enumerated() {
    let values = logits.select(0, index: place).array(of: Double.self)
    for (index, want) in (row["first10"]?.doubles ?? [.nan]).enumerated() {
      check("[\(place), \(index)]", values[index], want, atol)
    }
    for (index, want) in (row["last10"]?.doubles ?? [.nan]).enumerated() {
      let index = values.count - 10 + index
      check("[\(place), \(index)]", values[index], want, atol)
    }
    check("sum of row \(place)", values.reduce(0, +), row["sum"]?.double, 1000 * atol)
    check(
      "l2 of row \(place)", values.reduce(0) { $0 + $1 * $1 }.squareRoot(), row["l2"]?.double, 32 * atol)
    let best = values.indices.max { values[$0] < values[$1] } ?? -1
    check("argmax of row \(place)", Double(best), row["argmax"]?.double, 0)
  }
  return found
}

/// L2 norm in float64.
func l2(_ tensor: Tensor) -> Double {
  tensor.array(of: Double.self).reduce(0) { $0 + $1 * $1 }.squareRoot()
}
