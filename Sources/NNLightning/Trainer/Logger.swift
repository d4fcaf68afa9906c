import NNCore
import NNLayers

/// A callback that writes metrics down. The Trainer hands it those of every `logInterval`-th step, of every epoch
/// (training metrics as `loss_epoch`) and of every validation and test; other callbacks add theirs with `trainer.log`.
open class Logger: Callback {
  /// Writes metrics down.
  ///
  /// - Parameters:
  ///   - step: optimizer steps so far.
  ///   - epoch: from 0.
  open func log(_ metrics: Metrics, step: Int, epoch: Int) throws {}
  /// Writes the model's hyperparameters down, a JSON object.
  open func logHyperparameters(_ json: String) throws {}

  open override var isSkippedInFastDevRun: Bool { true }
  open override var isForWriterOnly: Bool { true }

  /// Hands over the model's hyperparameters. A subclass that overrides it opens its files first.
  open override func onFitStart(_ trainer: Trainer, _ model: Module) throws {
    if let model = model as? any HasHyperparameters {
      try logHyperparameters(SavedState.encode(model.hyperparameters))
    }
  }
}
