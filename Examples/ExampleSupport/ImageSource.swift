import NNCore
import NNData

/// Which data set an experiment runs on, and why.
public struct ImageSource {
  public let name: String
  public let reason: String
  public let classes: [String]
  private let train: any ImageDataset
  private let test: any ImageDataset
  /// Parts of the training images: trained on, validated on.
  private let lengths: [Int]
  /// Images per step unless the options say otherwise.
  private let batchSize: Int

  /// Opens the data set that the options ask for; `.auto` takes CIFAR-10 if it is on disk or can be downloaded.
  public init(_ options: ExperimentOptions) throws {
    switch options.dataset {
    case .shapes: self.init(shapesBecause: "as --dataset shapes asks")
    case .cifar10: try self.init(cifar10At: options.root, download: true)
    case .auto:
      do {
        try self.init(cifar10At: options.root, download: true)
      } catch {
        self.init(shapesBecause: "CIFAR-10 is not to be had: \(error)")
      }
    }
  }

  private init(cifar10At root: String, download: Bool) throws {
    let wasThere = (try? CIFAR10(root: root, train: false)) != nil
    train = try CIFAR10(root: root, train: true, download: download)
    test = try CIFAR10(root: root, train: false)
    name = "CIFAR-10"
    reason = "Data set: CIFAR-10, \(wasThere ? "found in" : "downloaded to") \(root)"
    classes = CIFAR10.classNames
    lengths = [40_000, 10_000]
    batchSize = 256
  }

  /// The data set that the library draws: few training images, as in a project of one's own.
  public init(shapesBecause why: String) {
    let shapes = SyntheticShapes(count: 1_000)
    train = shapes
    test = SyntheticShapes(train: false, count: 1_000)
    name = "shapes"
    reason = "Data set: shapes, drawn by the library (\(why))"
    classes = shapes.classes
    lengths = [500, 500]
    batchSize = 32
  }

  /// The experiment's parts at the images' own size, in [0, 1].
  public func small(_ options: ExperimentOptions) -> ExperimentData { data(options, transform: ToTensor()) }

  /// The experiment's parts under a transform. The split depends on the seed alone and is PyTorch's.
  public func data(_ options: ExperimentOptions, transform: any Transform<Image, Tensor>) -> ExperimentData {
    let order = Generator(seed: options.seed).randperm(train.count)
    func transformed(_ images: some ImageDataset) -> any Dataset<Sample> {
      var copy = images
      copy.transform = transform
      return copy
    }
    let images = transformed(train)
    func part(_ range: Range<Int>, _ limit: Int?) -> any Dataset<Sample> {
      subset(images, order[range].prefix(limit ?? range.count))
    }
    let tested = transformed(test)
    return ExperimentData(
      train: part(0..<lengths[0], options.limitTrain),
      validation: part(lengths[0]..<lengths[0] + lengths[1], options.limitVal),
      test: subset(tested, (0..<tested.count).prefix(options.limitTest ?? tested.count)),
      batchSize: options.batchSize ?? batchSize)
  }

  private func subset(_ data: some Dataset<Sample>, _ indices: some Sequence<Int>) -> any Dataset<Sample> {
    Subset(data, indices: indices)
  }
}
