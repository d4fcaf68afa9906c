import NNCore

/// CIFAR-100: 50,000 training and 10,000 test images of 100 classes, 32x32 pixels in colour.
///
/// Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009;
/// https://www.cs.toronto.edu/~kriz/cifar.html. Same images in the same order as `torchvision.datasets.CIFAR100`;
/// the 20 groups of classes are not used.
public struct CIFAR100: ImageDataset {
  public let data: Tensor
  public let targets: [Int]
  public var transform: any Transform<Image, Tensor>
  public var classes: [String] { CIFAR100.classNames }

  /// Names of the hundred classes in the order of their labels.
  public static let classNames = [
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl",
    "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair",
    "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin",
    "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp",
    "lawn_mower", "leopard", "lion", "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain",
    "mouse", "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck",
    "pine_tree", "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road",
    "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider",
    "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone", "television", "tiger",
    "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman",
    "worm",
  ]

  /// Opens the training or the test images.
  ///
  /// - Parameters:
  ///   - root: The folder that holds `cifar-100-binary` or `cifar-100-python` (as torchvision leaves it), or one of
  ///     these two itself. The binary version is preferred. What is there is opened whatever its checksums.
  ///   - train: The training images; otherwise the test images.
  ///   - download: If nothing is there, downloads the Python version (169 MB) to `root`, checks its MD5 and unpacks
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
    let source = download ? CIFARVersion.cifar100.archive : nil
    let files = try CIFARFiles.open(.cifar100, in: root, download: source, progress: progress)
    (data, targets) = CIFARFiles.joined(try files.batches(train: train))
    self.transform = transform
  }

  /// Opens files of the binary version: records of 2 label bytes (group, class) and 3,072 pixel bytes.
  public init(binaryFiles files: [String], transform: any Transform<Image, Tensor> = ToTensor()) throws {
    (data, targets) = CIFARFiles.joined(try files.map { try CIFARFiles.binaryBatch(.cifar100, $0) })
    self.transform = transform
  }
}
