import NNCore
import NNLayers

/// What a step knows about its place in the run, and where it logs.
///
///     func validationStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
///       let y = self(batch.input)
///       context.log("val_f1", F1Score(classes: 10, y, batch.target), progressBar: true)
///       return ["val_loss": loss(y, batch.target)]
///     }
public final class StepContext {
  public let stage: RunningStage
  /// Place of the batch in its pass, from 0.
  public internal(set) var batchIndex: Int
  /// Epoch of the fit, from 0.
  public internal(set) var epoch = 0
  /// Optimizer steps since the start of the fit.
  public internal(set) var globalStep = 0
  /// The optimizers of the fit, for models that step by hand (`automaticOptimization` is false).
  public internal(set) var optimizers: [any Optimizer] = []
  /// Samples in the batch: the weight of a logged value in the mean over an epoch.
  public internal(set) var batchSize = 1

  /// Values of this batch that were logged with `onStep`.
  private(set) var stepMetrics: Metrics = [:]
  /// What was logged with `onEpoch` in this pass.
  var epochLog = EpochLog()
  /// Of the step under way: they count when it is complete.
  private var pendingEpochValues: [(name: String, metric: any Metric)] = []
  /// Names that the progress bar shows.
  private(set) var progressBarNames: Set<String> = []

  /// A context outside any run, for calling a step by hand.
  public init(stage: RunningStage = .fit, batchIndex: Int = 0) {
    self.stage = stage
    self.batchIndex = batchIndex
  }

  /// Logs a number. In training the value of the step counts unless said otherwise, elsewhere the mean over the epoch.
  ///
  /// - Parameters:
  ///   - onStep: shows the value of this step.
  ///   - onEpoch: shows the mean over the samples of the epoch. With `onStep` too, the names get `_step` and `_epoch`
  ///     appended, as in Lightning.
  ///   - progressBar: shows it in the progress bar.
  ///   - batchSize: samples behind the value; nil for the size of the batch.
  public func log(
    _ key: MetricKey, _ value: Double, onStep: Bool? = nil, onEpoch: Bool? = nil, progressBar: Bool = false,
    batchSize: Int? = nil
  ) {
    log(
      key, Mean(value, weight: Double(batchSize ?? self.batchSize)), onStep: onStep, onEpoch: onEpoch,
      progressBar: progressBar)
  }

  /// Logs a tensor of one element; see ``log(_:_:onStep:onEpoch:progressBar:batchSize:)-(_,Double,_,_,_,_)``.
  public func log(
    _ key: MetricKey, _ value: Tensor, onStep: Bool? = nil, onEpoch: Bool? = nil, progressBar: Bool = false,
    batchSize: Int? = nil
  ) {
    log(
      key, LazyNumber(value), weight: Double(batchSize ?? self.batchSize), onStep, onEpoch, progressBar)
  }

  /// Logs a metric of this batch; over the epoch the metrics of all batches are merged, which for most of them is not
  /// the mean of their values.
  public func log<M: Metric>(
    _ key: MetricKey, _ metric: M, onStep: Bool? = nil, onEpoch: Bool? = nil, progressBar: Bool = false
  ) {
    log(key, metric, value: { .known(metric.value) }, onStep, onEpoch, progressBar)
  }

  /// - Parameter value: of the step.
  private func log(
    _ key: MetricKey, _ number: LazyNumber, weight: Double, _ onStep: Bool?, _ onEpoch: Bool?,
    _ progressBar: Bool
  ) {
    // The mean of one number is not always that number.
    let mean = Mean(number, weight: weight)
    var step: LazyNumber { if case .known = number { .known(mean.value) } else { number } }
    log(key, mean, value: { step }, onStep, onEpoch, progressBar)
  }

  private func log(
    _ key: MetricKey, _ metric: some Metric, value: () -> LazyNumber, _ onStep: Bool?, _ onEpoch: Bool?,
    _ progressBar: Bool
  ) {
    let onStep = onStep ?? (stage == .fit)
    let onEpoch = onEpoch ?? (stage != .fit)
    require(onStep || onEpoch, "StepContext.log", "\(key) is logged neither on steps nor on epochs")
    let stepName = onEpoch ? key.name + "_step" : key.name
    let epochName = onStep ? key.name + "_epoch" : key.name
    if onStep { stepMetrics.set(stepName, value()) }
    if onEpoch { pendingEpochValues.append((epochName, metric)) }
    if progressBar { progressBarNames.insert(onStep ? stepName : epochName) }
  }

  /// Begins the next batch.
  func begin(batch index: Int, size: Int) {
    batchIndex = index
    batchSize = size
    if !stepMetrics.names.isEmpty { stepMetrics = [:] }
    pendingEpochValues = []
  }

  /// The step is complete: what it logged for the epoch counts.
  func commitEpochValues() {
    for (name, metric) in pendingEpochValues { epochLog.merge(name, metric) }
    pendingEpochValues = []
  }
}
