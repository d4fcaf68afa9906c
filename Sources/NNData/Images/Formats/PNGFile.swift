import CPNG
import NNCore
import NNFiles

/// PNG through libpng's simplified interface.
enum PNGFile: ImageDecoder {
  static let signature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

  // The header's macros do not all reach Swift.
  private static let alpha: UInt32 = 1
  private static let color: UInt32 = 2
  private static let sixteenBitIsSRGB: UInt32 = 4

  static func header(_ bytes: UnsafeRawBufferPointer, file: String) throws -> Image.Header {
    var (first, isTransparent): (Chunk?, Bool) = (nil, false)
    var exif: Int?
    // The last of each; one is unpacked at most once, however many there are.
    var texts: [String: Chunk] = [:]
    try forEachChunk(bytes, file) { chunk in
      first = first ?? chunk
      if chunk.name == "eXIf" { exif = Exif.orientation(bytes[chunk.content]) }
      if let keyword = PNGText.keyword(chunk.name, bytes[chunk.content]) { texts[keyword] = chunk }
      if chunk.name == "tRNS" { isTransparent = true }
    }
    guard let first, first.name == "IHDR", first.content.count == 13 else {
      throw ImageError.damaged(file: file, reason: "expected a header of 13 bytes at its start")
    }
    func text(_ keyword: String) -> [UInt8]? {
      texts[keyword].flatMap { PNGText.read($0.name, bytes[$0.content]) }
    }
    let orientation =
      exif ?? text(PNGText.profileKeyword).flatMap { Exif.orientation(PNGText.rawProfile($0)) }
      ?? text(XMP.keyword).flatMap { XMP.orientation($0) } ?? 1
    let place = first.content.lowerBound
    let color: Image.Header.Color =
      switch bytes[place + 9] {
      case 0: isTransparent ? .grayWithOpacity : .gray
      case 4: .grayWithOpacity
      case 6: .rgbWithOpacity
      default: isTransparent ? .rgbWithOpacity : .rgb
      }
    return Image.Header(
      format: .png, width: word(bytes, place), height: word(bytes, place + 4), color: color,
      bits: Int(bytes[place + 8]), orientation: orientation)
  }

  static func decode(
    _ bytes: UnsafeRawBufferPointer, header: Image.Header, scale: Double, file: String
  ) throws -> Image {
    let content = try content(bytes, header, file)
    return try content.withUnsafeBytes { try decode($0, file: file) }
  }

  private static func decode(_ memory: UnsafeRawBufferPointer, file: String) throws -> Image {
    var png = png_image()
    png.version = UInt32(PNG_IMAGE_VERSION)
    defer { png_image_free(&png) }
    guard png_image_begin_read_from_memory(&png, memory.baseAddress, memory.count) != 0 else {
      throw ImageError.damaged(file: file, reason: message(png))
    }
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

  private struct Chunk {
    let name: String
    /// With length and checksum.
    let whole: Range<Int>
    var content: Range<Int> { whole.lowerBound + 8..<whole.upperBound - 4 }
  }

  /// Goes through the chunks up to the end chunk. Lengths are held against the file's: libpng takes memory for what a
  /// chunk claims to hold.
  private static func forEachChunk(
    _ bytes: UnsafeRawBufferPointer, _ file: String, _ body: (Chunk) throws -> Void
  ) throws {
    var place = signature.count
    while true {
      let left = bytes.count - place
      guard left >= 12 else { throw ImageError.damaged(file: file, reason: "it ends before its end chunk") }
      let length = word(bytes, place)
      guard length <= left - 12 else {
        throw ImageError.damaged(
          file: file, reason: "a chunk of \(length) bytes at \(place), the file ends after \(left - 12)")
      }
      let name = String(decoding: bytes[place + 4..<place + 8], as: UTF8.self)
      try body(Chunk(name: name, whole: place..<place + 12 + length))
      if name == "IEND" { return }
      place += 12 + length
    }
  }

  private static func word(_ bytes: UnsafeRawBufferPointer, _ place: Int) -> Int {
    Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self)))
  }

  /// The file with the chunks that make the pixels, and no others: some libpng would convert colours by (PIL, and with
  /// it every published model, takes the stored values as they are), and texts could unfold to gigabytes.
  private static func content(
    _ bytes: UnsafeRawBufferPointer, _ header: Image.Header, _ file: String
  ) throws -> [UInt8] {
    var kept = signature
    kept.reserveCapacity(bytes.count)
    var compressed = 0
    try forEachChunk(bytes, file) { chunk in
      // Critical chunks have a capital first letter; of the others only the transparent colour matters.
      let isCritical = bytes[chunk.whole.lowerBound + 4] & 0x20 == 0
      if isCritical || chunk.name == "tRNS" { kept.append(contentsOf: bytes[chunk.whole]) }
      if chunk.name == "IDAT" { compressed += chunk.content.count }
    }
    let least = header.height * ((header.width * header.bits + 7) / 8)
    guard least <= compressed * largestDeflateRatio else {
      throw ImageError.damaged(
        file: file, reason: "\(compressed) bytes of pixels cannot fill \(header.width)x\(header.height)")
    }
    return kept
  }

  private static func message(_ png: png_image) -> String {
    withUnsafeBytes(of: png.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
