import NNCore
import NNLayers

/// Something that watches a run and acts at its hooks: override those that matter. Hooks run on the thread that
/// called the Trainer; callbacks in the order in which the Trainer got them, those that write checkpoints last.
///
/// The order of the hooks in a fit:
///
/// ```text
/// setup
/// onLoadCheckpoint                        a resumed fit only
/// onFitStart
/// onSanityCheckStart, onSanityCheckEnd    no validation hooks between them, and no metrics behind them
/// onTrainStart
///   onTrainEpochStart                     also where a resumed fit goes on in the middle of an epoch
///     onTrainBatchStart
///     onBeforeZeroGrad                    first batch of an accumulation
///     onBeforeBackward, onAfterBackward
///     onBeforeOptimizerStep               last batch of an accumulation; before gradients are clipped
///     onTrainBatchEnd
///     onValidationStart, onValidationBatchStart, onValidationBatchEnd, …, onValidationEnd   where it is due
///     onStepBoundary                      last batch of an accumulation, save that of the epoch
///       onSaveCheckpoint                  where one is written
///   onTrainEpochEnd
///   onStepBoundary
/// onTrainEnd                              also where the fit was interrupted: see `trainer.stopReason`
/// onFitEnd
/// teardown
/// ```
///
/// `onNote` comes where there is something to say.
///
/// `validate`, `test` and `predict` call `setup`, their own four, and `teardown`.
open class Callback {
  public init() {}

  // MARK: Runs

  /// A run begins. The place to forget what a former run left.
  open func setup(_ trainer: Trainer, _ model: Module, stage: RunningStage) throws {}
  /// A run is over, by whatever end.
  open func teardown(_ trainer: Trainer, _ model: Module, stage: RunningStage) {}
  open func onFitStart(_ trainer: Trainer, _ model: Module) throws {}
  open func onFitEnd(_ trainer: Trainer, _ model: Module) throws {}
  open func onSanityCheckStart(_ trainer: Trainer, _ model: Module) throws {}
  open func onSanityCheckEnd(_ trainer: Trainer, _ model: Module) throws {}
  /// The run ends with an error, which is thrown on after this.
  open func onException(_ trainer: Trainer, _ model: Module, error: any Error) {}
  /// A line was added to `trainer.notes`.
  open func onNote(_ trainer: Trainer, _ line: String) {}

  // MARK: Training

  open func onTrainStart(_ trainer: Trainer, _ model: Module) throws {}
  open func onTrainEnd(_ trainer: Trainer, _ model: Module) throws {}
  open func onTrainEpochStart(_ trainer: Trainer, _ model: Module) throws {}
  /// The metrics of the epoch are there.
  open func onTrainEpochEnd(_ trainer: Trainer, _ model: Module) throws {}
  open func onTrainBatchStart(_ trainer: Trainer, _ model: Module, batchIndex: Int) throws {}
  open func onTrainBatchEnd(_ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int) throws {
  }
  open func onBeforeZeroGrad(_ trainer: Trainer, _ model: Module, optimizer: any Optimizer) throws {}
  open func onBeforeBackward(_ trainer: Trainer, _ model: Module, loss: Tensor) throws {}
  open func onAfterBackward(_ trainer: Trainer, _ model: Module) throws {}
  /// The gradients are complete, and not clipped yet.
  open func onBeforeOptimizerStep(_ trainer: Trainer, _ model: Module, optimizer: any Optimizer) throws {}
  /// All of an optimizer step is done, its validation and metrics included: `trainer.checkpoint()` holds here
  /// everything that a resumed fit needs.
  open func onStepBoundary(_ trainer: Trainer, _ model: Module, isEpochEnd: Bool) throws {}

  // MARK: Evaluation

