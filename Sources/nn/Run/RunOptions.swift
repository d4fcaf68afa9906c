import ArgumentParser
import Foundation
import NNData

/// What all commands that train have in common.
struct RunOptions: ParsableArguments {
  @Option(help: "Configuration file (YAML or JSON); options win over it.")
  var config: String?
  @Option(help: "Folder of the run.")
  var output = "runs/latest"
  @Flag(help: "Go on from the run's last checkpoint, with the configuration it has.")
  var resume = false
  @Flag(help: "Try one batch of everything and write nothing.")
  var fastDevRun = false
  @Option(help: "Progress: bar, or tui for a dashboard with curves where standard error is a terminal.")
  var ui = UserInterface.bar

  enum UserInterface: String, CaseIterable, ExpressibleByArgument { case bar, tui }

  @Option(
    help:
      "Data set: shapes (drawn by the library), cifar10, cifar100, or folder (images, one folder per class).")
  var dataset: String?
  @Option(help: "Folder of the data files.")
  var root: String?
  @Option(
    help: """
      Table of file names and labels (CSV) in place of folders, with a column split (train, validation, test) if it \
      has one; the files are in --root, or beside the table.
      """)
  var labels: String?
  @Flag(help: "Read every image first, and leave damaged ones out.")
  var skipDamaged = false
  @Flag(inversion: .prefixedNo, help: "Turn photos upright as their camera noted it (EXIF).")
  var upright: Bool?
  @Option(
    help: """
      How photos are decoded: exact, or scaled (large ones are decoded at a reduced size, at least twice what the \
      network is given).
      """)
  var decoding: Image.Decoding?
  @Option(help: "Share of the training images that validates, and that tests if there are no test images.")
  var validationShare: Double?
  @Option(help: "Architecture, such as shapesnet or resnet18.")
  var arch: String?
  @Option(help: "Number of epochs.")
  var epochs: Int?
  @Option(help: "Images per batch.")
  var batchSize: Int?
  @Option(help: "Optimizer: sgd, adam or adamw.")
  var optimizer: String?
  @Option(help: "Learning rate.")
  var learningRate: Double?
  @Option(help: "Weight decay.")
  var weightDecay: Double?
  @Option(help: "Schedule of the learning rate: constant, cosine or onecycle.")
  var schedule: String?
  @Option(help: "Batches whose gradients make one step.")
  var accumulate: Int?
  @Option(help: "Greatest norm of the gradients.")
  var clipNorm: Double?
  @Option(help: "Decay of an average of the weights, such as 0.999.")
  var ema: Double?
  @Option(help: "Epochs without a better validation loss after which training stops.")
  var patience: Int?
  @Flag(
    inversion: .prefixedNo,
    help: "End the training at the first loss or gradient that is not a finite number.")
  var detectAnomaly: Bool?
  @Flag(help: "With --resume and more epochs: begin the schedule of the learning rate anew for them.")
  var restartSchedule = false
  @Option(help: "Where in the weight file the weights are, such as model_ema; found by looking if not given.")
  var key: String?
  @Option(
    help: "What is dropped from the keys of the weight file, such as encoder.; found by looking if not given."
  )
  var prefix: String?
  @Option(help: "Seed of the split, the shuffles and the starting weights.")
  var seed: Int?
  @Option(help: "Threads that load images.")
  var workers: Int?
  @Option(help: "Threads that compute. Results do not depend on it.")
  var threads: Int?
  @Option(help: "Use only so many training images.")
  var limitTrain: Int?
  @Option(help: "Where results of frozen layers are kept: memory, off, or a folder that later runs use too.")
  var cache: String?

  var folder: RunFolder { RunFolder(output) }

  func validate() throws {
    if resume, config != nil {
      throw ValidationError("--resume takes the run's own configuration, not --config")
    }
    if restartSchedule, !resume {
      throw ValidationError("--restart-schedule goes on with a run, and needs --resume")
    }
  }

  /// The settings of the configuration file, or else the command's own, under the options.
  func settings(_ start: RunConfiguration) throws -> RunConfiguration {
    let kept = folder.config
    let path = config ?? (resume && FileManager.default.fileExists(atPath: kept) ? kept : nil)
    var all = try path.map { try RunConfiguration(contentsOf: $0) } ?? start
    func set<Value>(_ key: WritableKeyPath<RunConfiguration, Value>, _ value: Value?) {
      if let value { all[keyPath: key] = value }
    }
    func set<Value>(_ key: WritableKeyPath<RunConfiguration, Value?>, _ value: Value?) {
      if let value { all[keyPath: key] = value }
    }
    set(\.dataset, dataset)
    set(\.root, root)
    if let labels {
      all.labels = labels
      if dataset == nil { all.dataset = "folder" }
      if root == nil { all.root = URL(fileURLWithPath: labels).deletingLastPathComponent().relativePath }
    }
    if skipDamaged { all.skipDamaged = true }
    set(\.upright, upright)
    set(\.decoding, decoding?.rawValue)
    set(\.detectAnomaly, detectAnomaly)
    set(\.weightsKey, key)
    set(\.weightsPrefix, prefix)
    set(\.validationShare, validationShare)
    set(\.arch, arch)
    set(\.epochs, epochs)
    set(\.batchSize, batchSize)
    set(\.optimizer, optimizer)
    set(\.learningRate, learningRate)
    set(\.weightDecay, weightDecay)
    set(\.schedule, schedule)
    set(\.accumulate, accumulate)
    set(\.clipNorm, clipNorm)
    set(\.ema, ema)
    set(\.patience, patience)
    set(\.seed, seed)
    set(\.workers, workers)
    set(\.threads, threads)
    set(\.limitTrain, limitTrain)
    set(\.cache, cache)
    return all
  }
}

extension Image.Decoding: ExpressibleByArgument {}
