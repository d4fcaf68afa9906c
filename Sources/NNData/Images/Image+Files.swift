import NNCore
import NNFiles

extension Image {
  /// Largest image that is decoded, in pixels; a small file can claim to hold billions.
  public static let maximumPixelCount = 178_956_970

  /// Reads a JPEG, PNG, WebP, GIF (its first frame), BMP, TIFF (its first page), PPM or PGM file. Throws ``ImageError`` or
  /// `FileError`, which name the file.
  ///
  /// The values are those of PIL: accurate inverse DCT, smooth chroma upsampling, no colour management. Values of
  /// 16 bits are rounded to 8.
  ///
  /// - Parameter orientation: By default that which a camera noted is not applied, as PIL's `Image.open` and torchvision
  ///   do; ``ImageFolder`` applies it.
  public init(contentsOfFile path: String, mode: Mode = .rgb, orientation: Orientation = .ignore) throws {
    try self.init(contentsOfFile: path, reading: Reading(mode: mode, orientation: orientation))
  }

  /// Reads a file in a way that is a value, for instance the one kept with a model; at its full size.
  public init(contentsOfFile path: String, reading: Reading) throws {
    try self.init(contentsOfFile: path, reading: reading) { _, _ in nil }
  }

  /// Decodes a file held in memory. `file` names it in errors.
  public init(
    decoding bytes: [UInt8], file: String = "image", mode: Mode = .rgb, orientation: Orientation = .ignore
  ) throws {
    let reading = Reading(mode: mode, orientation: orientation)
    try self.init(decoding: bytes, file: file, reading: reading) { _, _ in nil }
  }

  /// By how much an image of a size is at most enlarged before anything else is done to its pixels; nil if that is not
  /// known.
  typealias Magnification = (_ height: Int, _ width: Int) -> Double?

  init(contentsOfFile path: String, reading: Reading, magnification: Magnification) throws {
    let bytes = try FileBytes(mapping: path, smallest: smallestMapped).whole
    try self.init(bytes, file: path, reading: reading, magnification: magnification)
  }

  /// Reads a file of a tree, which may be in an archive.
  init(_ path: String, in tree: FileTree, reading: Reading, magnification: Magnification) throws {
    let bytes = try tree.bytes(of: path, smallest: smallestMapped)
    try self.init(bytes, file: path, reading: reading, magnification: magnification)
  }

  private init(_ bytes: FileSlice, file: String, reading: Reading, magnification: Magnification) throws {
    self = try bytes.withBytes { try Image($0, file: file, reading, magnification) }
  }

  init(decoding bytes: [UInt8], file: String, reading: Reading, magnification: Magnification) throws {
    self = try bytes.withUnsafeBytes { try Image($0, file: file, reading, magnification) }
  }

  private init(
    _ bytes: UnsafeRawBufferPointer, file: String, _ reading: Reading, _ magnification: Magnification
  ) throws {
    let decoder = try Image.decoder(of: bytes, file: file)
    let header = try Header(bytes, decoder, file: file)
    let turn = reading.orientation == .apply ? header.orientation : 1
    var scale = 1.0
    if reading.decoding == .scaled {
      let size = turn >= 5 ? (header.width, header.height) : (header.height, header.width)
      // At least twice the pixels that are resized to: of fewer, the resize could not make the same picture.
      scale = magnification(size.0, size.1).map { min(1, 2 * $0) } ?? 1
    }
    let decoded = try decoder.decode(bytes, header: header, scale: scale, file: file)
    switch reading.mode {
    case .rgb: self = decoded.rgb().oriented(turn)
    case .gray: self = decoded.grayscale().oriented(turn)
    case .unchanged: self = decoded.oriented(turn)
    }
  }

  private static func decoder(of bytes: UnsafeRawBufferPointer, file: String) throws -> any ImageDecoder.Type
  {
    switch Format(bytes) {
    case .jpeg: return JPEGFile.self
    case .png: return PNGFile.self
    case .webp: return WebPFile.self
    case .gif: return GIFFile.self
    case .bmp: return BMPFile.self
    case .tiff: return TIFFFile.self
    case .pnm: return PNMFile.self
    case nil: break
    }
    if let other = UnreadFormat(bytes) {
      throw other.isConvertible
        ? ImageError.unsupported(file: file, format: other.name)
        : ImageError.unknownFormat(file: file, found: other.name)
    }
    let start = bytes.prefix(8).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }
    throw ImageError.unknownFormat(
      file: file, found: bytes.isEmpty ? "an empty file" : "bytes \(start.joined(separator: " "))")
  }

  /// The image as a PNG file.
  public func pngData() -> [UInt8] { PNGFile.encode(self) }

  /// Writes a PNG file, whole or not at all. Throws `FileError`.
  public func writePNG(toFile path: String) throws {
    try AtomicFile.write(path) { try $0.write(pngData()) }
  }
}

/// Smaller files are read instead of mapped.
private let smallestMapped = 1 << 20

extension Image.Header {
  /// Reads what a file says about itself; no pixel is decoded. Throws as ``Image/init(contentsOfFile:reading:)``.
  public init(contentsOfFile path: String) throws {
    self = try FileBytes(mapping: path, smallest: 1 << 16).whole.withBytes {
      try Image.Header($0, Image.decoder(of: $0, file: path), file: path)
    }
  }

  fileprivate init(_ bytes: UnsafeRawBufferPointer, _ decoder: any ImageDecoder.Type, file: String) throws {
    self = try decoder.header(bytes, file: file)
    guard width > 0 && height > 0 else {
      throw ImageError.damaged(file: file, reason: "size \(width)x\(height)")
    }
    // Both are less than 2^32, so the product cannot be more than an `UInt` holds.
    guard UInt(width) * UInt(height) <= Image.maximumPixelCount else {
      throw ImageError.tooLarge(file: file, width: width, height: height, limit: Image.maximumPixelCount)
    }
  }
}

/// Reads one format.
protocol ImageDecoder {
  /// What the file says about itself, unchecked.
  static func header(_ bytes: UnsafeRawBufferPointer, file: String) throws -> Image.Header
  /// The pixels; the size in `header` is checked. A decoder that can makes an image of at least `scale` (0...1) times
  /// the size.
  static func decode(
    _ bytes: UnsafeRawBufferPointer, header: Image.Header, scale: Double, file: String
  ) throws -> Image
}
