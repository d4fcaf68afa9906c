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
    let content = withoutColorManagement(bytes)
    var png = png_image()
    png.version = UInt32(PNG_IMAGE_VERSION)
    defer { png_image_free(&png) }
    return try content.withUnsafeBytes { memory in
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

  /// libpng converts pixels to sRGB by what these chunks say; PIL, and with it every published model, takes the
  /// stored values as they are.
  private static func withoutColorManagement(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    let dropped: Set<[UInt8]> = [
      Array("gAMA".utf8), Array("cHRM".utf8), Array("iCCP".utf8), Array("sRGB".utf8),
    ]
    var result = signature
    result.reserveCapacity(bytes.count)
    var position = signature.count
    while position + 12 <= bytes.count {
      let length = bytes[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
      let end = position + 12 + length
      let name = Array(bytes[position + 4..<position + 8])
      if end > bytes.count { break }
      if !dropped.contains(name) { result += bytes[position..<end] }
      position = end
      if name == Array("IDAT".utf8) { break }
    }
    return result + bytes[position...]
  }

  private static func message(_ png: png_image) -> String {
    withUnsafeBytes(of: png.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
