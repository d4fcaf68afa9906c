import ArgumentParser
import Foundation
import NNCore
import NNLightning
import NNModels

/// A training with all that it leaves in its folder, for every command that trains.
struct TrainingRun {
  let options: RunOptions
  let settings: RunConfiguration
  /// The command that goes on with the run.
  let command: String

  private var output: String { options.output }

  /// Makes the run's folder, and the calling thread's random numbers those of the seed.
  func prepare() throws {
    if let threads = settings.threads { ThreadPool.shared.threadCount = threads }
    manualSeed(settings.seed)
    if options.fastDevRun { return }
    do {
      try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
    } catch {
      throw CommandError("\(output): expected a folder that can be made and written to")
    }
  }

  /// Trains, tests the best epoch, and writes the model.
  func run() throws {
    manualSeed(settings.seed)
    let data = try RunData(settings)
    let model = try RunModel(settings, classes: data.classes, batchesPerEpoch: data.batchesPerEpoch)
    if !options.fastDevRun { try settings.write(to: options.configPath) }
    let trainer = try trainer(data, model)
    let result = try trainer.fit(
      model, train: data.train, validation: data.validation, resume: options.resume ? .last : .never)
    say("Training ended: \(result.stopReason), step \(result.steps)")
    if result.stopReason == .interrupted {
      say("Go on with: nn \(command) --resume --output \(output)")
      throw ExitCode(130)
    }
    if let best = result.bestCheckpoint {
      try model.loadStateDict(Checkpoint(contentsOf: best).model)
      say("Testing the best epoch, \(best)")
    }
    try trainer.test(model, data.test)
    if !options.fastDevRun {
      try SavedModel(model, data: data, settings: settings).write(to: output + "/model.safetensors")
    }
    print(trainer.callbackMetrics)
  }

  private func trainer(_ data: RunData, _ model: RunModel) throws -> Trainer {
    var callbacks: [Callback] = [
      Preflight(), LearningRateMonitor(), ThroughputMonitor(), ModelCheckpoint(directory: output),
    ]
    if let plan = try settings.phasePlan(), let network = model.network as? TransferNetwork {
      callbacks.append(plan.callback(network, learningRate: settings.learningRate))
    }
    if options.ui == .tui { callbacks.append(TerminalDashboard()) }
    if let decay = settings.ema { callbacks.append(ExponentialMovingAverage(decay: decay)) }
    if let patience = settings.patience { callbacks.append(EarlyStopping(patience: patience)) }
    return Trainer(
      maxEpochs: settings.epochs, callbacks: callbacks,
      loggers: [
        CSVLogger(output + "/log.csv"), TensorBoardLogger(output + "/tensorboard"),
        RunReport(
          output + "/report.html", title: "\(settings.arch) on \(settings.dataset)", classNames: data.classes),
      ],
      fastDevRun: options.fastDevRun ? 1 : nil, accumulateGradBatches: settings.accumulate,
      gradientClip: settings.clipNorm.map { .norm($0) },
      logInterval: max(1, min(50, data.batchesPerEpoch / 4)), cacheFrozenFeatures: settings.featureCaching)
  }
}
