import Foundation
import NNCore

/// Multiply-adds of a network for one image of the size of its ``Architecture/defaultWeights``, in convolutions, matrix
/// products and attention; as torchvision counts them.
///
/// - Throws: ``ModelError`` if there is no network of that name.
public func modelOperations(_ name: String) throws -> Int {
  let name = try architecture(name).name
  guard let count = operations[name] else { fail("modelOperations", "no operations.txt entry for \(name)") }
  return count
}

/// Counted by PyTorch, see `Tests/NNModelsTests/Fixtures/make_operations.py`.
private let operations: [String: Int] = {
  guard let file = Bundle.module.url(forResource: "operations", withExtension: "txt"),
    let text = try? String(contentsOf: file, encoding: .utf8)
  else { fail("modelOperations", "no operations.txt in the resources at \(Bundle.module.bundlePath)") }
  let rows = text.split(separator: "\n").map { $0.split(separator: " ") }
  return Dictionary(rows.compactMap { row in Int(row[1]).map { (String(row[0]), $0) } }) { $1 }
}()
