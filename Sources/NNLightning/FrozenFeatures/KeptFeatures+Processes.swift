import Foundation
import NNCore

// Of several processes each computes the features of its share. Where shares are others in each epoch all get what all
// computed, so that every image is computed once, whoever needs it next.
extension KeptFeatures {
  /// What lies at the beginning of a message, in front of the rows' bytes.
  private struct Part: Codable {
    /// Which of the tables, in the order in which they were made.
    var table: Int
    var rowBytes: Int
    var rows: [Int]
  }

  /// The rows of a loader's tables that this process computed since the last time.
  func unsent(of loader: LoaderInputs) throws -> Data {
    var parts: [Part] = []
    var bytes = Data()
    for (place, entry) in tables.enumerated() where entry.loader === loader {
      let rows = entry.table.takeUnsent()
      if rows.isEmpty { continue }
      parts.append(Part(table: place, rowBytes: entry.table.rowBytes, rows: rows))
      let values = entry.table.gather(rows)
      bytes.append(Data(bytes: values.hostPointer, count: rows.count * entry.table.rowBytes))
    }
    if parts.isEmpty { return Data() }
    let header = Data(try SavedState.encode(parts).utf8)
    return withUnsafeBytes(of: UInt64(header.count)) { Data($0) } + header + bytes
  }

  /// Takes over what another process sent.
  func take(_ message: Data) throws {
    if message.isEmpty { return }
    let message = Data(message)
    guard message.count >= 8 else { throw CheckpointError.invalid("features of another process", "damaged") }
    let length = message.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
    guard length <= message.count - 8 else {
      throw CheckpointError.invalid("features of another process", "damaged")
    }
    var place = 8 + Int(length)
    let parts = try SavedState.decode(
      [Part].self, from: String(decoding: message[8..<place], as: UTF8.self))
    let tables = tables
    for part in parts {
      guard tables.indices.contains(part.table), tables[part.table].table.rowBytes == part.rowBytes,
        part.rows.allSatisfy({ (0..<tables[part.table].table.count).contains($0) }),
        message.count - place >= part.rows.count * part.rowBytes
      else { throw CheckpointError.invalid("features of another process", "of other tables") }
      let size = part.rows.count * part.rowBytes
      let values = Tensor(uninitialized: [part.rows.count, part.rowBytes], dtype: .uint8)
      message[place..<place + size].copyBytes(
        to: UnsafeMutableRawBufferPointer(start: values.hostPointer, count: size))
      tables[part.table].table.store(part.rows, values, isOwn: false)
      place += size
    }
  }
}
