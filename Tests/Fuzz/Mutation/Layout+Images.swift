extension Layout {
  private static let pngStart: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  /// Chunks of a PNG file: type and data.
  static let png = Layout(
    split: { bytes in
      var parts: [[UInt8]] = []
      var place = 8
      while place + 12 <= bytes.count {
        let length = integer(bytes[place..<place + 4], isBigEndian: true)
        guard place + 12 + length <= bytes.count else { break }
        parts.append(Array(bytes[place + 4..<place + 8 + length]))
        place += 12 + length
      }
      return parts
    },
    join: { parts in
      pngStart
        + parts.flatMap {
          bigEndian(UInt32(truncatingIfNeeded: Swift.max(0, $0.count - 4))) + $0 + bigEndian(checksum($0))
        }
    })

  /// Segments of a JPEG file: marker and content; the last one is the scans, as they are.
  static let jpeg = Layout(
    split: { bytes in
      var parts: [[UInt8]] = []
      var place = 2
      while place + 4 <= bytes.count, bytes[place] == 0xFF, bytes[place + 1] != 0xDA {
        let length = integer(bytes[place + 2..<place + 4], isBigEndian: true)
        guard length >= 2, place + 2 + length <= bytes.count else { break }
        parts.append(Array(bytes[place..<place + 2] + bytes[place + 4..<place + 2 + length]))
        place += 2 + length
      }
      return parts + [Array(bytes[Swift.min(place, bytes.count)...])]
    },
    join: { parts in
      [0xFF, 0xD8]
        + parts.flatMap { part -> [UInt8] in
          part.count < 2 || part[1] == 0xDA
            ? part
            : part.prefix(2) + bigEndian(UInt16(truncatingIfNeeded: part.count)) + part.dropFirst(2)
        }
    })

  /// Chunks of a RIFF file: type and data.
  static let webp = Layout(
    split: { bytes in
      var parts: [[UInt8]] = []
      var place = 12
      while place + 8 <= bytes.count {
        let length = integer(bytes[place + 4..<place + 8])
        guard place + 8 + length <= bytes.count else { break }
        parts.append(Array(bytes[place..<place + 4] + bytes[place + 8..<place + 8 + length]))
        place += 8 + (length + 1) / 2 * 2
      }
      return parts
    },
    join: { parts in
      let chunks = parts.flatMap { part -> [UInt8] in
        let length = littleEndian(UInt32(Swift.max(0, part.count - 4)))
        return part.prefix(4) + length + part.dropFirst(4) + (part.count % 2 == 0 ? [] : [0])
      }
      return Array("RIFF".utf8) + littleEndian(UInt32(chunks.count + 4)) + Array("WEBP".utf8) + chunks
    })

  /// A TIFF file of one folder of entries, which is taken out of its place and put at the end: what is before it, and
  /// the entries of 12 bytes.
  static let tiff = Layout(
    split: { bytes in
      guard bytes.count >= 8 else { return nil }
      let isBigEndian = bytes[0] == UInt8(ascii: "M")
      let start = integer(bytes[4..<8], isBigEndian: isBigEndian)
      guard start >= 8, start + 2 <= bytes.count else { return nil }
      let count = integer(bytes[start..<start + 2], isBigEndian: isBigEndian)
      guard start + 2 + 12 * count <= bytes.count else { return nil }
      return [bytes] + (0..<count).map { Array(bytes[start + 2 + 12 * $0..<start + 14 + 12 * $0]) }
    },
    join: { parts in
      var file = parts.first ?? []
      guard file.count >= 8 else { return file }
      func number(_ value: Int) -> [UInt8] {
        file[0] == UInt8(ascii: "M") ? bigEndian(UInt32(value)) : littleEndian(UInt32(value))
      }
      let entries = parts.dropFirst()
      let count = number(entries.count)
      let start = number(file.count)
      file +=
        (file[0] == UInt8(ascii: "M") ? count.suffix(2) : count.prefix(2)) + entries.joined() + [0, 0, 0, 0]
      file.replaceSubrange(4..<8, with: start)
      return file
    })
}
