import NNCore

/// What kind of image a file is, seen from its first bytes.
enum ImageFormat: CaseIterable {
  case jpeg, png

  /// Throws ``ImageError`` for a file of another kind, with the command that converts it where there is one.
  init(_ bytes: UnsafeRawBufferPointer, file: String) throws {
    if let format = Self.allCases.first(where: { $0.matches(bytes) }) {
      self = format
      return
    }
    if let name = Self.convertible(bytes) {
      throw ImageError.unsupported(file: file, format: name)
    }
    let start = bytes.prefix(8).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }
    throw ImageError.unknownFormat(
      file: file, found: bytes.isEmpty ? "an empty file" : "bytes \(start.joined(separator: " "))")
  }

  private func matches(_ bytes: UnsafeRawBufferPointer) -> Bool {
    switch self {
    case .jpeg: bytes.starts(with: [0xff, 0xd8, 0xff])
    case .png: bytes.starts(with: PNGFile.signature)
    }
  }

  /// Endings of names that files of the readable formats have, in lower case.
  static let endings: Set<String> = ["jpg", "jpeg", "jpe", "jfif", "png"]

  /// Name of a format that other programs read.
  private static func convertible(_ bytes: UnsafeRawBufferPointer) -> String? {
    func has(_ text: String, at place: Int = 0) -> Bool {
      bytes.count >= place + text.utf8.count && bytes[place...].starts(with: text.utf8)
    }
    if has("ftyp", at: 4) {
      for brand in ["heic", "heix", "mif1", "msf1", "hevc"] where has(brand, at: 8) { return "HEIC" }
      if has("avif", at: 8) || has("avis", at: 8) { return "AVIF" }
    }
    if bytes.starts(with: [0xff, 0x0a]) || has("JXL ", at: 4) { return "JPEG XL" }
    if has("jP  ", at: 4) || bytes.starts(with: [0xff, 0x4f, 0xff, 0x51]) { return "JPEG 2000" }
    if has("8BPS") { return "Photoshop" }
    if has("%PDF") { return "PDF" }
    if has("<svg") { return "SVG" }
    if has("RIFF") && has("WEBP", at: 8) { return "WebP" }
    if has("GIF8") { return "GIF" }
    if has("BM") { return "BMP" }
    if bytes.starts(with: [0x49, 0x49, 0x2a, 0]) || bytes.starts(with: [0x4d, 0x4d, 0, 0x2a]) {
      return "TIFF"
    }
    for magic in ["P1", "P2", "P3", "P4", "P5", "P6"] where has(magic) { return "Netpbm" }
    return nil
  }

  /// The EXIF orientation that the file notes, nil if it notes none.
  func orientation(_ bytes: UnsafeRawBufferPointer) -> Int? {
    switch self {
    case .jpeg: ExifOrientation.value(inJPEG: bytes)
    case .png: PNGFile.orientation(bytes)
    }
  }

  /// - Parameter target: to what an image of a size is to be resized, nil if that is not known.
  func decode(
    _ bytes: UnsafeRawBufferPointer, file: String,
    target: (_ height: Int, _ width: Int) -> (height: Int, width: Int)?
  ) throws -> Image {
    switch self {
    case .jpeg: try JPEGFile.decode(bytes, file: file, target: target)
    case .png: try PNGFile.decode(bytes, file: file)
    }
  }
}
