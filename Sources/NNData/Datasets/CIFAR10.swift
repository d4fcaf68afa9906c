import NNCore

/// CIFAR-10: 50,000 training and 10,000 test images of 10 classes, 32x32 pixels in colour.
///
/// Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009;
/// https://www.cs.toronto.edu/~kriz/cifar.html. Same images in the same order as `torchvision.datasets.CIFAR10`.
///
/// The folder to open holds `cifar-10-batches-bin` (the binary version, which is preferred) or `cifar-10-batches-py` (the Python
/// version, as torchvision leaves it), or is one of these two. A download is the Python version, 170 MB.
public struct CIFAR10: PublishedDataset {
  public let data: Tensor
  public let targets: [Int]
  public var transform: any Transform<Image, Tensor>
  public static var files: any PublishedFiles { CIFARVersion.cifar10 }

  /// Names of the ten classes in the order of their labels.
  public static let classNames = [
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
  ]

  public init(data: Tensor, targets: [Int], transform: any Transform<Image, Tensor>) {
    (self.data, self.targets, self.transform) = (data, targets, transform)
  }

  /// Opens files of the binary version: records of 1 label byte and 3,072 pixel bytes (red, green, blue planes).
  public init(binaryFiles files: [String], transform: any Transform<Image, Tensor> = ToTensor()) throws {
    (data, targets) = CIFARFiles.joined(try files.map { try CIFARFiles.binaryBatch(.cifar10, $0) })
    self.transform = transform
  }
}
