import CPNG
import NNCore

/// PNG through libpng's simplified interface.
enum PNGFile {
  static let signature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

  // The header's macros do not all reach Swift.
  private static let alpha: UInt32 = 1
  private static let color: UInt32 = 2
  private static let sixteenBitIsSRGB: UInt32 = 4

  static func decode(_ bytes: UnsafeRawBufferPointer, file: String) throws -> Image {
    if let content = withoutColorManagement(bytes) {
      return try content.withUnsafeBytes { try decodeAsStored($0, file: file) }
    }
    return try decodeAsStored(bytes, file: file)
  }

  private static func decodeAsStored(_ memory: UnsafeRawBufferPointer, file: String) throws -> Image {
    var png = png_image()
    png.version = UInt32(PNG_IMAGE_VERSION)
    defer { png_image_free(&png) }
    guard png_image_begin_read_from_memory(&png, memory.baseAddress, memory.count) != 0 else {
      throw ImageError.damaged(file: file, reason: message(png))
    }
    try Image.checkSize(width: Int(png.width), height: Int(png.height), file: file)
    // Gray with opacity becomes colour with opacity.
    let channels = png.format & alpha != 0 ? 4 : png.format & color != 0 ? 3 : 1
    png.format = channels == 4 ? color | alpha : channels == 3 ? color : 0
    png.flags |= sixteenBitIsSRGB
    return try Image(width: Int(png.width), height: Int(png.height), channels: channels) { pixels in
      guard png_image_finish_read(&png, nil, pixels.baseAddress, 0, nil) != 0 else {
        throw ImageError.damaged(file: file, reason: message(png))
      }
    }
  }

  static func encode(_ image: Image) -> [UInt8] {
    var png = png_image()
    png.version = UInt32(PNG_IMAGE_VERSION)
    png.width = UInt32(image.width)
    png.height = UInt32(image.height)
    png.format = image.channels == 4 ? color | alpha : image.channels == 3 ? color : 0
    // Deflate can add a little to what it cannot shrink: 5 bytes per 16 kB, the row filters, and the headers.
    let raw = image.pixels.count + image.height
    var size = raw + (raw >> 10) + 4096
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      let written = png_image_write_to_memory(&png, buffer.baseAddress, &size, 0, image.pixels, 0, nil)
      count = written != 0 ? size : 0
    }
    require(!bytes.isEmpty, "Image.pngData", message(png))
    return bytes
  }

  private static let dropped = Set(["gAMA", "cHRM", "iCCP", "sRGB"].map(chunkName))
  private static let imageData = chunkName("IDAT")

  private static func chunkName(_ name: String) -> UInt32 { name.utf8.reduce(0) { $0 << 8 | UInt32($1) } }

  /// libpng converts pixels to sRGB by what some chunks say; PIL, and with it every published model, takes the
  /// stored values as they are. The file without these chunks, or nil if it has none.
  private static func withoutColorManagement(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
    func word(_ place: Int) -> UInt32 {
      UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self))
    }
    var kept: [UInt8]?
    var position = signature.count
    while position + 12 <= bytes.count {
      let (length, name) = (Int(word(position)), word(position + 4))
      let end = position + 12 + length
      if name == imageData || end > bytes.count { break }
      if dropped.contains(name) {
        kept = kept ?? Array(bytes[..<position])
      } else {
        kept?.append(contentsOf: bytes[position..<end])
      }
      position = end
    }
    kept?.append(contentsOf: bytes[position...])
    return kept
  }

  private static func message(_ png: png_image) -> String {
    withUnsafeBytes(of: png.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
