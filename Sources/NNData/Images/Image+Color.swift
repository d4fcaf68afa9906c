import NNCore

extension Image {
  /// Three channels: gray is repeated, opacity is dropped.
  public func rgb() -> Image {
    if channels == 3 { return self }
    return pixels.withUnsafeBufferPointer { source in
      Image(width: width, height: height, channels: 3) { output in
        for pixel in 0..<width * height {
          for channel in 0..<3 {
            output[pixel * 3 + channel] = source[channels == 1 ? pixel : pixel * 4 + channel]
          }
        }
      }
    }
  }

  /// The brightness `(19595 R + 38470 G + 7471 B + 32768) >> 16` (ITU-R 601), in 1 channel or repeated in 3.
  public func grayscale(channels outputs: Int = 1) -> Image {
    require(outputs == 1 || outputs == 3, "grayscale", "expected 1 or 3 output channels, got \(outputs)")
    if channels == 1 { return outputs == 1 ? self : rgb() }
    return pixels.withUnsafeBufferPointer { source in
      Image(width: width, height: height, channels: outputs) { output in
        for pixel in 0..<width * height {
          let start = pixel * channels
          let (r, g, b) = (UInt32(source[start]), UInt32(source[start + 1]), UInt32(source[start + 2]))
          let gray = UInt8((19595 * r + 38470 * g + 7471 * b + 32768) >> 16)
          for channel in 0..<outputs { output[pixel * outputs + channel] = gray }
        }
      }
    }
  }
}
