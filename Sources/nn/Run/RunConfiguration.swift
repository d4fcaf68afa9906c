import Foundation
import NNCore
import NNData

/// Everything that decides a training: what `nn train` reads from a YAML or JSON file and its options, and writes back
/// completely into the run's folder.
struct RunConfiguration: Codable, Equatable {
  /// Data set: `shapes`, `cifar10`, `cifar100`, or `folder` for images in one folder per class.
  var dataset = "shapes"
  /// Folder of data files. For `folder`: the folder of the classes, or one with `train`, `val` and `test` in it.
  var root = "data"
  /// Table of file names and labels (CSV) that is used in place of folders; its files are in `root`.
  var labels: String?
  /// Reads every image before the training, and leaves damaged ones out.
  var skipDamaged = false
  /// Turns photos upright as their camera noted it.
  var upright = true
  /// How large photos are decoded: `exact`, or `scaled` down on the way where the network's size allows it.
  var decoding = "exact"
  /// Share of the training images that validates.
  var validationShare = 0.1
  var arch = "shapesnet"
  /// File with starting weights, or folder of another run; nil trains from random ones.
  var weights: String?
  /// Where in the file the weights are, such as `model_ema`; found by looking if nil.
  var weightsKey: String?
  /// What is dropped from the beginning of the file's keys, such as `encoder.`; found by looking if nil.
  var weightsPrefix: String?
  /// Trains the last layer alone.
  var freeze = false
  /// Begins with pretrained weights (those of `weights`, or the official ones) under a new head, and prepares images as
  /// these weights want them: `imageSize` and `normalize` do not count.
  var pretrained = false
  /// The new head: `linear`, `batchnorm` (a batch normalisation before it), or `auto` by the network.
  var head = "auto"
  /// What is trained one after the other, such as `head:5,last:3,all:2`; see `PhasePlan`.
  var phases: String?
  /// Where results of frozen layers are kept: `memory`, `off` or a folder.
  var cache = "memory"
  /// Side to which images are resized; nil leaves them as they are.
  var imageSize: Int?
  /// Normalises as the ImageNet networks expect it.
  var normalize = false
  var epochs = 12
  var batchSize = 64
  var optimizer = "sgd"
  var learningRate = 0.1
  var momentum = 0.9
  var weightDecay = 5e-4
  /// Learning-rate schedule: `constant`, `cosine` or `onecycle`.
  var schedule = "onecycle"
  var accumulate = 1
  var clipNorm: Double?
  /// Decay of an exponential moving average of the weights.
  var ema: Double?
  /// Epochs without a better validation loss after which training stops.
  var patience: Int?
  /// Ends the training at the first loss or gradient that is not finite.
  var detectAnomaly = true
  var seed = 0
  var workers = 1
  var threads: Int?
  var limitTrain: Int?

  init() {}

  enum CodingKeys: String, CodingKey, CaseIterable {
    case dataset, root, labels, skipDamaged, upright, decoding, validationShare, arch, weights, weightsKey,
      weightsPrefix, freeze, pretrained, head, phases, cache
    case imageSize, normalize, epochs, batchSize, optimizer
    case learningRate, momentum, weightDecay, schedule, accumulate, clipNorm, ema, patience, detectAnomaly,
      seed, workers,
      threads
    case limitTrain
  }

  static var keys: [String] { CodingKeys.allCases.map(\.rawValue) }

  /// Refuses values that cannot be trained with.
  func check() throws {
    func need(_ condition: Bool, _ name: String, _ expected: String, _ found: Any) throws {
      if !condition { throw CommandError("\(name): expected \(expected), found \(printable("\(found)"))") }
    }
    try need(
      ["shapes", "cifar10", "cifar100", "folder"].contains(dataset), "dataset",
      "shapes, cifar10, cifar100 or folder", dataset)
    if dataset == "folder", !pretrained {
      try need(imageSize != nil, "imageSize", "a size for images from a folder", "none")
    }
    if labels != nil { try need(dataset == "folder", "labels", "the data set folder", dataset) }
    if skipDamaged { try need(dataset == "folder", "skipDamaged", "the data set folder", dataset) }
    try need(
      Image.Decoding(rawValue: decoding) != nil, "decoding",
      Image.Decoding.allCases.map(\.rawValue).joined(separator: " or "), printable(decoding))
    try need(
      ["auto", "linear", "batchnorm"].contains(head), "head", "auto, linear or batchnorm", head)
    try need(!cache.isEmpty, "cache", "memory, off or a folder", "nothing")
    if pretrained { try need(batchSize >= 2, "batchSize", "a number of at least 2", batchSize) }
    if let plan = try phasePlan() {
      try need(pretrained, "phases", "a run of nn finetune", "none")
      try need(schedule == "constant", "schedule", "constant, as phases have rates of their own", schedule)
      try need(epochs == plan.epochs, "epochs", "\(plan.epochs), the sum of the phases", epochs)
    }
    try need(["sgd", "adam", "adamw"].contains(optimizer), "optimizer", "sgd, adam or adamw", optimizer)
    try need(
      ["constant", "cosine", "onecycle"].contains(schedule), "schedule", "constant, cosine or onecycle",
      schedule)
    try need(
      validationShare > 0 && validationShare < 1, "validationShare", "a number between 0 and 1",
      validationShare)
    func need(_ value: Int?, in range: ClosedRange<Int>, _ name: String) throws {
      guard let value, !range.contains(value) else { return }
      throw CommandError("\(name): expected a number in \(range), found \(value)")
    }
    for (name, value) in [
      ("epochs", epochs), ("batchSize", batchSize), ("accumulate", accumulate),
    ] { try need(value, in: 1...1_000_000, name) }
    try need(imageSize, in: Preprocessing.sizes, "imageSize")
    try need(limitTrain, in: 1...Int(Int32.max), "limitTrain")
    try need(seed, in: 0...Int.max, "seed")
    try need(patience, in: 0...1_000_000, "patience")
    try need(workers, in: 0...1_024, "workers")
    try need(threads, in: 1...1_024, "threads")
    try need(learningRate > 0 && learningRate.isFinite, "learningRate", "a number above 0", learningRate)
    try need(momentum >= 0 && momentum < 1, "momentum", "a number in 0..<1", momentum)
    try need(weightDecay >= 0 && weightDecay.isFinite, "weightDecay", "a number of at least 0", weightDecay)
    try need((clipNorm ?? 1) > 0, "clipNorm", "a number above 0", clipNorm ?? 0)
    try need(ema.map { $0 >= 0 && $0 < 1 } ?? true, "ema", "a number in 0..<1", ema ?? 0)
  }
}
