import NNCore
import NNFiles
import NNLayers

/// Stops the fit when a metric has not become better for `patience` validations in a row (epochs, in a fit without
/// validation), as Lightning's callback of that name.
public final class EarlyStopping: Callback {
  public let monitor: MetricKey
  public let patience: Int
  public let minDelta: Double
  public let mode: MonitorMode
  public let stoppingThreshold: Double?
  public let divergenceThreshold: Double?
  public let checkFinite: Bool
  public let restoresBestWeights: Bool
  /// Best value so far.
  public var best: Double? { progress.best }
  /// Validations since the best value.
  public var wait: Int { progress.wait }

  private struct Progress: Codable {
    var best: Double?
    var wait = 0
  }
  private var progress = Progress()
  private var bestWeights: StateDict?

  /// - Parameters:
  ///   - monitor: the metric.
  ///   - patience: validations without improvement after which the fit stops.
  ///   - minDelta: how much better a value must be to count, at least 0.
  ///   - stoppingThreshold: a value as good as this is good enough, and stops at once.
  ///   - divergenceThreshold: a value worse than this stops at once.
  ///   - checkFinite: NaN or an infinite value stops at once.
  ///   - restoresBestWeights: gives the model its best weights back when training ends, unless it was interrupted.
  public init(
    monitor: MetricKey = .validationLoss, patience: Int = 3, minDelta: Double = 0, mode: MonitorMode = .min,
    stoppingThreshold: Double? = nil, divergenceThreshold: Double? = nil, checkFinite: Bool = true,
    restoresBestWeights: Bool = false
  ) {
    require(patience >= 0, "EarlyStopping", "patience must not be negative, got \(patience)")
    require(minDelta >= 0, "EarlyStopping", "minDelta must not be negative, got \(minDelta)")
    self.monitor = monitor
    self.patience = patience
    self.minDelta = minDelta
    self.mode = mode
    self.stoppingThreshold = stoppingThreshold
    self.divergenceThreshold = divergenceThreshold
    self.checkFinite = checkFinite
    self.restoresBestWeights = restoresBestWeights
  }

  public override var monitoredMetrics: [MetricKey] { [monitor] }
  public override var isSkippedInFastDevRun: Bool { true }
  public override var stateKey: String { "EarlyStopping(\(monitor))" }

  public override func setup(_ trainer: Trainer, _ model: Module, stage: RunningStage) {
    if stage == .fit { (progress, bestWeights) = (Progress(), nil) }
  }

  public override func onValidationEnd(_ trainer: Trainer, _ model: Module) throws {
    if trainer.isFitting { try check(trainer, model) }
  }

  public override func onTrainEpochEnd(_ trainer: Trainer, _ model: Module) throws {
    if !trainer.validates, trainer.stopReason == nil { try check(trainer, model) }
  }

  private func check(_ trainer: Trainer, _ model: Module) throws {
    let value = try trainer.value(of: monitor, for: "EarlyStopping")
    if checkFinite, !value.isFinite { return trainer.stop("\(monitor) is \(value)") }
    if let limit = divergenceThreshold, mode.isBetter(limit, than: value) {
      return trainer.stop("\(monitor) is \(value.formatted(digits: 4)), worse than \(limit)")
    }
    if let best = progress.best, !mode.isBetter(value, than: best, by: minDelta) {
      progress.wait += 1
      if progress.wait >= patience {
        trainer.stop(
          "\(monitor) did not improve on \(best.formatted(digits: 4)) for \(progress.wait) epochs")
      }
    } else {
      progress = Progress(best: value, wait: 0)
      if restoresBestWeights { bestWeights = model.stateDict() }
    }
    if let limit = stoppingThreshold, mode.isBetter(value, than: limit) {
      trainer.stop("\(monitor) is \(value.formatted(digits: 4)), better than \(limit)")
    }
  }

  public override func onTrainEnd(_ trainer: Trainer, _ model: Module) throws {
    if let bestWeights, trainer.stopReason != .interrupted { try model.loadStateDict(bestWeights) }
  }

  public override func state() throws -> CallbackState? {
    try CallbackState(progress, tensors: bestWeights ?? [:])
  }

  public override func loadState(_ state: CallbackState) throws {
    let saved: Progress = try state.value()
    try SavedState.check("wait of EarlyStopping", saved.wait, in: 0...SavedState.greatestCount)
    progress = saved
    bestWeights = restoresBestWeights && !state.tensors.isEmpty ? state.tensors : nil
  }
}
