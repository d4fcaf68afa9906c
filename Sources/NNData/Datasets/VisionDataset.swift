import NNCore

/// A data set of images, each of one class.
///
/// A `DataLoader` writes the images straight into its batches, without a tensor for each.
public protocol VisionDataset: BatchedDataset, RepeatableDataset where Element == Sample {
  /// Names of the classes.
  var classes: [String] { get }
  /// Class of each image, an index into `classes`.
  var targets: [Int] { get }
  /// What is done to an image when an element is asked for.
  var transform: any Transform<Image, Tensor> { get set }
  /// The image at `index` as it is stored.
  func image(at index: Int) throws -> Image
  /// The image at `index` for `transform`, which may need fewer pixels than are stored. By default `image(at:)`.
  func imageToTransform(at index: Int) throws -> Image
}

extension VisionDataset {
  public var count: Int { targets.count }
  public func imageToTransform(at index: Int) throws -> Image { try image(at: index) }

  /// Number of images of each class.
  public var classCounts: [Int] {
    targets.reduce(into: Array(repeating: 0, count: classes.count)) { $0[$1] += 1 }
  }

  public subscript(index: Int) -> Sample {
    get throws { try element(at: index, context: SampleContext(index: index)) }
  }

  public func element(at index: Int, context: SampleContext) throws -> Sample {
    sample(try prepared(index, context), at: index)
  }

  public func batch(at indices: [Int], contexts: [SampleContext]) throws -> Sample {
    try batch(at: indices, contexts: contexts, of: prepared)
  }

  func batch(
    at indices: [Int], contexts: [SampleContext], of prepared: (Int, SampleContext) throws -> PreparedTensor
  ) throws -> Sample {
    var stack = TensorStack(count: indices.count)
    for (index, context) in zip(indices, contexts) { try stack.append(prepared(index, context)) }
    return Sample(input: try stack.finished(), target: Tensor(indices.map { targets[$0] }))
  }

  func prepared(_ index: Int, _ context: SampleContext) throws -> PreparedTensor {
    require(indices.contains(index), "VisionDataset", "index \(index) is outside 0..<\(count)")
    return prepared(try imageToTransform(at: index), context)
  }

  // The way of an image: prepared, and then a sample, or a place in a batch.
  func prepared(_ image: Image, _ context: SampleContext) -> PreparedTensor {
    ImageView(image).prepared(by: transform, context: context)
  }
  func sample(_ input: PreparedTensor, at index: Int) -> Sample {
    Sample(input: input.tensor(), label: targets[index])
  }
}

/// Images of equal size, held in memory as 8-bit pixels.
public protocol ImageDataset: VisionDataset {
  /// All pixels: uint8 (N, H, W, C).
  var data: Tensor { get }

  // Nothing is read, so nothing can fail.
  func image(at index: Int) -> Image
  func element(at index: Int, context: SampleContext) -> Sample
  subscript(index: Int) -> Sample { get }
}

extension ImageDataset {
  public subscript(index: Int) -> Sample { element(at: index, context: SampleContext(index: index)) }

  public func element(at index: Int, context: SampleContext) -> Sample {
    sample(prepared(image(at: index), context), at: index)
  }

  public func image(at index: Int) -> Image {
    require(indices.contains(index), "image(at:)", "index \(index) is outside 0..<\(count)")
    let shape = data.shape
    return Image(width: shape[2], height: shape[1], channels: shape[3]) { pixels in
      data.withElements(of: UInt8.self) { all in
        _ = pixels.update(fromContentsOf: all[index * pixels.count..<(index + 1) * pixels.count])
      }
    }
  }
}
