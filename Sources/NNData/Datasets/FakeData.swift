import NNCore
import Synchronization

/// Images of noise with random classes, `torchvision.datasets.FakeData`: to try a program without data.
///
/// An element is a function of its index. PyTorch's generator makes it, so it is torchvision's, up to a step of 1 in
/// single pixels where the last bit of a normal number differs.
public struct FakeData: VisionDataset {
  public let classes: [String]
  public var targets: [Int] { labels.values }
  public var transform: any Transform<Image, Tensor>
  private let shape: [Int]
  private let offset: Int
  private let labels: Labels

  /// - Parameters:
  ///   - size: Number of images.
  ///   - imageSize: (C, H, W) with 1, 3 or 4 channels.
  ///   - classCount: Number of classes.
  ///   - randomOffset: Added to the index to give the seed of an image.
  ///   - transform: What is done to each image; the default gives float32 (C, H, W) in [0, 1].
  public init(
    size: Int = 1_000, imageSize: (channels: Int, height: Int, width: Int) = (3, 224, 224),
    classCount: Int = 10, randomOffset: Int = 0, transform: any Transform<Image, Tensor> = ToTensor()
  ) {
    require(size >= 0 && classCount > 0, "FakeData", "got \(size) images of \(classCount) classes")
    let shape = [imageSize.channels, imageSize.height, imageSize.width]
    require(
      [1, 3, 4].contains(shape[0]) && shape[1] > 0 && shape[2] > 0, "FakeData",
      "expected (C, H, W) with 1, 3 or 4 channels, got \(shape)")
    self.shape = shape
    offset = randomOffset
    labels = Labels(count: size, classCount: classCount, offset: randomOffset, shape)
    classes = (0..<classCount).map { "class \($0)" }
    self.transform = transform
  }

  public func image(at index: Int) -> Image {
    let noise = Tensor.randn(shape, generator: Generator(seed: index + offset))
    let values = noise.permute([1, 2, 0]).contiguous().array(of: Float.self)
    // Floats beyond a byte keep their lowest 8 bits, as in `Tensor.byte()`.
    let pixels = values.map { UInt8(truncatingIfNeeded: Int($0 * 255)) }
    return Image(width: shape[2], height: shape[1], channels: shape[0], pixels: pixels)
  }

  /// The classes. They are drawn behind the pixels, so finding them takes as many numbers as all images have.
  ///
  /// Invariant for `@unchecked Sendable`: `made` is a lazy variable touched under `lock` alone.
  private final class Labels: @unchecked Sendable {
    private let lock = Mutex(())
    private let make: @Sendable () -> [Int]
    private lazy var made = make()

    init(count: Int, classCount: Int, offset: Int, _ shape: [Int]) {
      make = {
        let size = shape.reduce(1, *)
        var labels = [Int](repeating: 0, count: count)
        labels.withUnsafeMutableBufferPointer { labels in
          let target = UncheckedLabels(labels: labels)
          ThreadPool.shared.parallelFor(count: count, grain: 8) { range in
            for index in range {
              let generator = Generator(seed: index + offset)
              if size >= 16 {
                // One word per number, and 16 more for an unfinished block.
                _ = Tensor.randint(2, [size % 16 == 0 ? size : size + 16], generator: generator)
              } else {
                _ = Tensor.randn(shape, generator: generator)
              }
              target.labels[index] = generator.randint(0, classCount)
            }
          }
        }
        return labels
      }
    }

    var values: [Int] { lock.withLock { _ in made } }
  }

  /// Invariant for `@unchecked Sendable`: each thread writes the places of its own range.
  private struct UncheckedLabels: @unchecked Sendable {
    let labels: UnsafeMutableBufferPointer<Int>
  }
}
