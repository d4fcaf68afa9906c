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
  ///   - download: If nothing is there, downloads the Python version (170 MB) to `root`, checks its MD5 and unpacks
  ///     it, where torchvision finds it, too.
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
      root: root, train: train, download: download ? CIFARVersion.cifar10.archive : nil, transform: transform,
      progress: progress)
  }

  /// Opens files of the binary version: records of 1 label byte and 3,072 pixel bytes (red, green, blue planes).
  public init(binaryFiles files: [String], transform: any Transform<Image, Tensor> = ToTensor()) throws {
    (data, targets) = CIFARFiles.joined(try files.map { try CIFARFiles.binaryBatch(.cifar10, $0) })
    self.transform = transform
  }

  package init(
    root: String, train: Bool, download source: CIFARFiles.Source?,
    transform: any Transform<Image, Tensor> = ToTensor(),
    progress: ((DownloadProgress) -> Void)? = nil
  ) throws {
    let files = try CIFARFiles.open(.cifar10, in: root, download: source, progress: progress)
    (data, targets) = CIFARFiles.joined(try files.batches(train: train))
    self.transform = transform
  }
}
