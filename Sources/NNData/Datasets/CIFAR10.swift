import CNNKernels
import Foundation
import NNCore

/// CIFAR-10: 50,000 training and 10,000 test images of 10 classes, 32x32 pixels in colour.
///
/// Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009;
/// https://www.cs.toronto.edu/~kriz/cifar.html. Same images in the same order as `torchvision.datasets.CIFAR10`.
public struct CIFAR10: ImageDataset {
  public let data: Tensor
  public let targets: [Int]
  public var transform: any Transform<Image, Tensor>
  public var classes: [String] { CIFAR10.classNames }

  /// Names of the ten classes in the order of their labels.
  public static let classNames = [
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
  ]

  /// Opens the training or the test images.
  ///
  /// - Parameters:
  ///   - root: The folder that holds `cifar-10-batches-bin` (the binary version) or `cifar-10-batches-py` (the Python
  ///     version, as torchvision leaves it), or one of these two itself. The binary version is preferred. What is
  ///     there is opened whatever its checksums.
  ///   - train: The training images; otherwise the test images.
  ///   - download: If nothing is there, downloads the binary version (170 MB) to `root`, checks its MD5 and unpacks it.
  ///   - transform: What is done to each image; the default gives float32 (3, 32, 32) in [0, 1].
  ///   - progress: Is told how far the download is.
  ///
  /// Throws ``DatasetError``, `FileError`, ``DownloadError`` or ``ArchiveError``.
  public init(
    root: String, train: Bool = true, download: Bool = false,
    transform: any Transform<Image, Tensor> = ToTensor(),
    progress: ((DownloadProgress) -> Void)? = Downloader.printingLines()
  ) throws {
    try self.init(
      root: root, train: train, download: download ? .official : nil, transform: transform, progress: progress
    )
  }

  /// Opens files of the binary version: records of 1 label byte and 3,072 pixel bytes (red, green, blue planes).
  public init(binaryFiles files: [String], transform: any Transform<Image, Tensor> = ToTensor()) throws {
    let contents = try files.map { try CIFAR10Files.binaryBatch($0) }
    self.init(contents, transform: transform)
  }

  package init(
    root: String, train: Bool, download source: CIFAR10Files.Source?,
    transform: any Transform<Image, Tensor> = ToTensor(),
    progress: ((DownloadProgress) -> Void)? = nil
  ) throws {
    if let source, CIFAR10Files.find(in: root) == nil {
      try source.install(into: root, progress: progress)
    }
    guard let files = CIFAR10Files.find(in: root) else {
      throw DatasetError.notFound(folder: root, expected: "cifar-10-batches-bin or cifar-10-batches-py")
    }
    self.init(try files.batches(train: train), transform: transform)
  }

  private init(_ batches: [CIFAR10Files.Batch], transform: any Transform<Image, Tensor>) {
    let count = batches.map(\.labels.count).reduce(0, +)
    let data = Tensor(uninitialized: [count, 32, 32, 3], dtype: .uint8)
    var position = 0
    for batch in batches {
      let target = data.pointer(UInt8.self) + position * CIFAR10Files.pixelCount
      batch.withPixels { source, stride in
        nn_planes_to_pixels_u8(Int64(batch.labels.count), 3, 1024, source, Int64(stride), target)
      }
      position += batch.labels.count
    }
    self.data = data
    targets = batches.flatMap(\.labels)
    self.transform = transform
  }
}
