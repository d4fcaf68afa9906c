import ArgumentParser
import Foundation
import NNCore
import NNLightning

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Trains a classifier and leaves its run in a folder.",
    discussion: """
      The folder gets the complete configuration (config.yaml), checkpoints, the trained model (model.safetensors), \
      log.csv, event files for TensorBoard and report.html. Ctrl-C finishes the step and saves; --resume goes on \
      there, to the very bits that the run would have had without the interruption.
      """)

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
  @Option(help: "Architecture, such as shapesnet or resnet18.")
  var arch: String?
  @Option(help: "File with starting weights (.pth or .safetensors); the last layer is new.")
  var weights: String?
  @Flag(help: "Train the last layer alone.")
  var freeze = false
  @Option(help: "Side in pixels to which images are resized.")
  var imageSize: Int?
  @Flag(help: "Normalise as ImageNet networks expect it.")
  var normalize = false
  @Option(help: "Number of epochs.")
  var epochs: Int?
  @Option(help: "Images per batch.")
  var batchSize: Int?
  @Option(help: "Optimizer: sgd, adam or adamw.")
  var optimizer: String?
  @Option(help: "Learning rate.")
  var learningRate: Double?
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

  private var configPath: String { output + "/config.yaml" }

  func validate() throws {
    if resume, config != nil {
      throw ValidationError("--resume takes the run's own configuration, not --config")
    }
  }

  /// The file's settings under the options.
  private func settings() throws -> RunConfiguration {
    let path = config ?? (resume && FileManager.default.fileExists(atPath: configPath) ? configPath : nil)
    var all = try path.map { try RunConfiguration(contentsOf: $0) } ?? RunConfiguration()
    func set<Value>(_ key: WritableKeyPath<RunConfiguration, Value>, _ value: Value?) {
      if let value { all[keyPath: key] = value }
    }
    set(\.dataset, dataset)
    set(\.root, root)
    set(\.arch, arch)
    if let weights { all.weights = weights }
    if freeze { all.freeze = true }
    if let imageSize { all.imageSize = imageSize }
    if normalize { all.normalize = true }
    set(\.epochs, epochs)
    set(\.batchSize, batchSize)
    set(\.optimizer, optimizer)
    set(\.learningRate, learningRate)
    set(\.schedule, schedule)
    set(\.accumulate, accumulate)
    if let clipNorm { all.clipNorm = clipNorm }
    if let ema { all.ema = ema }
    if let patience { all.patience = patience }
    set(\.seed, seed)
    set(\.workers, workers)
    if let threads { all.threads = threads }
    if let limitTrain { all.limitTrain = limitTrain }
    try all.check()
    return all
  }

  func run() throws {
    let settings = try settings()
    if let threads = settings.threads { ThreadPool.shared.threadCount = threads }
    manualSeed(settings.seed)
    let data = try RunData(settings)
    let model = try RunModel(settings, classes: data.classes, batchesPerEpoch: data.batchesPerEpoch)
    if !fastDevRun {
      do {
        try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
      } catch {
        throw CommandError("\(output): expected a folder that can be made and written to")
      }
      try settings.write(to: configPath)
    }
    let trainer = trainer(settings, data)
    let result = try trainer.fit(
      model, train: data.train, validation: data.validation, resume: resume ? .last : .never)
    say("Training ended: \(result.stopReason), step \(result.steps)")
    if result.stopReason == .interrupted {
      say("Go on with: nn train --resume --output \(output)")
      throw ExitCode(130)
    }
    if let best = result.bestCheckpoint {
      try model.loadStateDict(Checkpoint(contentsOf: best).model)
      say("Testing the best epoch, \(best)")
    }
    try trainer.test(model, data.test)
    if !fastDevRun {
      try SavedModel(model, data: data, settings: settings).write(to: output + "/model.safetensors")
    }
    print(trainer.callbackMetrics)
  }

  private func trainer(_ settings: RunConfiguration, _ data: RunData) -> Trainer {
    var callbacks: [Callback] = [
      Preflight(), LearningRateMonitor(), ThroughputMonitor(), ModelCheckpoint(directory: output),
    ]
    if ui == .tui { callbacks.append(TerminalDashboard()) }
    if let decay = settings.ema { callbacks.append(ExponentialMovingAverage(decay: decay)) }
    if let patience = settings.patience { callbacks.append(EarlyStopping(patience: patience)) }
    return Trainer(
      maxEpochs: settings.epochs, callbacks: callbacks,
      loggers: [
        CSVLogger(output + "/log.csv"), TensorBoardLogger(output + "/tensorboard"),
        RunReport(
          output + "/report.html", title: "\(settings.arch) on \(settings.dataset)", classNames: data.classes),
      ],
      fastDevRun: fastDevRun ? 1 : nil, accumulateGradBatches: settings.accumulate,
      gradientClip: settings.clipNorm.map { .norm($0) },
      logInterval: max(1, min(50, data.batchesPerEpoch / 4)))
  }
}
