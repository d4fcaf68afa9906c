import ArgumentParser
import Foundation
import NNCore
import NNData
import NNLightning
import NNModels

/// Everything that decides a training: what `nn train` reads from a YAML or JSON file and its options, and writes back
/// completely into the run's folder. Each setting is declared here alone, see ``Setting``.
struct RunConfiguration: Codable, Equatable {
  // MARK: Images

  @Setting(
    """
    Data set: shapes (drawn by the library), folder (images in one folder per class, or folders train, val and test of \
    such folders), or the name of a published one, which is downloaded into --root unless it is there.
    """)
  var dataset = DatasetName.shapes
  @Setting(
    "Folder of the data files; for the data set folder also a zip or tar file, or shards such as 'train-{000..009}.tar'.",
    isChangeable: true)
  var root = "data"
  @Setting(
    """
    Table of file names and labels (CSV or JSON lines) in place of folders, with a column split (train, validation, \
    test) if it has one; the files are in --root, or beside the table.
    """)
  var labels: String? = nil
  @Setting(
    "Which column of the table (or field of a shard's .json files) has the labels, if it is not called label or class."
  )
  var labelColumn: String? = nil
  @Setting(
    "Let an image have several labels, or none: cat|dog in the table, or a column of 1 and 0 for each.")
  var multiLabel = false
  @Setting("Where the label stands in file names, such as '{label}_*.jpg', in place of folders.")
  var labelPattern: String? = nil
  @Setting("Use only these classes, such as cat,dog.")
  var classes: String? = nil
  @Setting("Read every image first, and leave damaged ones out.")
  var skipDamaged = false
  @Setting("Turn photos upright as their camera noted it (EXIF).")
  var upright = true
  @Setting(
    """
    How photos are decoded: exact, or scaled (large ones are decoded at a reduced size, at least twice what the network \
    is given).
    """)
  var decoding = Image.Decoding.exact
  @Setting("Share of the training images that validates, and that tests if there are no test images.", .share)
  var validationShare = 0.1
  /// Nil leaves images of data sets as they are, and with `pretrained` takes the size of the weights.
  @Setting("Side in pixels of the images that the network is given.", .within(Preprocessing.sizes))
  var imageSize: Int? = nil
  @Setting(
    "Channels of the images that the network is given: 3, or 1 for grey ones; weights for colours are adapted.",
    SettingBounds(expected: "1 or 3") { $0 == 1 || $0 == 3 })
  var channels = 3
  @Setting("Normalise as ImageNet networks expect it.", commands: [.train])
  var normalize = false
  @Setting("Use only so many training images.", .within(1...Int(Int32.max)))
  var limitTrain: Int? = nil
  @Setting("Use only so many validation images.", .within(1...Int(Int32.max)))
  var limitValidation: Int? = nil
  @Setting("Use only so many test images.", .within(1...Int(Int32.max)))
  var limitTest: Int? = nil
  @Setting("Use only so many training images of each class, drawn at random.", .within(1...Int(Int32.max)))
  var shots: Int? = nil
  @Setting(
    """
    How rare classes are made up for: none, weights (their errors count more), or sampling (their images come more \
    often).
    """)
  var balance = ClassBalance.none

  // MARK: Augmentation

  @Setting(
    """
    Random changes of training images: none, light (crops, mirrored), strong (smaller crops, colours), randaugment or \
    trivialaugment; nn preview shows them.
    """)
  var augment = AugmentName.none
  @Setting("Chance that a rectangle of a training image is covered, such as 0.25.", .chance)
  var erase = 0.0
  @Setting("Blend pairs of training images; the strength, such as 0.2.", .positive)
  var mixup: Double? = nil
  @Setting("Put a piece of one training image into another; the strength, such as 1.", .positive)
  var cutmix: Double? = nil
  @Setting(
    "Share of each label that is spread over all classes, against overconfidence, such as 0.1.", .decay)
  var labelSmoothing = 0.0
  @Setting(
    "With random changes and a frozen network: how many versions of each training image are computed and kept.",
    .within(1...1_000))
  var views = 4

  // MARK: The network

