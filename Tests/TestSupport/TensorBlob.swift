import Foundation
import NNCore

/// The tensors of a safetensors file of the fixtures.
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

  /// No tensors.
  public init() { (bytes, body, entries) = (Data(), 0, [:]) }

  public init(contentsOf url: URL) throws {
    let bytes = try Data(contentsOf: url)
    let length = bytes.prefix(8).enumerated().reduce(UInt64(0)) {
      $0 | UInt64($1.element) << (8 * $1.offset)
    }
    guard bytes.count >= 8, length <= UInt64(bytes.count - 8) else {
      throw FixtureError("\(url.lastPathComponent) has no safetensors header")
    }
    let body = 8 + Int(length)
    let header = try JSONValue(decoding: Data(bytes[8..<body]))
    entries = (header.entries ?? [:]).compactMapValues { value in
      guard let dtype = value["dtype"]?.string, let shape = value["shape"]?.ints,
        let range = value["data_offsets"]?.ints, range.count == 2
      else { return nil }
      return Entry(dtype: dtype, shape: shape, start: range[0], end: range[1])
    }
    (self.bytes, self.body) = (bytes, body)
  }

  public func contains(_ name: String) -> Bool { entries[name] != nil }

  /// The tensor of that name in the element type it is stored in.
  public func tensor(_ name: String) throws -> Tensor {
    guard let entry = entries[name] else { throw FixtureError("no tensor \(name) in the fixtures") }
    switch entry.dtype {
    case "F32": return try tensor(name, entry, Float.self)
    case "F64": return try tensor(name, entry, Double.self)
    case "I64": return try tensor(name, entry, Int64.self)
    case "I32": return try tensor(name, entry, Int32.self)
    case "U8": return try tensor(name, entry, UInt8.self)
    case "BOOL": return try tensor(name, entry, UInt8.self).to(.bool)
    default: throw FixtureError("element type \(entry.dtype) of \(name) is not read here")
    }
  }

  private func tensor<T: TensorElement>(_ name: String, _ entry: Entry, _ type: T.Type) throws -> Tensor {
    let size = MemoryLayout<T>.stride
    var count = 1
    for length in entry.shape {
      let (product, isTooLarge) = count.multipliedReportingOverflow(by: length)
      count = isTooLarge || length < 0 ? -1 : product
      if count < 0 { break }
    }
    guard entry.start >= 0, entry.end >= entry.start, entry.end <= bytes.count - body,
      (entry.end - entry.start) % size == 0, count == (entry.end - entry.start) / size
    else { throw FixtureError("the data of \(name) does not fit its shape \(entry.shape)") }
    let values = bytes[body + entry.start..<body + entry.end].withUnsafeBytes { raw in
      (0..<count).map { raw.loadUnaligned(fromByteOffset: $0 * size, as: T.self) }
    }
    return Tensor(values, shape: entry.shape)
  }
}
