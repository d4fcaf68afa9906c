import NNCore

/// A data set of images of equal size, each of one class, held in memory as 8-bit pixels.
public protocol ImageDataset: Dataset where Element == Sample {
  /// Names of the classes.
  var classes: [String] { get }
  /// Class of each image, an index into `classes`.
  var targets: [Int] { get }
  /// All pixels: uint8 (N, H, W, C).
  var data: Tensor { get }
  /// What is done to an image when an element is asked for.
  var transform: any Transform<Image, Tensor> { get set }
}

extension ImageDataset {
  public var count: Int { targets.count }

  /// The image at `index` as it is stored.
  public func image(at index: Int) -> Image {
    require(indices.contains(index), "image(at:)", "index \(index) is outside 0..<\(count)")
    let shape = data.shape
    return Image(width: shape[2], height: shape[1], channels: shape[3]) { pixels in
      _ = pixels.update(
        from: UnsafeBufferPointer(start: data.pointer(UInt8.self) + index * pixels.count, count: pixels.count)
      )
    }
  }

  public subscript(index: Int) -> Sample { sample(index, SampleContext(index: index)) }

  public func element(at index: Int, context: SampleContext) -> Sample { sample(index, context) }

  private func sample(_ index: Int, _ context: SampleContext) -> Sample {
    Sample(input: transform(image(at: index), context: context), label: targets[index])
  }
}
