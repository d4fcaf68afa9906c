import NNCore

/// An image of 8-bit pixels: row by row from the top, the channels of a pixel side by side (H, W, C).
public struct Image: Sendable, Hashable {
  /// Width in pixels.
  public let width: Int
  /// Height in pixels.
  public let height: Int
  /// Values per pixel: 1 (gray), 3 (red, green, blue) or 4 (with opacity, not premultiplied).
  public let channels: Int
  /// The values, 0...255: pixel (x, y) starts at `(y * width + x) * channels`.
  public private(set) var pixels: [UInt8]

  /// An image from its pixels.
  public init(width: Int, height: Int, channels: Int = 3, pixels: [UInt8]) {
    Image.check(width: width, height: height, channels: channels)
    require(
      pixels.count == width * height * channels, "Image",
      "\(pixels.count) values do not fill \(height)x\(width)x\(channels)")
    self.width = width
    self.height = height
    self.channels = channels
    self.pixels = pixels
  }

  /// An image of one colour; `color` has one value per channel, or one for all.
  public init(width: Int, height: Int, channels: Int = 3, color: [UInt8] = [0]) {
    require(
      color.count == 1 || color.count == channels, "Image", "\(color.count) values for \(channels) channels")
    self.init(width: width, height: height, channels: channels) { pixels in
      if color.count == 1 {
        pixels.update(repeating: color[0])
      } else {
        for i in pixels.indices { pixels[i] = color[i % channels] }
      }
    }
  }

  /// An image whose pixels, all of them, a closure writes.
  package init(
    width: Int, height: Int, channels: Int,
    initializing body: (UnsafeMutableBufferPointer<UInt8>) throws -> Void
  ) rethrows {
    Image.check(width: width, height: height, channels: channels)
    let count = width * height * channels
    self.width = width
    self.height = height
    self.channels = channels
    pixels = try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      try body(UnsafeMutableBufferPointer(rebasing: buffer[0..<count]))
      initialized = count
    }
  }

  /// An image from a uint8 tensor (H, W, C), or (H, W) for gray.
  public init(_ tensor: Tensor) {
    require(
      tensor.dtype == .uint8 && (tensor.rank == 2 || tensor.rank == 3), "Image",
      "expected a uint8 tensor (H, W, C) or (H, W), got \(tensor.dtype) \(tensor.shape)")
    let channels = tensor.rank == 2 ? 1 : tensor.shape[2]
    self.init(
      width: tensor.shape[1], height: tensor.shape[0], channels: channels,
      pixels: tensor.array(of: UInt8.self))
  }

  /// The pixels as a uint8 tensor (H, W, C).
  public var tensor: Tensor { Tensor(pixels, shape: [height, width, channels]) }

  /// The values of one pixel, one per channel.
  public subscript(x x: Int, y y: Int) -> [UInt8] {
    require(
      (0..<width).contains(x) && (0..<height).contains(y), "Image",
      "pixel (\(x), \(y)) outside \(width)x\(height)")
    let start = (y * width + x) * channels
    return Array(pixels[start..<start + channels])
  }

  /// Changes pixels in place.
  package mutating func withMutablePixels<R>(_ body: (UnsafeMutableBufferPointer<UInt8>) throws -> R) rethrows
    -> R
  {
    try pixels.withUnsafeMutableBufferPointer { try body($0) }
  }

  private static func check(width: Int, height: Int, channels: Int) {
    require(width > 0 && height > 0, "Image", "sizes must be positive, got \(width)x\(height)")
    require([1, 3, 4].contains(channels), "Image", "expected 1, 3 or 4 channels, got \(channels)")
  }
}

extension Image: CustomStringConvertible {
  public var description: String { "Image(width: \(width), height: \(height), channels: \(channels))" }
}
