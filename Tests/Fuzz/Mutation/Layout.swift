import Foundation
import NNFiles
import TestSupport

/// How files of a format are taken apart and put together again with lengths and checksums that are right.
struct Layout: Sendable {
  /// Nil for a file that is not of the format.
  let split: @Sendable ([UInt8]) -> [[UInt8]]?
  let join: @Sendable ([[UInt8]]) -> [UInt8]

  /// Nothing is known of the inside.
  static let whole = Layout(split: { _ in nil }, join: { Array($0.joined()) })

  /// Text: each part ends with a line or a mark of JSON, YAML or CSV.
  static let text = Layout(
    split: { bytes in
      let marks = Set(",;:{}[]\n".utf8)
      var parts: [[UInt8]] = [[]]
      for byte in bytes {
        parts[parts.count - 1].append(byte)
        if marks.contains(byte) { parts.append([]) }
      }
      return parts
    }, join: { Array($0.joined()) })

  /// Records of one size.
  static func records(_ size: Int) -> Layout {
    Layout(
      split: { bytes in
        stride(from: 0, to: bytes.count, by: size).map {
          Array(bytes[$0..<Swift.min($0 + size, bytes.count)])
        }
      }, join: { Array($0.joined()) })
  }

  /// Header and data of a safetensors file.
  static let safetensors = Layout(
    split: { bytes in
      let length = integer(bytes.prefix(8))
      guard bytes.count >= 8, length <= bytes.count - 8 else { return nil }
      return [Array(bytes[8..<8 + length]), Array(bytes[(8 + length)...])]
    },
    join: { parts in
      let header = parts.first ?? []
      return littleEndian(UInt64(header.count)) + header + Array(parts.dropFirst().joined())
    })

  /// A safetensors file whose metadata hold a JSON text: header and data, and then the marks and values of that text.
  static let described = Layout(
    split: { bytes in
      guard let parts = safetensors.split(bytes),
        var header = try? JSONSerialization.jsonObject(with: Data(parts[0])) as? [String: Any],
        var metadata = header["__metadata__"] as? [String: String], let entry = metadata.first
      else { return nil }
      metadata[entry.key] = placeholder
      header["__metadata__"] = metadata
      guard let frame = try? JSONSerialization.data(withJSONObject: header, options: .sortedKeys) else {
        return nil
      }
      return [Array(frame), parts[1]] + (text.split(Array(entry.value.utf8)) ?? [])
    },
    join: { parts in
      let frame = String(decoding: parts.first ?? [], as: UTF8.self)
      let content = String(decoding: parts.dropFirst(2).joined(), as: UTF8.self)
      let quoted = (try? JSONEncoder().encode(content)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
      let header = frame.replacingOccurrences(of: "\"\(placeholder)\"", with: quoted)
      return safetensors.join([Array(header.utf8), parts.count > 1 ? parts[1] : []])
    })
  private static let placeholder = "@@"

  /// Version, header text and data of an array.
  static let npy = Layout(
    split: { bytes in
      guard bytes.count >= 12 else { return nil }
      let width = bytes[6] == 1 ? 2 : 4
      let length = integer(bytes[8..<8 + width])
      guard 8 + width + length <= bytes.count else { return nil }
      let data = 8 + width + length
      return [Array(bytes[6..<8]), Array(bytes[(8 + width)..<data]), Array(bytes[data...])]
    },
    join: { parts in
      let version = parts.first ?? [1, 0]
      let header = parts.count > 1 ? parts[1] : []
      let length =
        version.first == 1
        ? littleEndian(UInt16(truncatingIfNeeded: header.count)) : littleEndian(UInt32(header.count))
      return [0x93] + Array("NUMPY".utf8) + version + length + header + Array(parts.dropFirst(2).joined())
    })

  /// Entries of a zip file: the length of the name, the name, and what is in the entry.
  static let zip = Layout(
    split: { unzipped($0)?.map { littleEndian(UInt16($0.name.count)) + $0.name + $0.content } },
    join: { parts in
      let entries = parts.map { part in
        let length = Swift.min(integer(part.prefix(2)), Swift.max(0, part.count - 2))
        let name = String(decoding: part.dropFirst(2).prefix(length), as: UTF8.self)
        return (name: String(name.prefix(1_000)), content: Array(part.dropFirst(2 + length)))
      }
      return [UInt8](storedZip(entries))
    })

  /// Entries of a tar archive: header and content.
  static let tar = Layout(
    split: { bytes in
      var parts: [[UInt8]] = []
      var place = 0
      while place + 512 <= bytes.count, bytes[place] != 0 {
        let digits = bytes[place + 124..<place + 135].filter { (48...55).contains($0) }
        let size = Int(String(decoding: digits, as: UTF8.self), radix: 8) ?? 0
        let end = Swift.min(bytes.count, place + 512 + size)
        parts.append(Array(bytes[place..<end]))
        place += 512 + (size + 511) / 512 * 512
      }
      return parts
    },
    join: { parts in
      var tar: [UInt8] = []
      for part in parts {
        var entry =
          part + Array(repeating: 0, count: Swift.max(512, (part.count + 511) / 512 * 512) - part.count)
        entry.replaceSubrange(148..<156, with: Array(repeating: 32, count: 8))
        let sum = String(entry[..<512].reduce(0) { $0 + Int($1) }, radix: 8)
        let digits = String(repeating: "0", count: Swift.max(0, 6 - sum.count)) + sum
        entry.replaceSubrange(148..<156, with: Array(digits.utf8) + [0, 32])
        tar += entry
      }
      return tar + Array(repeating: 0, count: 1_024)
    })

  /// What is in a gzip file.
  static let gzip = Layout(
    split: { inflated($0, windowBits: 31).map { [$0] } },
    join: { [UInt8](storedGzip(Array($0.joined()))) })
}
