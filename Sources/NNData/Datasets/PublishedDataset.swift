import NNCore

/// Images that were published as files, and that a type stands for, such as ``MNIST`` and ``CIFAR10``. One more needs its
/// class names and where its files are.
public protocol PublishedDataset: ImageDataset {
  /// Names of the classes in the order of their labels.
  static var classNames: [String] { get }
  /// Where the files are, and how they are read.
  static var files: any PublishedFiles { get }

  /// Images that are in memory already.
  ///
  /// - Parameters:
  ///   - data: all pixels, uint8 (N, H, W, C).
  ///   - targets: class of each image, an index into ``classNames``.
  init(data: Tensor, targets: [Int], transform: any Transform<Image, Tensor>)
}

/// The files of a ``PublishedDataset``.
public protocol PublishedFiles: Sendable {
  /// Reads the training or the test images from below `root`, and their labels.
  ///
  /// - Parameters:
  ///   - download: What is missing is downloaded first.
  ///   - progress: Is told how far the download is.
  func read(
    from root: String, train: Bool, download: Bool, progress: ((DownloadProgress) -> Void)?
  ) throws -> (data: Tensor, targets: [Int])
}

extension PublishedDataset {
  public var classes: [String] { Self.classNames }

  /// Opens the training or the test images.
  ///
  /// - Parameters:
  ///   - root: The folder that holds those of the data sets, as torchvision leaves them: `MNIST/raw`,
  ///     `cifar-10-batches-py`. What is there is opened whatever its checksums.
  ///   - train: The training images; otherwise the test images.
  ///   - download: Downloads what is missing to where torchvision finds it, too, checks its MD5 and unpacks it.
  ///   - transform: What is done to each image; the default gives float32 (C, H, W) in [0, 1].
  ///   - progress: Is told how far the download is.
  ///
  /// Throws ``DatasetError``, `FileError`, ``DownloadError`` or ``ArchiveError``.
  public init(
    root: String, train: Bool = true, download: Bool = false,
    transform: any Transform<Image, Tensor> = ToTensor(),
    progress: ((DownloadProgress) -> Void)? = Downloader.printingLines()
  ) throws {
    let images = try Self.files.read(from: root, train: train, download: download, progress: progress)
    self.init(data: images.data, targets: images.targets, transform: transform)
  }
}
