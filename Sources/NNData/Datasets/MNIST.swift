import NNCore

/// Handwritten digits: 60,000 training and 10,000 test images of 10 classes, 28x28 pixels in gray.
///
/// LeCun, Cortes and Burges, http://yann.lecun.com/exdb/mnist/. As `torchvision.datasets.MNIST`: in `MNIST/raw`, a
/// download of 12 MB. Files that are there only as `.gz` are unpacked beside it.
public struct MNIST: PublishedDataset {
  public let data: Tensor
  public let targets: [Int]
  public var transform: any Transform<Image, Tensor>
  public static var files: any PublishedFiles { IdxFiles.mnist }

  public static let classNames = [
    "0 - zero", "1 - one", "2 - two", "3 - three", "4 - four", "5 - five", "6 - six", "7 - seven",
    "8 - eight", "9 - nine",
  ]

  public init(data: Tensor, targets: [Int], transform: any Transform<Image, Tensor>) {
    (self.data, self.targets, self.transform) = (data, targets, transform)
  }
}

/// Photographs of clothes in the format of ``MNIST``.
///
/// Xiao, Rasul and Vollgraf, Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms, 2017.
/// As `torchvision.datasets.FashionMNIST`: in `FashionMNIST/raw`, a download of 31 MB.
public struct FashionMNIST: PublishedDataset {
  public let data: Tensor
  public let targets: [Int]
  public var transform: any Transform<Image, Tensor>
  public static var files: any PublishedFiles { IdxFiles.fashionMNIST }

  public static let classNames = [
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
  ]

  public init(data: Tensor, targets: [Int], transform: any Transform<Image, Tensor>) {
    (self.data, self.targets, self.transform) = (data, targets, transform)
  }
}

/// Handwritten Japanese characters in the format of ``MNIST``.
///
/// Clanuwat et al., Deep Learning for Classical Japanese Literature, 2018. As `torchvision.datasets.KMNIST`: in
/// `KMNIST/raw`, a download of 21 MB.
public struct KMNIST: PublishedDataset {
  public let data: Tensor
  public let targets: [Int]
  public var transform: any Transform<Image, Tensor>
  public static var files: any PublishedFiles { IdxFiles.kmnist }

  public static let classNames = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]

  public init(data: Tensor, targets: [Int], transform: any Transform<Image, Tensor>) {
    (self.data, self.targets, self.transform) = (data, targets, transform)
  }
}
