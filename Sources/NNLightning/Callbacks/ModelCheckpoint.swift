import Foundation
import NNCore
import NNLayers

/// Writes the latest and the best state of the model behind each epoch: `last.safetensors` and `best.safetensors`
/// in a folder. On Ctrl-C the unfinished epoch is written as the last one.
public final class ModelCheckpoint: Callback {
  public let directory: String
  public let monitor: String?
  public let mode: EarlyStopping.Mode
  /// Value of the metric in the best checkpoint.
  public private(set) var bestScore: Double?
  /// Path of the best checkpoint, nil before the first.
  public private(set) var bestPath: String?
  /// Path of the last checkpoint, nil before the first.
  public private(set) var lastPath: String?

  /// - Parameters:
  ///   - directory: is made if it is not there.
  ///   - monitor: metric that tells which state is best; nil keeps the last one only.
  public init(directory: String, monitor: String? = "val_loss", mode: EarlyStopping.Mode = .min) {
    self.directory = directory
    self.monitor = monitor
    self.mode = mode
  }

  public override func onFitStart(_ trainer: Trainer, _ model: Module) throws {
    (bestScore, bestPath, lastPath) = (nil, nil, nil)
    do {
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    } catch {
      throw TrainerError.unwritableFolder(directory)
    }
    guard FileManager.default.isWritableFile(atPath: directory) else {
      throw TrainerError.unwritableFolder(directory)
    }
  }

  public override func onTrainEpochEnd(_ trainer: Trainer, _ model: Module) throws {
    let checkpoint = Checkpoint(
      model: model.stateDict(), optimizer: trainer.optimizer?.stateDict() ?? [:],
      epoch: trainer.currentEpoch + 1,
      globalStep: trainer.globalStep, metrics: trainer.callbackMetrics)
    lastPath = try write(checkpoint, "last.safetensors")
    guard let monitor, !trainer.isInterrupted else { return }
    guard let score = trainer.callbackMetrics[monitor] else {
      throw TrainerError.unknownMetric(
        monitor, callback: "ModelCheckpoint", known: trainer.callbackMetrics.names)
    }
    if score.isNaN { return }
    if let bestScore, !(mode == .min ? score < bestScore : score > bestScore) { return }
    bestScore = score
    bestPath = try write(checkpoint, "best.safetensors")
  }

  private func write(_ checkpoint: Checkpoint, _ name: String) throws -> String {
    let path = directory + "/" + name
    try checkpoint.write(to: path)
    return path
  }
}