  @Setting(
    "Architecture, such as shapesnet or resnet18; nn models lists them.", completion: .list(listModels()))
  var arch = "shapesnet"
  @Setting(
    """
    File with weights to start from (.pth or .safetensors), folder of a run, or hf:owner/name[@revision] for a model \
    on Hugging Face's hub; the last layer is new. Without it nn finetune takes the official ones, downloaded once.
    """)
  var weights: String? = nil
  @Setting(
    "Where in the weight file the weights are, such as model_ema; found by looking if not given.",
    option: "key")
  var weightsKey: String? = nil
  @Setting(
    "What is dropped from the keys of the weight file, such as encoder.; found by looking if not given.",
    option: "prefix")
  var weightsPrefix: String? = nil
  @Setting(
    "Chance that an image skips the last block of the network in training, such as 0.1; earlier blocks less often.",
    .decay)
  var dropPath: Double? = nil
  @Setting(
    "Chance that a feature before the last layer is left out in training, such as 0.2.", .decay)
  var dropout: Double? = nil
  @Setting("Train the last layer alone.", commands: [.train])
  var freeze = false
  /// Begins with pretrained weights (those of `weights`, or the official ones) under a new head, and prepares images as
  /// these weights want them.
  @Setting("Whether the run is one of nn finetune.", commands: [])
  var pretrained = false
  @Setting(
    """
    New head. Trained: linear, batchnorm (a batch normalisation before it), or auto by the network. Solved at once, \
    without epochs: logistic (logistic regression), ridge (ridge regression), neighbors (the most similar training \
    images vote), prototypes (the most similar class average; for very few images).
    """, commands: [.finetune])
  var head = HeadName.auto
  @Setting(
    """
    How much a logistic or ridge head is kept from learning single images by heart, such as 0.01; several are tried on \
    the validation images if not given.
    """, .positive, commands: [.finetune])
  var regularization: Double? = nil
  @Setting(
    "Training images that vote with --head neighbors; several numbers are tried on the validation images if not given.",
    .within(1...10_000), commands: [.finetune])
  var neighbors: Int? = nil
  @Setting(
    """
    What the head is given: what the network's last layer got (last), or with it what earlier blocks say (several), \
    which often tells more about images unlike those the network was trained on.
    """, commands: [.finetune])
  var features = FeatureNodes.last
  @Setting(
    """
    Train small changes of the network's linear and attention layers beside the head (LoRA), of this rank, such as 8; \
    they are added to the weights at the end.
    """, .within(1...1_024), commands: [.finetune])
  var lora: Int? = nil
  /// See `PhasePlan`.
  @Setting(
    "Parts trained one after the other, with their epochs, such as head:5,last:3,all:2.",
    commands: [.finetune], isChangeable: true)
  var phases: String? = nil
  @Setting(
    "Where results of frozen layers are kept: memory, off, or a folder that later runs use too.",
    isChangeable: true)
  var cache = FeaturePlace.memory

  // MARK: The training

  @Setting("Number of epochs.", .within(1...1_000_000), isChangeable: true)
  var epochs = 12
  @Setting("Images per batch.", .within(1...1_000_000))
  var batchSize = 64
  @Setting(
    """
    Optimizer: sgd, adam, adamw, lion (rates a fifth of adamw's), lamb (for batches of thousands), adafactor (little \
    memory), or muon (matrices; the first and last layer and all vectors by adamw).
    """)
  var optimizer = OptimizerName.sgd
  @Setting("Learning rate.", .positive)
  var learningRate = 0.1
  @Setting("Momentum of sgd.", .decay)
  var momentum = 0.9
  @Setting("Weight decay: how strongly weights are drawn towards 0 (adam has none).", .notNegative)
  var weightDecay = 5e-4
  @Setting("Leave biases and normalisations without weight decay, as is usual for transformers.")
  var spareVectors = false
  @Setting(
    "What the learning rate is multiplied by from each block to the one before it, such as 0.75; for whole networks.",
    SettingBounds(expected: "a number above 0 and at most 1") { $0 > 0 && $0 <= 1 })
  var layerDecay: Double? = nil
  @Setting(
    """
    Schedule of the learning rate: constant, cosine (falls like a cosine), warmupcosine (rises in the first twentieth, \
    then falls like a cosine), or onecycle (rises, then falls). With --phases each phase has its own.
    """)
  var schedule = ScheduleName.onecycle
  @Setting("Batches whose gradients make one step.", .within(1...1_000_000))
  var accumulate = 1
  @Setting("Greatest norm of the gradients.", .positive, isChangeable: true)
  var clipNorm: Double? = nil
  @Setting("Decay of an average of the weights, such as 0.999.", .decay)
  var ema: Double? = nil
  @Setting(
    "Epochs without a better validation loss after which training stops.", .within(0...1_000_000),
    isChangeable: true)
  var patience: Int? = nil
  @Setting(
    "End the training at the first loss or gradient that is not a finite number.", isChangeable: true)
  var detectAnomaly = true
  @Setting("Seed of the split, the shuffles and the starting weights.", .within(0...Int.max))
  var seed = 0

  // MARK: The machine

  @Setting("Device: auto (a GPU if one can be used), cpu or gpu.", isChangeable: true)
  var device = Accelerator.Choice.auto
  @Setting("Precision: 32-true, or bf16-mixed, which is faster on GPUs.", isChangeable: true)
  var precision = Trainer.Precision.float32
  @Setting("Threads that load images.", .within(0...1_024), isChangeable: true)
  var workers = 1
  @Setting(
    "Threads that compute (default: all processors). Results do not depend on it.", .within(1...1_024),
    isChangeable: true)
  var threads: Int? = nil

