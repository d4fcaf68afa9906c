import Foundation
import NNCore

// Changes of colour with Pillow's values: blends in float32 whose fraction is cut off.

extension Image {
  /// Black for 0, the image for 1, brighter beyond: `torchvision.transforms.functional.adjust_brightness`.
  public func adjustingBrightness(by factor: Double) -> Image {
    checkFactor(factor, "adjustBrightness")
    let table = Image.blendTable(from: 0, factor: factor)
    return mappingColors { _ in table }
  }

  /// Its own mean gray for 0, the image for 1, more contrast beyond: `adjust_contrast`.
  public func adjustingContrast(by factor: Double) -> Image {
    checkFactor(factor, "adjustContrast")
    let gray = grayscale()
    let sum = gray.pixels.reduce(into: 0) { $0 += Int($1) }
    let mean = UInt8(Double(sum) / Double(gray.pixels.count) + 0.5)
    let table = Image.blendTable(from: mean, factor: factor)
    return mappingColors { _ in table }
  }

  /// The gray image for 0, the image for 1, stronger colours beyond: `adjust_saturation`.
  public func adjustingSaturation(by factor: Double) -> Image {
    checkFactor(factor, "adjustSaturation")
    if channels == 1 { return self }
    return grayscale(channels: 3).blended(with: self, factor: factor)
  }

  /// Smoothed (3x3, weight 5 of 13 in the middle) for 0, the image for 1, sharpened beyond: `adjust_sharpness`.
  public func adjustingSharpness(by factor: Double) -> Image {
    checkFactor(factor, "adjustSharpness")
    return smoothed().blended(with: self, factor: factor)
  }

  /// Hue turned by `factor` of a whole turn, -0.5...0.5: `adjust_hue`, through Pillow's 8-bit HSV.
  public func adjustingHue(by factor: Double) -> Image {
    require(factor >= -0.5 && factor <= 0.5, "adjustHue", "expected a factor in -0.5...0.5, got \(factor)")
    if channels == 1 { return self }
    let turn = UInt8(truncatingIfNeeded: Int(factor * 255))
    var image = self
    image.withMutablePixels { pixels in
      for start in stride(from: 0, to: pixels.count, by: channels) {
        var color = HSV(pixels[start], pixels[start + 1], pixels[start + 2])
        color.hue &+= turn
        (pixels[start], pixels[start + 1], pixels[start + 2]) = color.rgb
      }
    }
    return image
  }

  /// `255 · gain · (x / 255) ^ gamma`: `adjust_gamma`. Darker for a gamma above 1.
  public func adjustingGamma(_ gamma: Double, gain: Double = 1) -> Image {
    require(gamma >= 0, "adjustGamma", "gamma must not be negative, got \(gamma)")
    let table = (0..<256).map { value in
      let power = pow(Double(value) / 255, gamma)
      return UInt8(min(max((255 + 1 - 1e-3) * gain * power, 0), 255))
    }
    return mappingColors { _ in table }
  }

  private func checkFactor(_ factor: Double, _ operation: StaticString) {
    require(factor >= 0 && factor.isFinite, operation, "the factor must not be negative, got \(factor)")
  }

  /// `from + factor · (x - from)` for every x: Pillow's `Image.blend` with a constant.
  private static func blendTable(from start: UInt8, factor: Double) -> [UInt8] {
    (0...255).map { blend(start, $0, factor: Float(factor)) }
  }

  @inline(__always)
  private static func blend(_ from: UInt8, _ to: UInt8, factor: Float) -> UInt8 {
    let value = Float(from) + factor * Float(Int32(to) - Int32(from))
    return UInt8(min(max(value, 0), 255))
  }

  /// From this image (factor 0) to another of its size (factor 1) and beyond. This one may have fewer channels:
  /// those that it lacks (opacity) are the other's.
  private func blended(with other: Image, factor: Double) -> Image {
    if factor == 1 { return other }
    let factor = Float(factor)
    let (own, full) = (channels, other.channels)
    return pixels.withUnsafeBufferPointer { from in
      other.pixels.withUnsafeBufferPointer { to in
        Image(width: width, height: height, channels: full) { output in
          if own == full {
            for i in output.indices { output[i] = Image.blend(from[i], to[i], factor: factor) }
            return
          }
          for pixel in 0..<width * height {
            for channel in 0..<full {
              let value = to[pixel * full + channel]
              output[pixel * full + channel] =
                channel < own ? Image.blend(from[pixel * own + channel], value, factor: factor) : value
            }
          }
        }
      }
    }
  }

  /// Pillow's `ImageFilter.SMOOTH`; the outermost pixels stay as they are.
  private func smoothed() -> Image {
    if width < 3 || height < 3 { return self }
    let row = width * channels
    return pixels.withUnsafeBufferPointer { source in
      Image(width: width, height: height, channels: channels) { output in
        _ = output.update(from: source)
        for y in 1..<height - 1 {
          for i in y * row + channels..<(y + 1) * row - channels {
            var sum = 4 * Int32(source[i])
            for line in [i - row, i, i + row] {
              sum += Int32(source[line - channels]) + Int32(source[line]) + Int32(source[line + channels])
            }
            // Rounded to nearest; 13 is odd, so there are no ties.
            output[i] = UInt8((2 * sum + 13) / 26)
          }
        }
      }
    }
  }
}

/// Hue, saturation and value in 8 bits each, with Pillow's roundings.
private struct HSV {
  var hue: UInt8
  let saturation: UInt8
  let value: UInt8

  init(_ r: UInt8, _ g: UInt8, _ b: UInt8) {
    let (high, low) = (max(r, g, b), min(r, g, b))
    value = high
    if high == low {
      (hue, saturation) = (0, 0)
      return
    }
    let range = Float(high - low)
    let s = range / Float(high)
    let (rc, gc, bc) = (Float(high - r) / range, Float(high - g) / range, Float(high - b) / range)
    var h: Float
    if r == high {
      h = bc - gc
    } else if g == high {
      h = Float(2 + Double(rc) - Double(bc))
    } else {
      h = Float(4 + Double(gc) - Double(rc))
    }
    let turns = Double(h) / 6 + 1
    h = Float(turns.truncatingRemainder(dividingBy: 1))
    hue = UInt8(Double(h) * 255)
    saturation = UInt8(Double(s) * 255)
  }

  var rgb: (UInt8, UInt8, UInt8) {
    if saturation == 0 { return (value, value, value) }
    let place = Double(Float(hue)) * 6 / 255
    let sector = Int(place)
    let f = Float(place - Double(sector))
    let fs = Float(Double(saturation) / 255)
    let v = Double(value)
    func byte(_ x: Double) -> UInt8 { UInt8(min(max(x.rounded(), 0), 255)) }
    let p = byte(v * (1 - Double(fs)))
    let q = byte(v * (1 - Double(fs * f)))
    let t = byte(v * (1 - Double(fs) * (1 - Double(f))))
    switch sector % 6 {
    case 0: return (value, t, p)
    case 1: return (q, value, p)
    case 2: return (p, value, t)
    case 3: return (p, q, value)
    case 4: return (t, p, value)
    default: return (value, p, q)
    }
  }
}
