import NNCore
import NNData

/// The parts of a published data set, opened where they are and else downloaded.
struct PublishedImages {
  let train: any VisionDataset
  /// Nil to cut it out of the training images.
  var validation: (any VisionDataset)?
  /// Nil to cut it out of the training images.
  var test: (any VisionDataset)?

  /// Nil for images that belong to the user or are drawn.
  ///
  /// - Parameters:
  ///   - preprocessing: how the files of photographs are read.
  ///   - cache: keeps what is made of them.
  init?(_ settings: RunConfiguration, _ preprocessing: Preprocessing, _ cache: ImageCache?) throws {
    let root = settings.root
    func photographs(_ images: ImageFolder) -> ImageFolder {
      var images = images
      images.orientation = Image.Orientation(rawValue: preprocessing.orientation) ?? .apply
      images.decoding = Image.Decoding(rawValue: preprocessing.decoding) ?? .exact
      images.cache = cache
      return images
    }
    func memory<Images: PublishedDataset>(_: Images.Type) throws -> (train: Images, test: Images) {
      (
        try Images(root: root, train: true, download: true),
        try Images(root: root, train: false, download: true)
      )
    }
    func emnist(_ split: EMNIST.Split) throws -> (train: EMNIST, test: EMNIST) {
      (
        try EMNIST(root: root, split: split, train: true, download: true),
        try EMNIST(root: root, split: split, train: false, download: true)
      )
    }
    func parts(_ open: (PublishedPart) throws -> ImageFolder) throws -> (
      train: ImageFolder, test: ImageFolder
    ) {
      (photographs(try open(.train)), photographs(try open(.test)))
    }
    switch settings.dataset {
    case .shapes, .folder: return nil
    case .cifar10: (train, test) = try memory(CIFAR10.self)
    case .cifar100: (train, test) = try memory(CIFAR100.self)
    case .mnist: (train, test) = try memory(MNIST.self)
    case .fashionmnist: (train, test) = try memory(FashionMNIST.self)
    case .kmnist: (train, test) = try memory(KMNIST.self)
    case .emnist: (train, test) = try emnist(.balanced)
    case .emnistletters: (train, test) = try emnist(.letters)
    case .svhn: (train, test) = try memory(SVHN.self)
    case .stl10: (train, test) = try memory(STL10.self)
    case .fer2013: (train, test) = try memory(FER2013.self)
    case .gtsrb: (train, test) = try parts { try GTSRB.open(root: root, train: $0 == .train, download: true) }
    case .pets:
      (train, test) = try parts { try OxfordIIITPet.open(root: root, train: $0 == .train, download: true) }
    case .food101:
      (train, test) = try parts { try Food101.open(root: root, train: $0 == .train, download: true) }
    case .dtd:
      (train, test) = try parts { try DTD.open(root: root, part: $0, download: true) }
      validation = photographs(try DTD.open(root: root, part: .validation, download: true))
    case .flowers102:
      (train, test) = try parts { try Flowers102.open(root: root, part: $0, download: true) }
      validation = photographs(try Flowers102.open(root: root, part: .validation, download: true))
    case .eurosat: train = photographs(try EuroSAT.open(root: root, download: true))
    case .caltech101: train = photographs(try Caltech101.open(root: root, download: true))
    }
  }
}
