import NNCore

/// Handwritten digits: 60,000 training and 10,000 test images of 10 classes, 28x28 pixels in gray.
///
/// LeCun, Cortes and Burges, http://yann.lecun.com/exdb/mnist/. As `torchvision.datasets.MNIST`.
public struct MNIST: ImageDataset {
  public let data: Tensor
  public let targets: [Int]
  public var transform: any Transform<Image, Tensor>
  public var classes: [String] { MNIST.classNames }

  public static let classNames = [
    "0 - zero", "1 - one", "2 - two", "3 - three", "4 - four", "5 - five", "6 - six", "7 - seven",
    "8 - eight", "9 - nine",
  ]

  /// Opens the training or the test images.
  ///
  /// - Parameters:
  ///   - root: The folder that holds `MNIST/raw`, as torchvision leaves it. Files that are there only as `.gz` are
  ///     unpacked beside it.
  ///   - train: The training images; otherwise the test images.
  ///   - download: Downloads what is missing (12 MB), checks its MD5 and unpacks it.
  ///   - transform: What is done to each image; the default gives float32 (1, 28, 28) in [0, 1].
  ///   - progress: Is told how far the download is.
  ///
  /// Throws ``DatasetError``, `FileError`, ``DownloadError`` or ``ArchiveError``.
  public init(
    root: String, train: Bool = true, download: Bool = false,
    transform: any Transform<Image, Tensor> = ToTensor(),
    progress: ((DownloadProgress) -> Void)? = Downloader.printingLines()
  ) throws {
    (data, targets) = try IdxFiles.mnist.open(root, train: train, download: download, progress)
    self.transform = transform
  }
}

/// Photographs of clothes in the format of ``MNIST``.
///
/// Xiao, Rasul and Vollgraf, Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms, 2017.
/// As `torchvision.datasets.FashionMNIST`.
public struct FashionMNIST: ImageDataset {
  public let data: Tensor
  public let targets: [Int]
  public var transform: any Transform<Image, Tensor>
  public var classes: [String] { FashionMNIST.classNames }

  public static let classNames = [
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
  ]

  /// Opens the training or the test images in `FashionMNIST/raw` below `root`; see
  /// ``MNIST/init(root:train:download:transform:progress:)``.
  public init(
    root: String, train: Bool = true, download: Bool = false,
    transform: any Transform<Image, Tensor> = ToTensor(),
    progress: ((DownloadProgress) -> Void)? = Downloader.printingLines()
  ) throws {
    (data, targets) = try IdxFiles.fashionMNIST.open(root, train: train, download: download, progress)
    self.transform = transform
  }
}

/// Handwritten Japanese characters in the format of ``MNIST``.
///
/// Clanuwat et al., Deep Learning for Classical Japanese Literature, 2018. As `torchvision.datasets.KMNIST`.
public struct KMNIST: ImageDataset {
  public let data: Tensor
  public let targets: [Int]
  public var transform: any Transform<Image, Tensor>
  public var classes: [String] { KMNIST.classNames }

  public static let classNames = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]

  /// Opens the training or the test images in `KMNIST/raw` below `root`; see
  /// ``MNIST/init(root:train:download:transform:progress:)``.
  public init(
    root: String, train: Bool = true, download: Bool = false,
    transform: any Transform<Image, Tensor> = ToTensor(),
    progress: ((DownloadProgress) -> Void)? = Downloader.printingLines()
  ) throws {
    (data, targets) = try IdxFiles.kmnist.open(root, train: train, download: download, progress)
    self.transform = transform
  }
}
