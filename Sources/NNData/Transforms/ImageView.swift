import CNNKernels
import NNCore

/// An image and what is still to be done to it: a part of it resized, a window of that cut out, and mirrored.
///
/// Geometric stages only note what they do. So a chain from file to tensor computes each pixel once, none that a
/// crop drops, and writes it where it belongs. The values are those of the stages one by one, bit for bit.
package struct ImageView: Sendable {
  private let image: Image
  /// What is resized, a rectangle inside `image`.
  private var part: CropBox
  /// To which size; nil as long as the part keeps its own, and then the window is all of it.
  private var resizing: Resizing?
  /// What is cut out of the resized part.
  private var window: CropBox
  private var isMirrored = false

  private struct Resizing {
    let height: Int
    let width: Int
    let mode: InterpolationMode
  }

  init(_ image: Image) {
    self.image = image
    part = CropBox(top: 0, left: 0, height: image.height, width: image.width)
    window = part
  }

  var height: Int { window.height }
  var width: Int { window.width }
  var channels: Int { image.channels }

  func resized(height: Int, width: Int, _ mode: InterpolationMode) -> ImageView {
    if height == self.height && width == self.width { return self }
    // Resampling a mirror image may round differently, and opacity needs steps of its own.
    if resizing != nil || isMirrored || channels == 4 {
      return ImageView(rendered().resized(height: height, width: width, interpolation: mode))
    }
    var view = self
    view.resizing = Resizing(height: height, width: width, mode: mode)
    view.window = CropBox(top: 0, left: 0, height: height, width: width)
    return view
  }

  func cropped(to box: CropBox) -> ImageView {
    guard box.top >= 0, box.left >= 0, box.top + box.height <= height, box.left + box.width <= width else {
      return ImageView(rendered().cropped(to: box))
    }
    var view = self
    let left = isMirrored ? width - box.left - box.width : box.left
    view.window = CropBox(
      top: window.top + box.top, left: window.left + left, height: box.height, width: box.width)
    if resizing == nil {
      view.part.top += box.top
      view.part.left += left
      view.part.height = box.height
      view.part.width = box.width
      view.window = CropBox(top: 0, left: 0, height: box.height, width: box.width)
    }
    return view
  }

  func mirrored() -> ImageView {
    var view = self
    view.isMirrored.toggle()
    return view
  }

  /// The image with everything done.
  func rendered() -> Image {
    var result = part.height == image.height && part.width == image.width ? image : image.cropped(to: part)
    if let resizing {
      result = result.resized(
        height: resizing.height, width: resizing.width, interpolation: resizing.mode)
      if window.height != resizing.height || window.width != resizing.width {
        result = result.cropped(to: window)
      }
    }
    return isMirrored ? result.flippedHorizontally() : result
  }

  /// Whether ``write(_:to:)`` can be used.
  var isWritable: Bool { channels != 4 }

  /// Writes `channels * height * width` values, channel after channel.
  func write(_ maps: PixelMaps, to target: UnsafeMutableBufferPointer<Float>) {
    func table(_ inputs: Int, _ outputs: Int) -> ResampleTable? {
      guard let resizing, inputs != outputs else { return nil }
      return ResampleTable.table(inputs: inputs, outputs: outputs, mode: resizing.mode)
    }
    let columns = table(part.width, resizing?.width ?? part.width)
    let rows = table(part.height, resizing?.height ?? part.height)
    image.pixels.withUnsafeBufferPointer { pixels in
      ResampleTable.withKernelTables(columns, rows) { columns, rows in
        guard let base = pixels.baseAddress else { return }
        var planes = nn_image_planes(
          pixels: base + (part.top * image.width + part.left) * channels,
          stride: Int64(image.width * channels),
          channels: Int32(channels), columns: columns, rows: rows,
          top: Int64(window.top), left: Int64(window.left), height: Int64(height), width: Int64(width),
          mirrored: isMirrored ? 1 : 0, maps: maps.pointer)
        let size = Int(nn_image_planes_scratch(&planes))
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: size) { scratch in
          nn_image_planes_f32(&planes, scratch.baseAddress, target.baseAddress)
        }
      }
    }
  }
}

/// What every 8-bit value becomes in float32, channel by channel.
///
/// Invariant for `@unchecked Sendable`: the memory is not changed after initialisation.
final class PixelMaps: @unchecked Sendable {
  /// One per channel.
  let pointer: UnsafeMutablePointer<nn_pixel_map>

  /// `x / 255`, and with means and deviations `(x / 255 - mean) / std`.
  init(channels: Int, mean: [Float] = [], std: [Float] = []) {
    pointer = .allocate(capacity: channels)
    pointer.initialize(repeating: nn_pixel_map(), count: channels)
    for channel in 0..<channels {
      nn_pixel_map_init(
        pointer + channel, mean.isEmpty ? 0 : mean[channel], std.isEmpty ? 1 : std[channel],
        mean.isEmpty ? 0 : 1)
    }
  }

  deinit { pointer.deallocate() }

  /// The maps of `ToTensor`: enough for all channels that an image can have.
  static let unit = PixelMaps(channels: 4)
}
