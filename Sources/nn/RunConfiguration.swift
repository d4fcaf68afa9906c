import Foundation
import NNCore
import Yams

/// Everything that decides a training: what `nn train` reads from a YAML or JSON file and its options, and writes back
/// completely into the run's folder.
struct RunConfiguration: Codable, Equatable {
  /// Data set: `shapes`, `cifar10`, `cifar100`, or `folder` for images in one folder per class.
  var dataset = "shapes"
  /// Folder of data files. For `folder`: the folder of the classes, or one with `train` and `test` or `val` in it.
  var root = "data"
  /// Share of the training images that validates.
  var validationShare = 0.1
  var arch = "shapesnet"
  /// File with starting weights; nil trains from random ones.
  var weights: String?
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
  var seed = 0
  var workers = 1
  var threads: Int?
  var limitTrain: Int?

  init() {}

  /// Reads a file whose ending is `.json`, or else YAML. Missing entries have their defaults, unknown ones are refused.
  init(contentsOf path: String) throws {
    let text: String
    do {
      text = try String(contentsOfFile: path, encoding: .utf8)
    } catch {
      throw CommandError("\(path): expected a configuration that can be read, found none")
    }
    do {
      // Every JSON text is YAML too.
      let given = try Yams.load(yaml: text) as? [String: Any] ?? [:]
      var all = try Yams.load(yaml: YAMLEncoder().encode(RunConfiguration())) as? [String: Any] ?? [:]
      let known = Set(RunConfiguration.keys)
      if let unknown = given.keys.sorted().first(where: { !known.contains($0) }) {
        let near = known.sorted { (editDistance($0, unknown), $0) < (editDistance($1, unknown), $1) }
        throw CommandError(
          "\(path): expected a known setting, found \"\(unknown)\"; did you mean \"\(near[0])\"?")
      }
      all.merge(given) { $1 }
      self = try YAMLDecoder().decode(RunConfiguration.self, from: Yams.dump(object: all))
    } catch let error as CommandError {
      throw error
    } catch {
      let reason = "\(error)".split(separator: "\n").first ?? ""
      throw CommandError("\(path): expected a configuration in YAML or JSON, found: \(reason)")
    }
  }

  enum CodingKeys: String, CodingKey, CaseIterable {
    case dataset, root, validationShare, arch, weights, freeze, pretrained, head, phases, cache
    case imageSize, normalize, epochs, batchSize, optimizer
    case learningRate, momentum, weightDecay, schedule, accumulate, clipNorm, ema, patience, seed, workers,
      threads
    case limitTrain
  }

  static var keys: [String] { CodingKeys.allCases.map(\.rawValue) }

  func write(to path: String) throws {
    let text = try YAMLEncoder().encode(self)
    try AtomicFile.write(path) { try $0.write(Array(text.utf8)) }
  }

  /// Refuses values that cannot be trained with.
  func check() throws {
    func need(_ condition: Bool, _ name: String, _ expected: String, _ found: Any) throws {
      if !condition { throw CommandError("\(name): expected \(expected), found \(found)") }
    }
    try need(
      ["shapes", "cifar10", "cifar100", "folder"].contains(dataset), "dataset",
      "shapes, cifar10, cifar100 or folder", dataset)
    if dataset == "folder", !pretrained {
      try need(imageSize != nil, "imageSize", "a size for images from a folder", "none")
    }
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
    for (name, value) in [
      ("epochs", epochs), ("batchSize", batchSize), ("accumulate", accumulate), ("imageSize", imageSize ?? 1),
      ("threads", threads ?? 1), ("limitTrain", limitTrain ?? 1),
    ] { try need(value >= 1, name, "a number of at least 1", value) }
    for (name, value) in [("seed", seed), ("workers", workers), ("patience", patience ?? 0)] {
      try need(value >= 0, name, "a number of at least 0", value)
    }
    try need(learningRate > 0 && learningRate.isFinite, "learningRate", "a number above 0", learningRate)
    try need(momentum >= 0 && momentum < 1, "momentum", "a number in 0..<1", momentum)
    try need(weightDecay >= 0 && weightDecay.isFinite, "weightDecay", "a number of at least 0", weightDecay)
    try need((clipNorm ?? 1) > 0, "clipNorm", "a number above 0", clipNorm ?? 0)
    try need(ema.map { $0 >= 0 && $0 < 1 } ?? true, "ema", "a number in 0..<1", ema ?? 0)
  }
}
