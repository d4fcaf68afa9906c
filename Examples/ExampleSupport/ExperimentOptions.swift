import ArgumentParser
import Foundation
import NNCore
import NNLightning

/// Options that both experiments share.
public struct ExperimentOptions: ParsableArguments {
  /// Where the images come from.
  public enum DataSet: String, ExpressibleByArgument, CaseIterable {
    case auto, cifar10, shapes
  }

  @Option(help: "Folder that holds cifar-10-batches-bin or cifar-10-batches-py, or is to hold it.")
  public var root: String = ProcessInfo.processInfo.environment["NN_DATA_ROOT"] ?? "data"

  @Option(
    help: """
      Data set: cifar10, shapes (drawn by the library, needs no file), or auto: CIFAR-10 if it is on disk or can \
      be downloaded, else shapes.
      """)
  public var dataset: DataSet = .auto

  @Option(help: "Number of epochs, at most.")
  public var epochs: Int = 10

  @Option(help: "Images per optimizer step (default: 256; 32 for the few images of the shapes).")
  public var batchSize: Int?

  @Option(help: "Learning rate of the SGD optimizer.")
  public var learningRate: Double = 0.01

  @Option(help: "Seed of the split, the shuffles and the initial weights.")
  public var seed: Int = 0

  @Option(help: "Use only the first N training images of the split.")
  public var limitTrain: Int?

  @Option(help: "Use only the first N validation images of the split.")
  public var limitVal: Int?

  @Option(help: "Use only the first N test images.")
  public var limitTest: Int?

  @OptionGroup public var device: DeviceOptions

  @Option(help: "Precision: 32-true, or bf16-mixed, which is faster on GPUs.")
  public var precision = Trainer.Precision.float32

  @Option(help: "Threads that compute (default: all processors). Results do not depend on it.")
  public var threads: Int?

  @Option(
    help: """
      Where the results of frozen layers are kept, which are computed once per image: memory, off, or a folder that \
      later runs use again.
      """)
  public var cache: String = "memory"

  @Option(help: "Folder for the best and the last checkpoint.")
  public var output: String?

  @Option(help: "File for the final metrics as JSON.")
  public var metrics: String?

  @Option(help: "File for the numbers of every step, as a table (CSV).")
  public var log: String?

  public init() {}

  public func validate() throws {
    func check(_ name: String, _ value: Int?) throws {
      if let value, value < 1 {
        throw ValidationError("--\(name): expected a number of at least 1, found \(value)")
      }
    }
    try check("epochs", epochs)
    try check("batch-size", batchSize)
    try check("limit-train", limitTrain)
    try check("limit-val", limitVal)
    try check("limit-test", limitTest)
    try check("threads", threads)
    guard learningRate > 0, learningRate.isFinite else {
      throw ValidationError("--learning-rate: expected a number above 0, found \(learningRate)")
    }
    guard seed >= 0 else { throw ValidationError("--seed: expected a number of at least 0, found \(seed)") }
  }

  /// What `--cache` says.
  public var caching: FeatureCaching {
    switch cache {
    case "memory": .memory
    case "off": .off
    default: .disk(cache)
    }
  }

  /// What `--log` says, for `loggers` and `logInterval` of a Trainer.
  public var logging: (loggers: [Logger], interval: Int) {
    log.map { ([CSVLogger($0)], 1) } ?? ([], 50)
  }

  /// Sets the number of threads and warns of slow builds; call it first.
  public func prepare() {
    if let threads { ThreadPool.shared.threadCount = threads }
    #if DEBUG
      say("This is a debug build: `swift run -c release …` is many times faster.")
    #endif
  }
}

/// A line for the person who watches, on standard error like the progress bars.
public func say(_ line: String) {
  writeToStandardError(line + "\n")
}
