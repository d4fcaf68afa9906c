import CNNKernels
import NNCore

extension Image {
  /// The image in another size; the values are PIL's, bit for bit.
  ///
  /// First the width, then the height is resampled, with 8-bit values in between. Shrinking takes all pixels
  /// into account (antialiasing). Images with opacity are resampled in premultiplied form.
  public func resized(height: Int, width: Int, interpolation: InterpolationMode = .bilinear) -> Image {
    require(height > 0 && width > 0, "resize", "sizes must be positive, got \(width)x\(height)")
    if width == self.width && height == self.height { return self }
    if channels == 4 && interpolation != .nearest {
      return premultiplied().resampled(height: height, width: width, interpolation).unpremultiplied()
    }
    return resampled(height: height, width: width, interpolation)
  }

  /// A rectangle of the image in another size, `torchvision.transforms.functional.resized_crop`.
  public func resizedCrop(
    top: Int, left: Int, height: Int, width: Int, size: (height: Int, width: Int),
    interpolation: InterpolationMode = .bilinear
  ) -> Image {
    cropped(top: top, left: left, height: height, width: width)
      .resized(height: size.height, width: size.width, interpolation: interpolation)
  }

  private func resampled(height: Int, width: Int, _ mode: InterpolationMode) -> Image {
    var image = self
    if width != image.width {
      let table = ResampleTable.table(inputs: image.width, outputs: width, mode: mode)
      image = Image(width: width, height: image.height, channels: channels) { output in
        table.withKernelTable { table in
          nn_resample_width_u8(
            table, Int64(image.height), Int32(channels), Int64(image.width), image.pixels, output.baseAddress)
        }
      }
    }
    if height != image.height {
      let table = ResampleTable.table(inputs: image.height, outputs: height, mode: mode)
      image = Image(width: width, height: height, channels: channels) { output in
        table.withKernelTable { table in
          nn_resample_height_u8(table, Int64(width * channels), image.pixels, output.baseAddress)
        }
      }
    }
    return image
  }

  func premultiplied() -> Image {
    mappingColor { color, alpha in
      let product = Int(color) * Int(alpha) + 128
      return UInt8(((product >> 8) + product) >> 8)
    }
  }

  func unpremultiplied() -> Image {
    mappingColor { color, alpha in
      alpha == 0 || alpha == 255 ? color : UInt8(min(255, Int(color) * 255 / Int(alpha)))
    }
  }

  private func mappingColor(_ change: (UInt8, UInt8) -> UInt8) -> Image {
    var image = self
    image.withMutablePixels { pixels in
      for start in stride(from: 0, to: pixels.count, by: 4) {
        for channel in 0..<3 { pixels[start + channel] = change(pixels[start + channel], pixels[start + 3]) }
      }
    }
    return image
  }
}
