import NNCore
import NNLayers

/// Something that watches a run and acts at its hooks: override those that matter. Hooks run on the thread that
/// called the Trainer, callbacks in the order in which the Trainer got them.
///
/// The order of the hooks in a fit:
/// `onFitStart`, then per epoch `onTrainEpochStart`, per batch `onTrainBatchStart` … `onTrainBatchEnd`, after the
/// batches `onValidationStart`, per batch `onValidationBatchEnd`, `onValidationEnd`, then `onTrainEpochEnd`, and at
/// last `onFitEnd`. `test` calls `onTestStart`, `onTestBatchEnd`, `onTestEnd`; `predict` its own three.
open class Callback {
  public init() {}

  open func onFitStart(_ trainer: Trainer, _ model: Module) throws {}
  open func onFitEnd(_ trainer: Trainer, _ model: Module) throws {}
  open func onTrainEpochStart(_ trainer: Trainer, _ model: Module) throws {}
  open func onTrainEpochEnd(_ trainer: Trainer, _ model: Module) throws {}
  open func onTrainBatchStart(_ trainer: Trainer, _ model: Module, batchIndex: Int) throws {}
  /// After the gradients are there and before the optimizer uses them.
  open func onBeforeOptimizerStep(_ trainer: Trainer, _ model: Module, optimizer: any Optimizer) throws {}
  open func onTrainBatchEnd(_ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int) throws {
  }
  open func onValidationStart(_ trainer: Trainer, _ model: Module) throws {}
  open func onValidationBatchEnd(_ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int)
    throws
  {}
  open func onValidationEnd(_ trainer: Trainer, _ model: Module) throws {}
  open func onTestStart(_ trainer: Trainer, _ model: Module) throws {}
  open func onTestBatchEnd(_ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int) throws {}
  open func onTestEnd(_ trainer: Trainer, _ model: Module) throws {}
  open func onPredictStart(_ trainer: Trainer, _ model: Module) throws {}
  open func onPredictBatchEnd(_ trainer: Trainer, _ model: Module, batchIndex: Int) throws {}
  open func onPredictEnd(_ trainer: Trainer, _ model: Module) throws {}
  /// The run ends with an error, which is thrown on after this.
  open func onException(_ trainer: Trainer, _ model: Module, error: any Error) {}
}
