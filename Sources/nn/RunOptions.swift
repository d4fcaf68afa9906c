import ArgumentParser
import Foundation

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
  @Option(help: "Share of the training images that validates.")
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

  var configPath: String { output + "/config.yaml" }
  /// Whether a run with a configuration is there to be gone on with.
  var resumesRun: Bool { resume && FileManager.default.fileExists(atPath: configPath) }

  func validate() throws {
    if resume, config != nil {
      throw ValidationError("--resume takes the run's own configuration, not --config")
    }
  }

  /// The settings of the configuration file, or else the command's own, under the options.
  func settings(_ start: RunConfiguration) throws -> RunConfiguration {
    let path = config ?? (resumesRun ? configPath : nil)
    var all = try path.map { try RunConfiguration(contentsOf: $0) } ?? start
    func set<Value>(_ key: WritableKeyPath<RunConfiguration, Value>, _ value: Value?) {
      if let value { all[keyPath: key] = value }
    }
    func set<Value>(_ key: WritableKeyPath<RunConfiguration, Value?>, _ value: Value?) {
      if let value { all[keyPath: key] = value }
    }
    set(\.dataset, dataset)
    set(\.root, root)
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
