import NNCore

extension Image {
  /// What the pixels of a decoded file are turned into.
  public enum Mode: String, Sendable, CaseIterable {
    /// Red, green, blue; opacity is dropped, as PIL's `convert("RGB")` does.
    case rgb
    /// One brightness, `(19595 R + 38470 G + 7471 B + 32768) >> 16`.
    case gray
    /// Gray as 1 channel, colour as 3; with opacity 4.
    case unchanged
  }

  /// Largest image that is decoded, in pixels; a small file can claim to hold billions.
  public static let maximumPixelCount = 178_956_970

  /// Reads a JPEG or PNG file. Throws ``ImageError`` or `FileError`, which name the file.
  ///
  /// The values are those of PIL: accurate inverse DCT, smooth chroma upsampling, no colour management; the
  /// orientation that a camera noted (EXIF) is not applied. 16-bit PNGs are rounded to 8 bits.
  public init(contentsOfFile path: String, mode: Mode = .rgb) throws {
    self = try FileBytes(mapping: path, smallest: 1 << 20).whole.withBytes {
      try Image($0, file: path, mode: mode)
    }
  }

  /// Decodes a JPEG or PNG file held in memory. `file` names it in errors.
  public init(decoding bytes: [UInt8], file: String = "image", mode: Mode = .rgb) throws {
    self = try bytes.withUnsafeBytes { try Image($0, file: file, mode: mode) }
  }

  private init(_ bytes: UnsafeRawBufferPointer, file: String, mode: Mode) throws {
    let decoded: Image
    if bytes.starts(with: [0xff, 0xd8, 0xff]) {
      decoded = try JPEGFile.decode(bytes, file: file)
    } else if bytes.starts(with: PNGFile.signature) {
      decoded = try PNGFile.decode(bytes, file: file)
    } else {
      let start = bytes.prefix(8).map { byte in
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }
      throw ImageError.unknownFormat(
        file: file, found: bytes.isEmpty ? "an empty file" : "bytes \(start.joined(separator: " "))")
    }
    switch mode {
    case .rgb: self = decoded.rgb()
    case .gray: self = decoded.grayscale()
    case .unchanged: self = decoded
    }
  }

  /// The image as a PNG file.
  public func pngData() -> [UInt8] { PNGFile.encode(self) }

  /// Writes a PNG file, whole or not at all. Throws `FileError`.
  public func writePNG(toFile path: String) throws {
    try AtomicFile.write(path) { try $0.write(pngData()) }
  }

  static func checkSize(width: Int, height: Int, file: String) throws {
    guard width > 0 && height > 0 else {
      throw ImageError.damaged(file: file, reason: "size \(width)x\(height)")
    }
    // Both are at most 2^31, so the product cannot overflow.
    guard width * height <= maximumPixelCount else {
      throw ImageError.tooLarge(file: file, width: width, height: height, limit: maximumPixelCount)
    }
  }
}
