import NNCore

extension Image {
  /// The image made upright, `PIL.ImageOps.exif_transpose`.
  ///
  /// - Parameter orientation: 1 to 8 as in EXIF (2 mirrored, 3 upside down, 4 mirrored upside down, 5 transposed, 6 to
  ///   be turned clockwise by 90 degrees, 7 transposed along the other diagonal, 8 to be turned counterclockwise).
  public func oriented(_ orientation: Int) -> Image {
    require((1...8).contains(orientation), "oriented", "expected 1...8, got \(orientation)")
    if orientation == 1 { return self }
    let isTransposed = orientation >= 5
    // Which side of the image as stored is run through backwards.
    let (mirrorsX, mirrorsY) = ([2, 3, 7, 8].contains(orientation), [3, 4, 6, 7].contains(orientation))
    let (outWidth, outHeight) = isTransposed ? (height, width) : (width, height)
    let (alongX, alongY) = (mirrorsX ? -channels : channels, (mirrorsY ? -1 : 1) * width * channels)
    let (stepX, stepY) = isTransposed ? (alongY, alongX) : (alongX, alongY)
    let corner = ((mirrorsY ? height - 1 : 0) * width + (mirrorsX ? width - 1 : 0)) * channels
    let channels = channels
    return pixels.withUnsafeBufferPointer { source in
      Image(width: outWidth, height: outHeight, channels: channels) { output in
        // In squares, so that both images are gone through in pieces that fit the cache.
        let side = 32
        for top in stride(from: 0, to: outHeight, by: side) {
          for left in stride(from: 0, to: outWidth, by: side) {
            for y in top..<min(top + side, outHeight) {
              var (from, to) = (corner + y * stepY + left * stepX, (y * outWidth + left) * channels)
              for _ in left..<min(left + side, outWidth) {
                for channel in 0..<channels { output[to + channel] = source[from + channel] }
                from += stepX
                to += channels
              }
            }
          }
        }
      }
    }
  }
}
