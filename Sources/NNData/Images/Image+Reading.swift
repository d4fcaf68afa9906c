import NNCore

extension Image {
  /// What the pixels of a decoded file are turned into.
  public enum Mode: String, Sendable, Codable, CaseIterable {
    /// Red, green, blue; opacity is dropped, as PIL's `convert("RGB")` does.
    case rgb
    /// One brightness, `(19595 R + 38470 G + 7471 B + 32768) >> 16`.
    case gray
    /// Gray as 1 channel, colour as 3; with opacity 4.
    case unchanged
  }

  /// Whether a photograph is turned upright as the camera noted (EXIF), in JPEG, PNG, WebP and TIFF files.
  public enum Orientation: String, Sendable, Codable, CaseIterable {
    /// Turned and mirrored as PIL's `ImageOps.exif_transpose` does.
    case apply
    /// As the pixels lie in the file.
    case ignore
  }

  /// Whether a photograph may be decoded at a reduced size.
  public enum Decoding: String, Sendable, Codable, CaseIterable {
    /// At its full size.
    case exact
    /// JPEG files at an eighth to seven eighths of their size where that leaves at least twice the pixels, along each
    /// side, that the transform resizes to. Several times faster for large photographs; the values of the result differ
    /// a little.
    case scaled
  }

  /// How image files are read.
  public struct Reading: Sendable, Hashable, Codable, CustomStringConvertible {
    public var mode: Mode
    public var orientation: Orientation
    public var decoding: Decoding

    /// By default as PIL's `Image.open` and torchvision's `decode_image` do: the orientation is not applied.
    public init(mode: Mode = .rgb, orientation: Orientation = .ignore, decoding: Decoding = .exact) {
      self.mode = mode
      self.orientation = orientation
      self.decoding = decoding
    }

    /// Upright and in colour, at full size: the default of ``ImageFolder``.
    public static let photographs = Reading(orientation: .apply)

    /// The same at full size.
    public var exact: Reading { Reading(mode: mode, orientation: orientation) }

    public var description: String { "\(mode), orientation: \(orientation), decoding: \(decoding)" }
  }

  /// What a file says about itself before its pixels are decoded.
  public struct Header: Sendable, Hashable {
    public let format: Format
    /// Width in pixels, as stored: before the orientation is applied.
    public let width: Int
    public let height: Int
    public let color: Color
    /// Bits of a value: 1 to 32.
    public let bits: Int
    /// What is to be done to make it upright, 1...8 as in EXIF; 1: nothing.
    public let orientation: Int

    /// What the values of a pixel mean.
    public enum Color: String, Sendable, Codable, CaseIterable {
      case gray, grayWithOpacity, rgb, rgbWithOpacity, cmyk
    }

    /// Size once upright.
    var uprightSize: (height: Int, width: Int) {
      orientation >= 5 ? (width, height) : (height, width)
    }
  }
}
