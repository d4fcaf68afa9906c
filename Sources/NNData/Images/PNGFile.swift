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
    if let content = try pictureAlone(bytes, file: file) {
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

  private static let header = chunkName("IHDR")
  private static let imageData = chunkName("IDAT")
  private static let transparency = chunkName("tRNS")
  private static let exif = chunkName("eXIf")

  private static func chunkName(_ name: String) -> UInt32 { name.utf8.reduce(0) { $0 << 8 | UInt32($1) } }

  private struct Chunk {
    let name: UInt32
    /// Its bytes with length, name and checksum.
    let range: Range<Int>
    var content: Range<Int> { range.lowerBound + 8..<range.upperBound - 4 }
    /// Whether a picture cannot be made without it.
    var isCritical: Bool { name & 0x2000_0000 == 0 }
  }

  /// The chunks that are whole; what follows the last of them is for the decoder to refuse.
  private static func chunks(_ bytes: UnsafeRawBufferPointer) -> [Chunk] {
    func word(_ place: Int) -> UInt32 {
      UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self))
    }
    var chunks: [Chunk] = []
    var position = signature.count
    while position + 12 <= bytes.count {
      let end = position + 12 + Int(word(position))
      if end > bytes.count { break }
      chunks.append(Chunk(name: word(position + 4), range: position..<end))
      position = end
    }
    return chunks
  }

  /// The file without the chunks beside the picture, or nil if it has none.
  ///
  /// libpng converts pixels to sRGB by what some of them say; PIL, and with it every published model, takes the stored
  /// values as they are. For others it takes memory by lengths that nothing in the file justifies.
  private static func pictureAlone(_ bytes: UnsafeRawBufferPointer, file: String) throws -> [UInt8]? {
    let chunks = chunks(bytes)
    let end = chunks.last?.range.upperBound ?? signature.count
    if end + 8 <= bytes.count, chunks.last?.name != chunkName("IEND") {
      throw ImageError.damaged(
        file: file, reason: "a chunk at byte \(end) is longer than the \(bytes.count) bytes of the file")
    }
    if let first = chunks.first, first.name == header, first.content.count == 13 {
      try checkData(bytes, chunks, first.content.lowerBound, file)
    }
    let kept = chunks.filter { $0.isCritical || $0.name == transparency }
    if kept.count == chunks.count { return nil }
    return kept.reduce(into: Array(bytes[..<signature.count])) { $0 += bytes[$1.range] }
  }

  /// Refuses pixels that the data cannot hold: deflate shrinks to no less than a 1032nd.
  private static func checkData(
    _ bytes: UnsafeRawBufferPointer, _ chunks: [Chunk], _ header: Int, _ file: String
  ) throws {
    func word(_ place: Int) -> Int {
      Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self)))
    }
    let (width, height) = (word(header), word(header + 4))
    try Image.checkSize(width: width, height: height, file: file)
    let samples = [2: 3, 4: 2, 6: 4][Int(bytes[header + 9])] ?? 1
    let size = chunks.reduce(0) { $0 + ($1.name == imageData ? $1.content.count : 0) }
    guard width * height * samples * Int(bytes[header + 8]) / 8 <= 1_032 * size + 1_024 else {
      throw ImageError.damaged(
        file: file, reason: "\(size) bytes of data cannot hold \(width)x\(height) pixels")
    }
  }

  /// The orientation in the EXIF chunk, nil if there is none.
  static func orientation(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard let chunk = chunks(bytes).first(where: { $0.name == exif }) else { return nil }
    return ExifOrientation.value(inTIFF: UnsafeRawBufferPointer(rebasing: bytes[chunk.content]))
  }

  private static func message(_ png: png_image) -> String {
    withUnsafeBytes(of: png.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
