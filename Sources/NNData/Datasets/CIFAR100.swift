import NNCore

/// CIFAR-100: 50,000 training and 10,000 test images of 100 classes, 32x32 pixels in colour.
///
/// Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009;
/// https://www.cs.toronto.edu/~kriz/cifar.html. Same images in the same order as `torchvision.datasets.CIFAR100`;
/// the 20 groups of classes are not used.
///
/// The folder to open holds `cifar-100-binary` (the binary version, which is preferred) or `cifar-100-python` (the Python
/// version, as torchvision leaves it), or is one of these two. A download is the Python version, 169 MB.
public struct CIFAR100: PublishedDataset {
  public let data: Tensor
  public let targets: [Int]
  public var transform: any Transform<Image, Tensor>
  public static var files: any PublishedFiles { CIFARVersion.cifar100 }

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

  public init(data: Tensor, targets: [Int], transform: any Transform<Image, Tensor>) {
    (self.data, self.targets, self.transform) = (data, targets, transform)
  }

  /// Opens files of the binary version: records of 2 label bytes (group, class) and 3,072 pixel bytes.
  public init(binaryFiles files: [String], transform: any Transform<Image, Tensor> = ToTensor()) throws {
    (data, targets) = CIFARFiles.joined(try files.map { try CIFARFiles.binaryBatch(.cifar100, $0) })
    self.transform = transform
  }
}