  open func onValidationStart(_ trainer: Trainer, _ model: Module) throws {}
  open func onValidationBatchStart(_ trainer: Trainer, _ model: Module, batchIndex: Int) throws {}
  open func onValidationBatchEnd(_ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int)
    throws
  {}
  /// The metrics of the validation are there.
  open func onValidationEnd(_ trainer: Trainer, _ model: Module) throws {}
  /// A validation of a fit was given up because of Ctrl-C; it has no end and no metrics.
  open func onValidationInterrupted(_ trainer: Trainer, _ model: Module) throws {}
  open func onTestStart(_ trainer: Trainer, _ model: Module) throws {}
  open func onTestBatchStart(_ trainer: Trainer, _ model: Module, batchIndex: Int) throws {}
  open func onTestBatchEnd(_ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int) throws {}
  open func onTestEnd(_ trainer: Trainer, _ model: Module) throws {}
  open func onPredictStart(_ trainer: Trainer, _ model: Module) throws {}
  open func onPredictBatchStart(_ trainer: Trainer, _ model: Module, batchIndex: Int) throws {}
  open func onPredictBatchEnd(_ trainer: Trainer, _ model: Module, batchIndex: Int) throws {}
  open func onPredictEnd(_ trainer: Trainer, _ model: Module) throws {}

  // MARK: Checkpoints

  /// A checkpoint was put together and is about to be written.
  open func onSaveCheckpoint(_ trainer: Trainer, _ model: Module, checkpoint: inout Checkpoint) throws {}
  /// A checkpoint was read and taken over.
  open func onLoadCheckpoint(_ trainer: Trainer, _ model: Module, checkpoint: Checkpoint) throws {}
  /// What the callback needs to go on in a resumed fit, nil for nothing.
  open func state() throws -> CallbackState? { nil }
  /// Takes over what `state()` gave; called after `setup`. Throws if it does not fit.
  open func loadState(_ state: CallbackState) throws {}
  /// What the callback is to the run, and where its state is found again: not the place of its files, which may be called
  /// otherwise when the fit is resumed. Callbacks of one key are numbered in their order.
  open var stateKey: String { "\(Self.self)" }

  // MARK: Settings

  /// Metrics that the callback watches: refused before the first step if the run does not have them.
  open var monitoredMetrics: [MetricKey] { [] }
  /// Metrics that the callback itself adds.
  open var declaredMetrics: [MetricKey] { [] }
  /// Whether only the first of several processes has it, as what writes or shows something for all. It must not ask for
  /// a checkpoint, which all have to do together.
  open var isForWriterOnly: Bool { false }
  /// Whether `fastDevRun` leaves it out, as what stops, writes or searches.
  open var isSkippedInFastDevRun: Bool { false }
  /// Whether it shows the progress of the fit in the place of the progress bar.
  var replacesProgressBar: Bool { false }
}

/// A callback that writes checkpoints. Its hooks run behind those of the others, whose states it writes.
protocol CheckpointWriting: Callback {
  var bestPath: String? { get }
  var bestMetrics: Metrics? { get }
  var lastPath: String? { get }
  /// The last checkpoint on disk, be it of an earlier process.
  var existingLastPath: String? { get }
}

// The loops of the three evaluations are one; here it finds their hooks.
extension Callback {
  func onEvaluationStart(_ stage: RunningStage, _ trainer: Trainer, _ model: Module) throws {
    switch stage {
    case .validate: try onValidationStart(trainer, model)
    case .test: try onTestStart(trainer, model)
    case .predict: try onPredictStart(trainer, model)
    case .fit: break
    }
  }

  func onEvaluationBatchStart(_ stage: RunningStage, _ trainer: Trainer, _ model: Module, _ index: Int) throws
  {
    switch stage {
    case .validate: try onValidationBatchStart(trainer, model, batchIndex: index)
    case .test: try onTestBatchStart(trainer, model, batchIndex: index)
    case .predict: try onPredictBatchStart(trainer, model, batchIndex: index)
    case .fit: break
    }
  }

  func onEvaluationBatchEnd(
    _ stage: RunningStage, _ trainer: Trainer, _ model: Module, _ output: StepOutput, _ index: Int
  ) throws {
    switch stage {
    case .validate: try onValidationBatchEnd(trainer, model, output: output, batchIndex: index)
    case .test: try onTestBatchEnd(trainer, model, output: output, batchIndex: index)
    case .predict: try onPredictBatchEnd(trainer, model, batchIndex: index)
    case .fit: break
    }
  }

  func onEvaluationEnd(_ stage: RunningStage, _ trainer: Trainer, _ model: Module) throws {
    switch stage {
    case .validate: try onValidationEnd(trainer, model)
    case .test: try onTestEnd(trainer, model)
    case .predict: try onPredictEnd(trainer, model)
    case .fit: break
    }
  }
}
