import NNCore
import NNData

/// The batches of a run.
struct RunData {
  let classes: [String]
  let train: DataLoader<Sample>
  let validation: DataLoader<Sample>
  /// Nil if there are no test images.
  let test: DataLoader<Sample>?
  /// Training batches.
  var batchesPerEpoch: Int { train.batchCount ?? 1 }

  init(_ images: RunImages, _ settings: RunConfiguration) throws {
    let leavesOne = images.leavesLastImageOut(settings)
    let augmented = settings.augmented(images.preprocessing)
    let mixing = settings.mixing(classes: images.classes.count)
    func batches(
      _ images: some VisionDataset, _ indices: [Int], shuffle: Bool, _ generator: Generator
    ) -> DataLoader<Sample> {
      let targets = images.targets
      let balancing =
        shuffle && settings.balance == .sampling
        ? WeightedRandomSampler.balancing(indices.map { targets[$0] }, generator: generator) : nil
      var images = images
      if shuffle, let augmented { images.transform = augmented }
      return DataLoader(
        Subset(images, indices: indices), batchSize: settings.batchSize, shuffle: shuffle && balancing == nil,
        sampler: balancing, dropLast: shuffle && leavesOne, workers: settings.workers, generator: generator,
        batchTransform: shuffle ? mixing : nil)
    }
    func loader(_ part: SplitPart, shuffle: Bool = false, _ generator: Generator) -> DataLoader<Sample>? {
      guard let content = images.parts[part] else { return nil }
      return batches(content.images, content.indices, shuffle: shuffle, generator)
    }
    // Generators of their own: evaluation leaves the stream of the training untouched.
    guard let train = loader(.train, shuffle: true, .default),
      let validation = loader(.validation, Generator(seed: 1))
    else { throw CommandError("\(printable(settings.root)): expected images to train and to validate on") }
    classes = images.classes
    self.train = train
    self.validation = validation
    test = loader(.test, Generator(seed: 2))
  }
}
