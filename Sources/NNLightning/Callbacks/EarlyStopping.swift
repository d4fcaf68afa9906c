import NNCore
import NNLayers

/// Stops the fit when a metric has not become better for `patience` validations in a row, as Lightning's callback
/// of that name. A metric that is NaN or infinite stops at once.
public final class EarlyStopping: Callback {
  /// Which way is better.
  public enum Mode: String, Sendable { case min, max }

  public let monitor: String
  public let patience: Int
  public let minDelta: Double
  public let mode: Mode
  /// Best value so far.
  public private(set) var best: Double?
  /// Validations since the best value.
  public private(set) var wait = 0

  /// - Parameters:
  ///   - monitor: name of the metric.
  ///   - patience: validations without improvement after which the fit stops.
  ///   - minDelta: how much better a value must be to count, at least 0.
  public init(monitor: String = "val_loss", patience: Int = 3, minDelta: Double = 0, mode: Mode = .min) {
    require(patience >= 0, "EarlyStopping", "patience must not be negative, got \(patience)")
    require(minDelta >= 0, "EarlyStopping", "minDelta must not be negative, got \(minDelta)")
    self.monitor = monitor
    self.patience = patience
    self.minDelta = minDelta
    self.mode = mode
  }

  public override func onFitStart(_ trainer: Trainer, _ model: Module) {
    best = nil
    wait = 0
  }

  public override func onValidationEnd(_ trainer: Trainer, _ model: Module) throws {
    guard trainer.isFitting else { return }
    guard let value = trainer.callbackMetrics[monitor] else {
      throw TrainerError.unknownMetric(
        monitor, callback: "EarlyStopping", known: trainer.callbackMetrics.names)
    }
    guard value.isFinite else {
      trainer.stop("\(monitor) is \(value)")
      return
    }
    if let best, !(mode == .min ? value < best - minDelta : value > best + minDelta) {
      wait += 1
      if wait >= patience {
        trainer.stop("\(monitor) did not improve on \(best.formatted(digits: 4)) for \(wait) epochs")
      }
    } else {
      best = value
      wait = 0
    }
  }
}
