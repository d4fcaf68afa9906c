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

  /// How many pixels of a file are decoded.
  public enum Decoding: String, Sendable, Hashable, Codable, CaseIterable {
    /// All of them.
    case exact
    /// A large JPEG at an eighth, two eighths, … of its size, where the transform brings it to at most half of that: a
    /// photo of twelve megapixels takes a quarter of the time, and the resize averages over what is left.
    case scaled
  }

  /// Reads an image file. What it is is seen from its content, whatever its name ends in. Throws ``ImageError`` or
  /// `FileError`, which name the file.
  ///
  /// The values are those of PIL: accurate inverse DCT, smooth chroma upsampling, no colour management. 16-bit PNGs are
  /// rounded to 8 bits.
  ///
  /// - Parameters:
  ///   - orientation: whether the orientation that a camera noted is applied; by default not, as `PIL.Image.open`.
  ///   - decoding: whether a large image may be decoded at a reduced size.
  ///   - transform: what will be done to the image; `.scaled` needs to know it.
  public init(
    contentsOfFile path: String, mode: Mode = .rgb, orientation: Orientation = .ignore,
    decoding: Decoding = .exact, for transform: (any Transform<Image, Tensor>)? = nil
  ) throws {
    let target = decoding == .scaled ? transform : nil
    self = try FileBytes(mapping: path, smallest: 1 << 20).whole.withBytes {
      try Image($0, file: path, mode: mode, orientation: orientation, for: target)
    }
  }

  /// Decodes an image file held in memory. `file` names it in errors.
  public init(
    decoding bytes: [UInt8], file: String = "image", mode: Mode = .rgb, orientation: Orientation = .ignore
  ) throws {
    self = try bytes.withUnsafeBytes {
      try Image($0, file: file, mode: mode, orientation: orientation, for: nil)
    }
  }

  private init(
    _ bytes: UnsafeRawBufferPointer, file: String, mode: Mode, orientation: Orientation,
    for transform: (any Transform<Image, Tensor>)?
  ) throws {
    let format = try ImageFormat(bytes, file: file)
    let turned = orientation == .apply ? format.orientation(bytes) ?? 1 : 1
    let decoded = try format.decode(bytes, file: file) { height, width in
      // What the transform sees stands upright.
      guard let transform else { return nil }
      if turned < 5 { return transform.resizedSize(height: height, width: width) }
      return transform.resizedSize(height: width, width: height).map { (height: $0.width, width: $0.height) }
    }
    let image =
      switch mode {
      case .rgb: decoded.rgb()
      case .gray: decoded.grayscale()
      case .unchanged: decoded
      }
    self = image.oriented(turned)
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
