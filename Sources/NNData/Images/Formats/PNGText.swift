import CZlib

/// The texts of a PNG file in which an orientation may stand.
enum PNGText {
  /// Texts larger than this are passed over.
  private static let limit = 1 << 20

  /// Keyword and content of a `tEXt`, `zTXt` or `iTXt` chunk; nil for what is malformed or too large.
  static func read(_ name: String, _ content: UnsafeRawBufferPointer.SubSequence) -> (
    keyword: String, text: [UInt8]
  )? {
    guard content.count <= limit, let end = content.prefix(80).firstIndex(of: 0) else { return nil }
    let keyword = String(decoding: content[..<end], as: UTF8.self)
    var rest = content[(end + 1)...]
    switch name {
    case "tEXt":
      return (keyword, [UInt8](rest))
    case "zTXt":
      guard rest.popFirst() == 0 else { return nil }
      return inflated([UInt8](rest)).map { (keyword, $0) }
    case "iTXt":
      guard let isCompressed = rest.popFirst(), rest.popFirst() == 0 else { return nil }
      for _ in 0..<2 {  // language, and the keyword in it
        guard let end = rest.firstIndex(of: 0) else { return nil }
        rest = rest[(end + 1)...]
      }
      if isCompressed == 0 { return (keyword, [UInt8](rest)) }
      return inflated([UInt8](rest)).map { (keyword, $0) }
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
    var size = uLongf(limit)
    var status = Z_DATA_ERROR
    let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
      status = uncompress(buffer.baseAddress, &size, packed, uLong(packed.count))
      count = status == Z_OK ? Int(size) : 0
    }
    return status == Z_OK ? bytes : nil
  }
}
