import CZlib

/// The texts of a PNG file in which an orientation may stand.
enum PNGText {
  /// What ImageMagick calls a text of EXIF data.
  static let profileKeyword = "Raw profile type exif"
  /// Bytes of a text, also unpacked; larger ones are passed over.
  private static let sizeLimit = 1 << 20

  /// The keyword of a text chunk, if it is one of those here. Nothing is unpacked for it.
  static func keyword(_ name: String, _ content: UnsafeRawBufferPointer.SubSequence) -> String? {
    guard ["tEXt", "zTXt", "iTXt"].contains(name), let end = content.prefix(80).firstIndex(of: 0) else {
      return nil
    }
    return [XMP.keyword, profileKeyword].first { $0.utf8.elementsEqual(content[..<end]) }
  }

  /// The content of a `tEXt`, `zTXt` or `iTXt` chunk; nil for what is malformed or too large.
  static func read(_ name: String, _ content: UnsafeRawBufferPointer.SubSequence) -> [UInt8]? {
    guard content.count <= sizeLimit, let end = content.firstIndex(of: 0) else { return nil }
    var rest = content[(end + 1)...]
    switch name {
    case "tEXt":
      return [UInt8](rest)
    case "zTXt":
      guard rest.popFirst() == 0 else { return nil }
      return inflated([UInt8](rest))
    case "iTXt":
      guard let isCompressed = rest.popFirst(), rest.popFirst() == 0 else { return nil }
      for _ in 0..<2 {  // language, and the keyword in it
        guard let end = rest.firstIndex(of: 0) else { return nil }
        rest = rest[(end + 1)...]
      }
      if isCompressed == 0 { return [UInt8](rest) }
      return inflated([UInt8](rest))
    default:
      return nil
    }
  }

  /// The EXIF data of a text that ImageMagick writes: three lines (an empty one, a name, a length), then hexadecimal digits.
  static func rawProfile(_ text: [UInt8]) -> [UInt8] {
    let digits = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropFirst(3)
      .joined()
    var (bytes, half): ([UInt8], UInt8?) = ([], nil)
    for digit in digits {
      guard let value = Character(UnicodeScalar(digit)).hexDigitValue.map(UInt8.init) else { continue }
      if let high = half {
        bytes.append(high << 4 | value)
        half = nil
      } else {
        half = value
      }
    }
    return bytes
  }

  /// What zlib data unfold to, nil if that is more than the limit or they are damaged.
  private static func inflated(_ packed: [UInt8]) -> [UInt8]? {
    var size = uLongf(sizeLimit)
    var status = Z_DATA_ERROR
    let bytes = [UInt8](unsafeUninitializedCapacity: sizeLimit) { buffer, count in
      status = uncompress(buffer.baseAddress, &size, packed, uLong(packed.count))
      count = status == Z_OK ? Int(size) : 0
    }
    return status == Z_OK ? bytes : nil
  }
}
