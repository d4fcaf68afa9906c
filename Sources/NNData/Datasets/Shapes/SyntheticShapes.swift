import NNCore

/// A data set for machines without Internet: drawn shapes, 32x32 pixels in colour.
///
///     let train = SyntheticShapes()                            // 10 classes, 10,000 images
///     let test = SyntheticShapes(train: false)                 // other images of the same classes
///     let other = SyntheticShapes(.pretraining, count: 20_000) // 20 other classes
///
/// The class is the shape. Its colours, texture, position, size, rotation (up to 40 degrees), shear and mirror
/// image are random, and so are the background, thin lines that belong to no shape, contrast and noise. Single
/// pixels therefore say next to nothing (a softmax classifier on them reaches 14 %), whereas a convolutional
/// network with four small layers reaches 89 % after six epochs on 5,000 images.
///
/// An image is a function of its family, the seed, the split and its index: the same bits on every machine.
/// Classes take turns, so the first n images are balanced.
public struct SyntheticShapes: ImageDataset {
  /// Which shapes.
  public enum Family: String, Sendable, CaseIterable {
    /// Ten classes for the experiments: circle, triangle, square, star, heart, cross, ring, crescent, arrow, flower.
    case target
    /// Twenty classes to pretrain a network on, none of them among `target`.
    case pretraining

    var shapes: [ShapeClass] { self == .target ? ShapeClass.target : ShapeClass.pretraining }
  }

  public let data: Tensor
  public let targets: [Int]
  public let classes: [String]
  public var transform: any Transform<Image, Tensor>

  /// Draws the images, on all threads.
  ///
  /// - Parameters:
  ///   - family: The classes.
  ///   - train: The training images; otherwise the test images, which have nothing in common with them.
  ///   - count: Number of images; 10,000 for training and 2,000 for testing if nil.
  ///   - seed: Another seed gives other images of the same kind.
  ///   - transform: What is done to each image; the default gives float32 (3, 32, 32) in [0, 1].
  public init(
    _ family: Family = .target, train: Bool = true, count: Int? = nil, seed: UInt64 = 0,
    transform: any Transform<Image, Tensor> = ToTensor()
  ) {
    let shapes = family.shapes
    let count = count ?? (train ? 10_000 : 2_000)
    require(count >= 0, "SyntheticShapes", "count must not be negative, got \(count)")
    let side = ShapeDrawing.size
    var data = Tensor(uninitialized: [count, side, side, 3], dtype: .uint8)
    let stream = SampleContext(seed: seed, epoch: family == .target ? 0 : 1, index: train ? 0 : 1)
      .generatorSeed
    data.withMutableElements(of: UInt8.self) { pixels in
      ThreadPool.shared.parallelFor(count: count, grain: 16) { range in
        for index in range {
          let bytes = 3 * side * side
          ShapeDrawing.draw(
            shapes[index % shapes.count].outline,
            seed: SampleContext(seed: stream, index: index).generatorSeed,
            into: UnsafeMutableBufferPointer(rebasing: pixels[index * bytes..<(index + 1) * bytes]))
        }
      }
    }
    self.data = data
    self.transform = transform
    targets = (0..<count).map { $0 % shapes.count }
    classes = shapes.map(\.name)
  }
}
