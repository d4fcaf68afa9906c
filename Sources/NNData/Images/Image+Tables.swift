import NNCore

// Operations that look every value up in a table, as Pillow's `ImageOps`.

extension Image {
  /// `255 - x`: `torchvision.transforms.functional.invert`.
  public func inverted() -> Image {
    let table = (0...255).map { 255 - UInt8($0) }
    return mappingColors { _ in table }
  }

  /// Only the upper `bits` (1...8; 0 gives black) of each value: `posterize`.
  public func posterized(bits: Int) -> Image {
    require((0...8).contains(bits), "posterize", "expected 0...8 bits, got \(bits)")
    let mask = UInt8(truncatingIfNeeded: ~((1 << (8 - bits)) - 1))
    let table = (0...255).map { UInt8($0) & mask }
    return mappingColors { _ in table }
  }

  /// Values of at least `threshold` inverted: `solarize`.
  public func solarized(threshold: Double) -> Image {
    let table = (0...255).map { Double($0) < threshold ? UInt8($0) : 255 - UInt8($0) }
    return mappingColors { _ in table }
  }

  /// Each channel stretched so that its darkest value is 0 and its lightest 255: `autocontrast`.
  public func autocontrasted() -> Image {
    mappingColors { channel in
      let histogram = histogram(channel)
      let low = histogram.firstIndex { $0 > 0 } ?? 0
      let high = histogram.lastIndex { $0 > 0 } ?? 0
      if high <= low { return nil }
      let scale = 255 / Double(high - low)
      let offset = -Double(low) * scale
      return (0...255).map { UInt8(min(max(Double($0) * scale + offset, 0), 255)) }
    }
  }

  /// Each channel mapped so that its values are spread as evenly as can be: `equalize`.
  public func equalized() -> Image {
    mappingColors { channel in
      let histogram = histogram(channel)
      let filled = histogram.filter { $0 > 0 }
      let step = (width * height - (filled.last ?? 0)) / 255
      if filled.count <= 1 || step == 0 { return nil }
      var sum = step / 2
      return histogram.map { count in
        defer { sum += count }
        return UInt8(min(sum / step, 255))
      }
    }
  }

  /// How often each of the 256 values occurs in a channel.
  func histogram(_ channel: Int) -> [Int] {
    var counts = [Int](repeating: 0, count: 256)
    pixels.withUnsafeBufferPointer { source in
      for i in stride(from: channel, to: source.count, by: channels) { counts[Int(source[i])] += 1 }
    }
    return counts
  }

  /// The image with every value of a colour channel replaced by its entry in the channel's table of 256 values;
  /// nil leaves a channel as it is. Opacity stays.
  func mappingColors(_ table: (_ channel: Int) -> [UInt8]?) -> Image {
    var image = self
    for channel in 0..<min(channels, 3) {
      guard let table = table(channel) else { continue }
      image.withMutablePixels { pixels in
        table.withUnsafeBufferPointer { table in
          for i in stride(from: channel, to: pixels.count, by: channels) {
            pixels[i] = table[Int(pixels[i])]
          }
        }
      }
    }
    return image
  }
}
