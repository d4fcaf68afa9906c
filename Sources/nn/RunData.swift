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
    let transform = imageTransform(size: settings.imageSize, normalize: settings.normalize)
    switch settings.dataset {
    case "cifar10":
      try self.init(
        settings, CIFAR10(root: settings.root, train: true, download: true),
        CIFAR10(root: settings.root, train: false), transform)
    default:
      try self.init(
        settings, SyntheticShapes(count: 2_000), SyntheticShapes(train: false, count: 1_000), transform)
    }
  }

  private init(
    _ settings: RunConfiguration, _ images: some ImageDataset, _ tested: some ImageDataset,
    _ transform: any Transform<Image, Tensor>
  ) throws {
    var (images, tested) = (images, tested)
    images.transform = transform
    tested.transform = transform
    let order = Generator(seed: settings.seed).randperm(images.count)
    let held = max(1, Int(Double(images.count) * settings.validationShare))
    let used = order.dropLast(held).prefix(settings.limitTrain ?? order.count)
    guard !used.isEmpty else {
      throw CommandError("validationShare: expected to leave training images, found none")
    }
    classes = images.classes
    func loader(_ data: some Dataset<Sample>, shuffle: Bool, _ generator: Generator) -> DataLoader<Sample> {
      DataLoader(
        data, batchSize: settings.batchSize, shuffle: shuffle, workers: settings.workers, generator: generator
      )
    }
    train = loader(Subset(images, indices: used), shuffle: true, .default)
    // Generators of their own: evaluation leaves the stream of the training untouched.
    validation = loader(Subset(images, indices: order.suffix(held)), shuffle: false, Generator(seed: 1))
    test = loader(Subset(tested, indices: 0..<tested.count), shuffle: false, Generator(seed: 2))
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
