import NNCore

extension Image {
  /// The rectangle of the given size whose upper left corner is (`left`, `top`); what lies outside is 0.
  public func cropped(top: Int, left: Int, height: Int, width: Int) -> Image {
    let inside = top >= 0 && left >= 0 && top + height <= self.height && left + width <= self.width
    return pixels.withUnsafeBufferPointer { source in
      Image(width: width, height: height, channels: channels) { output in
        if !inside { output.update(repeating: 0) }
        let columns = max(left, 0)..<max(min(left + width, self.width), max(left, 0))
        for y in max(top, 0)..<max(min(top + height, self.height), max(top, 0)) {
          copyRow(
            source, from: (y * self.width + columns.lowerBound) * channels, count: columns.count * channels,
            into: output, at: ((y - top) * width + columns.lowerBound - left) * channels)
        }
      }
    }
  }

  /// The middle of the image; an image that is smaller is first padded with 0 on all sides.
  ///
  /// The corner is `round((H - h) / 2)`, halves to the even number, as torchvision's `center_crop`.
  public func centerCropped(height: Int, width: Int) -> Image {
    if width > self.width || height > self.height {
      let (x, y) = (max(0, width - self.width), max(0, height - self.height))
      let image = padded(left: x / 2, top: y / 2, right: (x + 1) / 2, bottom: (y + 1) / 2)
      return image.width == width && image.height == height
        ? image : image.centerCropped(height: height, width: width)
    }
    return cropped(to: .centered(height: height, width: width, in: (self.height, self.width)))
  }

  /// Left and right exchanged.
  public func flippedHorizontally() -> Image {
    pixels.withUnsafeBufferPointer { source in
      Image(width: width, height: height, channels: channels) { output in
        for y in 0..<height {
          for x in 0..<width {
            let (from, to) = ((y * width + x) * channels, (y * width + width - 1 - x) * channels)
            for channel in 0..<channels { output[to + channel] = source[from + channel] }
          }
        }
      }
    }
  }

  /// Top and bottom exchanged.
  public func flippedVertically() -> Image {
    let rowLength = width * channels
    return pixels.withUnsafeBufferPointer { source in
      Image(width: width, height: height, channels: channels) { output in
        for y in 0..<height {
          copyRow(
            source, from: y * rowLength, count: rowLength, into: output, at: (height - 1 - y) * rowLength)
        }
      }
    }
  }

  /// What is put around an image.
  public enum PaddingMode: Sendable, Hashable, CustomStringConvertible {
    /// One colour: a value per channel, or one for all.
    case constant([UInt8])
    /// The outermost pixel again.
    case edge
    /// The image mirrored at its outermost pixel, which is not repeated: `cb abc ba`.
    case reflect
    /// The image mirrored at its edge: `ba abc cb`.
    case symmetric

    public var description: String {
      switch self {
      case .constant(let color): "constant \(color)"
      case .edge: "edge"
      case .reflect: "reflect"
      case .symmetric: "symmetric"
      }
    }
  }

  /// The image with more pixels on each side, `torchvision.transforms.functional.pad`.
  public func padded(left: Int, top: Int, right: Int, bottom: Int, mode: PaddingMode = .constant([0]))
    -> Image
  {
    require(
      left >= 0 && top >= 0 && right >= 0 && bottom >= 0, "pad",
      "widths must not be negative, got \(left), \(top), \(right), \(bottom)")
    if mode == .reflect || mode == .symmetric {
      let extra = mode == .reflect ? 1 : 0
      require(
        max(left, right) + extra <= width && max(top, bottom) + extra <= height, "pad",
        "\(mode) with \(left), \(top), \(right), \(bottom) needs a larger image than \(width)x\(height)")
    }
    let (newWidth, newHeight) = (left + width + right, top + height + bottom)
    if case .constant(let color) = mode {
      var image = Image(width: newWidth, height: newHeight, channels: channels, color: color)
      let rowLength = width * channels
      image.withMutablePixels { output in
        pixels.withUnsafeBufferPointer { source in
          for y in 0..<height {
            copyRow(
              source, from: y * rowLength, count: rowLength, into: output,
              at: ((y + top) * newWidth + left) * channels)
          }
        }
      }
      return image
    }
    let columns = (0..<newWidth).map { Image.source(of: $0 - left, count: width, mode) }
    return pixels.withUnsafeBufferPointer { source in
      Image(width: newWidth, height: newHeight, channels: channels) { output in
        for y in 0..<newHeight {
          let row = Image.source(of: y - top, count: height, mode) * width
          for x in 0..<newWidth {
            let (from, to) = ((row + columns[x]) * channels, (y * newWidth + x) * channels)
            for channel in 0..<channels { output[to + channel] = source[from + channel] }
          }
        }
      }
    }
  }

  /// Which of `count` pixels stands at position `index`, which may lie outside.
  private static func source(of index: Int, count: Int, _ mode: PaddingMode) -> Int {
    if (0..<count).contains(index) { return index }
    switch mode {
    case .constant, .edge: return index < 0 ? 0 : count - 1
    case .reflect: return index < 0 ? -index : 2 * count - 2 - index
    case .symmetric: return index < 0 ? -index - 1 : 2 * count - 1 - index
    }
  }
}

private func copyRow(
  _ source: UnsafeBufferPointer<UInt8>, from: Int, count: Int, into output: UnsafeMutableBufferPointer<UInt8>,
  at: Int
) {
  if let source = source.baseAddress, let output = output.baseAddress {
    (output + at).update(from: source + from, count: count)
  }
}
