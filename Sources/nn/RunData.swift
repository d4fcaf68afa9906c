import Foundation
import NNCore
import NNData

/// The images of a run, split and batched.
struct RunData {
  let classes: [String]
  let train: DataLoader<Sample>
  let validation: DataLoader<Sample>
  let test: DataLoader<Sample>
  /// Training batches.
  var batchesPerEpoch: Int { train.batchCount ?? 1 }

  init(_ settings: RunConfiguration) throws {
    let transform: any Transform<Image, Tensor> =
      try settings.preprocessing?.transform
      ?? imageTransform(size: settings.imageSize, normalize: settings.normalize)
    switch settings.dataset {
    case "cifar10":
      try self.init(
        settings, CIFAR10(root: settings.root, train: true, download: true),
        CIFAR10(root: settings.root, train: false), transform)
    case "cifar100":
      try self.init(
        settings, CIFAR100(root: settings.root, train: true, download: true),
        CIFAR100(root: settings.root, train: false), transform)
    case "folder":
      let (images, tested) = try RunData.folders(settings.root)
      try self.init(settings, images, tested, transform)
    default:
      try self.init(
        settings, SyntheticShapes(count: 2_000), SyntheticShapes(train: false, count: 1_000), transform)
    }
  }

  /// The images of `root/train` and of `root/test` or `root/val`; those of `root` itself, with no test images, if there is
  /// no folder `train`.
  private static func folders(_ root: String) throws -> (images: ImageFolder, tested: ImageFolder?) {
    guard FileManager.default.fileExists(atPath: "\(root)/train") else { return (try ImageFolder(root), nil) }
    let images = try ImageFolder("\(root)/train")
    let names = ["test", "val"].map { "\(root)/\($0)" }
    guard let path = names.first(where: FileManager.default.fileExists) else { return (images, nil) }
    let tested = try ImageFolder(path)
    guard tested.classes == images.classes else {
      throw CommandError(
        "\(path): expected the classes \(images.classes.joined(separator: ", ")), found "
          + tested.classes.joined(separator: ", "))
    }
    return (images, tested)
  }

  /// - Parameter tested: images to test with; if nil, as many of the training images as validate are kept for that.
  private init<Images: VisionDataset>(
    _ settings: RunConfiguration, _ images: Images, _ tested: Images?,
    _ transform: any Transform<Image, Tensor>
  ) throws {
    var images = images
    images.transform = transform
    var order = Generator(seed: settings.seed).randperm(images.count)
    let held = max(1, Int(Double(images.count) * settings.validationShare))
    func take() -> [Int] {
      defer { order.removeLast(min(held, order.count)) }
      return Array(order.suffix(held))
    }
    let validationIndices = take()
    let testImages: Subset<Images>
    if var tested {
      tested.transform = transform
      testImages = Subset(tested, indices: 0..<tested.count)
    } else {
      testImages = Subset(images, indices: take())
    }
    let used = order.prefix(settings.limitTrain ?? order.count)
    let least = settings.pretrained ? 2 : 1
    guard used.count >= least else {
      throw CommandError(
        "validationShare: expected to leave at least \(least) training images, found \(used.count)")
    }
    classes = images.classes
    func loader(
      _ data: some Dataset<Sample>, shuffle: Bool, dropLast: Bool = false, _ generator: Generator
    ) -> DataLoader<Sample> {
      DataLoader(
        data, batchSize: settings.batchSize, shuffle: shuffle, dropLast: dropLast, workers: settings.workers,
        generator: generator)
    }
    // A head that normalises cannot train on the statistics of a single image.
    let isLastSingle = settings.pretrained && used.count % settings.batchSize == 1
    train = loader(Subset(images, indices: used), shuffle: true, dropLast: isLastSingle, .default)
    // Generators of their own: evaluation leaves the stream of the training untouched.
    validation = loader(Subset(images, indices: validationIndices), shuffle: false, Generator(seed: 1))
    test = loader(testImages, shuffle: false, Generator(seed: 2))
  }
}

/// From an image to what a network sees.
func imageTransform(size: Int?, normalize: Bool) -> any Transform<Image, Tensor> {
  switch (size, normalize) {
  case (let size?, true):
    Compose {
      Resize(size, size)
      ToTensor()
      Normalize.imageNet
    }
  case (let size?, false):
    Compose {
      Resize(size, size)
      ToTensor()
    }
  case (nil, true):
    Compose {
      ToTensor()
      Normalize.imageNet
    }
  case (nil, false): ToTensor()
  }
}