  init() {}

  /// All settings with their names.
  var settings: [(name: String, setting: any AnySetting)] {
    Mirror(reflecting: self).children.compactMap { label, value in
      guard let label, let setting = value as? any AnySetting else { return nil }
      return (String(label.dropFirst()), setting)
    }
  }

  /// Refuses values that cannot be trained with.
  func check() throws {
    for ((name, declared), (_, setting)) in zip(RunConfiguration().settings, settings) {
      if let problem = declared.problem(with: setting) { throw CommandError("\(name): \(problem)") }
    }
    func need(_ condition: Bool, _ name: String, _ expected: String, _ found: Any) throws {
      if !condition { throw CommandError("\(name): expected \(expected), found \(printable("\(found)"))") }
    }
    if dataset == .folder, !pretrained {
      try need(imageSize != nil, "imageSize", "a size for images from a folder", "none")
    }
    for (name, isGiven) in [
      ("labels", labels != nil), ("skipDamaged", skipDamaged), ("labelPattern", labelPattern != nil),
      ("classes", classes != nil),
    ] where isGiven { try need(dataset == .folder, name, "the data set folder", dataset) }
    if labelColumn != nil {
      try need(dataset == .folder, "labelColumn", "a table (--labels) or shards", "none")
    }
    if multiLabel { try need(dataset == .folder, "multiLabel", "a table (--labels) or shards", "none") }
    if labelPattern != nil {
      try need(!multiLabel, "multiLabel", "a table (--labels) or shards", "labels in file names")
      try need(labels == nil, "labelPattern", "labels in file names or in a table", "both")
    }
    if pretrained { try need(batchSize >= 2, "batchSize", "a number of at least 2", batchSize) }
    if lora != nil {
      try need(phases == nil, "lora", "a run without phases, which thaw whole layers", phases ?? "")
      try need(!head.isSolved, "lora", "a head that is trained", "the head \(head), which is solved")
    }
    if head.isSolved {
      try need(!multiLabel, "head", "one that is trained, as images may have several labels", head)
      try need(phases == nil, "phases", "a head that is trained", "the head \(head), which is solved")
      try need(mixup == nil && cutmix == nil, "head", "one that is trained, as images are mixed", head)
    }
    try need(
      regularization == nil || head == .logistic || head == .ridge, "regularization",
      "the head logistic or ridge", head)
    try need(neighbors == nil || head == .neighbors, "neighbors", "the head neighbors", head)
    if let plan = try phasePlan() {
      try need(pretrained, "phases", "a run of nn finetune", "none")
      try need(epochs == plan.epochs, "epochs", "\(plan.epochs), the sum of the phases", epochs)
    }
  }
}

// MARK: Choices

enum DatasetName: String, SettingChoice {
  case shapes, folder, cifar10, cifar100, mnist, fashionmnist, kmnist, emnist
  case emnistletters = "emnist-letters"
  case svhn, stl10, fer2013, gtsrb, pets, food101, dtd, flowers102, eurosat, caltech101
}
enum HeadName: String, SettingChoice {
  case auto, linear, batchnorm, logistic, ridge, neighbors, prototypes

  /// Whether it is computed from all features at once, in place of being trained.
  var isSolved: Bool { self != .auto && self != .linear && self != .batchnorm }
}
enum FeatureNodes: String, SettingChoice { case last, several }
enum OptimizerName: String, SettingChoice { case sgd, adam, adamw, lion, lamb, adafactor, muon }
enum ScheduleName: String, SettingChoice {
  case constant, cosine, warmupcosine, onecycle

  /// The same within each phase.
  var course: FinetuningPhases.Course {
    switch self {
    case .constant: .constant
    case .cosine: .cosine
    case .warmupcosine: .warmupCosine
    case .onecycle: .oneCycle
    }
  }
}
extension Image.Decoding: SettingChoice {}
extension ClassBalance: SettingChoice {}

/// Where results of frozen layers are kept.
enum FeaturePlace: RawRepresentable, SettingBase, CustomStringConvertible {
  case memory, off
  case folder(String)

  static var expected: String { "memory, off or a folder" }

  init?(rawValue: String) {
    switch rawValue {
    case "": return nil
    case "memory": self = .memory
    case "off": self = .off
    case let path: self = .folder(path)
    }
  }

  var rawValue: String {
    switch self {
    case .memory: "memory"
    case .off: "off"
    case .folder(let path): path
    }
  }

  var description: String { rawValue }

  /// - Parameter views: versions of each training image that random changes make; nil if there are none.
  func caching(views: Int?) -> FeatureCaching {
    switch self {
    case .memory: .memory(views: views)
    case .off: .off
    case .folder(let path): .disk(path, views: views)
    }
  }
}
