import Foundation
import NNCore

/// The tensors of a safetensors file of our own fixtures (trusted: a damaged file stops the test run).
///
/// A reader apart from the library's, so that the library is not judged by its own reading.
public struct TensorBlob: Sendable {
  private struct Entry: Sendable {
    let dtype: String
    let shape: [Int]
    let start: Int
    let end: Int
  }
  private let bytes: Data
  private let body: Int
  private let entries: [String: Entry]

  public init(contentsOf url: URL) throws {
    bytes = try Data(contentsOf: url)
    let length = Int(
      bytes.prefix(8).enumerated().reduce(UInt64(0)) { $0 | UInt64($1.element) << (8 * $1.offset) })
    body = 8 + length
    let header = try JSONDecoder().decode(JSONValue.self, from: bytes[8..<8 + length])
    entries = header.entries.filter { $0.key != "__metadata__" }.compactMapValues { value in
      guard let dtype = value["dtype"], let shape = value["shape"], let range = value["data_offsets"] else {
        return nil
      }
      return Entry(dtype: dtype.string, shape: shape.ints, start: range[0].int, end: range[1].int)
    }
  }

  public var names: [String] { entries.keys.sorted() }

  public func contains(_ name: String) -> Bool { entries[name] != nil }

  /// The tensor of that name in the element type it is stored in.
  public func tensor(_ name: String) -> Tensor {
    guard let entry = entries[name] else { preconditionFailure("no tensor \(name) in the fixtures") }
    switch entry.dtype {
    case "F32": return tensor(entry, Float.self)
    case "F64": return tensor(entry, Double.self)
    case "I64": return tensor(entry, Int64.self)
    case "I32": return tensor(entry, Int32.self)
    case "U8": return tensor(entry, UInt8.self)
    case "BOOL": return tensor(entry, UInt8.self).to(.bool)
    default: preconditionFailure("element type \(entry.dtype) of \(name) is not read here")
    }
  }

  private func tensor<T: TensorElement>(_ entry: Entry, _ type: T.Type) -> Tensor {
    let values = bytes[body + entry.start..<body + entry.end].withUnsafeBytes { raw in
      (0..<raw.count / MemoryLayout<T>.stride).map {
        raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.stride, as: T.self)
      }
    }
    return Tensor(values, shape: entry.shape)
  }
}
