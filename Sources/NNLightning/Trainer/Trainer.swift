import Foundation
import NNCore
import NNData
import NNLayers

/// Runs models: training with validation, tests and predictions, as PyTorch Lightning's `Trainer`.
///
///     let trainer = Trainer(maxEpochs: 10)
///     try trainer.fit(net, data)      // needs TrainStep; validates too if the model is a ValidationStep
///     try trainer.test(net, data)     // does not compile without TestStep
///     print(trainer.callbackMetrics)  // {'loss': …, 'val_loss': …, 'val_acc': …, 'test_loss': …, …}
///
/// Everything beyond the loops is a ``Callback``.
public final class Trainer {
  // MARK: Settings

  /// Epochs of a fit at most, nil for no limit.
  public let maxEpochs: Int?
  public let minEpochs: Int
  public let maxSteps: Int?
  public let maxTime: Duration?
  public let accelerator: Accelerator
  public let devices: Int
  /// How this process and others share the work.
  public let strategy: any Strategy
  /// What this process computes on.
  public let device: Device
  /// In what numbers steps are computed.
  public let precision: Precision
  /// In the order in which their hooks run; those that write checkpoints come last.
  public let callbacks: [Callback]
  public let limitTrainBatches: Limit
  public let limitValidationBatches: Limit
  public let limitTestBatches: Limit
  public let limitPredictBatches: Limit
  public let fastDevRun: Int?
  public let overfitBatches: Int?
  public let validationInterval: ValidationInterval
  public let sanityValidationSteps: Int
  public let gradientClip: GradientClip?
  public let logInterval: Int
  /// Whether a loss, gradient or weight that is NaN or infinite ends a fit.
  public let detectAnomaly: Bool
  /// Whether the steps of a fit on a GPU are recorded when they repeat, and started as CUDA graphs.
  public let usesCUDAGraphs: Bool
  /// Generators whose states are part of checkpoints, besides the default one and those of the loaders.
  public let generators: [String: Generator]
  /// What is done with the results of frozen layers at the beginning of a model.
  public let cacheFrozenFeatures: FeatureCaching
  /// Batches whose gradients make one optimizer step; a `GradientAccumulationScheduler` changes it.
  public var accumulateGradBatches: Int

  // MARK: State of the run

  /// Latest value of every metric by name: `loss`, `val_loss`, `val_acc`, `test_loss`, `test_acc` and what steps
  /// name besides.
  public internal(set) var callbackMetrics: Metrics = [:]
  /// What the progress bar shows.
  public internal(set) var progressBarMetrics: Metrics = [:]
  /// Counted from 0.
  public internal(set) var currentEpoch = 0
  /// How far the running or last fit is.
  public internal(set) var progress = FitProgress()
  /// Optimizer steps since the start of the fit.
  public var globalStep: Int { progress.globalStep }
  /// Batches of the loop that is running, nil if its loader cannot say.
  public internal(set) var batchCount: Int?
  /// Why the fit ends; nil as long as it does not.
  public internal(set) var stopReason: StopReason?
  /// Whether a fit is running (its validations included).
  public internal(set) var isFitting = false
  /// The optimizer of the running or last fit.
  public internal(set) var optimizer: (any Optimizer)?
  /// The schedules of the running or last fit.
  public internal(set) var schedules: [ScheduledRate] = []
  /// Whether a callback sets the learning rates in the place of the schedules.
  var suspendsSchedules = false
  public internal(set) var timings = FitResult.Timings()
  /// Lines about the run that are not metrics, such as what is computed only once.
  public internal(set) var notes: [String] = []
  var activeFit: (any ActiveFit)?
  /// What stands around the steps, the outermost first.
  let interceptors: [any StepInterceptor]
  var stopRequest: String?
  /// File that the fit was resumed from, for messages.
  var resumedFile = ""
  private var interrupt: Interrupt?
  /// What steps took of the device's memory in this run, and the size of the batch under way.
  var stepMemory: StepMemory?
  var sizeUnderWay: Int?
  var isDeviceTold = false
  var isPrecisionTold = false
  /// Types of batches that were looked at for tensors that do not move.
  var movedTypes: Set<ObjectIdentifier> = []
  /// Whether another process was asked to end.
  private var isInterruptedElsewhere = false
  /// Where operations of the run note what is wrong with the data.
  private var dataCheck: DataCheck?

  /// - Parameters:
  ///   - maxEpochs: epochs of a fit at most, at least 1; nil for 10, or for no limit if `maxSteps` or `maxTime` is given.
  ///   - minEpochs: before these are done, a callback's wish to stop is not heard.
  ///   - maxSteps: optimizer steps at most.
  ///   - maxTime: time of a fit at most, that of the runs it resumes included.
  ///   - accelerator: `.auto`, `.cpu`, or `try .gpu`; see ``Accelerator``. Model and batches are moved there for the time
  ///     of a run, and predictions come back.
  ///   - devices: how many of them; 1.
  ///   - strategy: how this process and others share the work.
  ///   - precision: in what numbers steps are computed; `.bf16Mixed` is made for GPUs.
  ///   - callbacks: run in this order, behind the progress bar.
  ///   - loggers: behind the callbacks.
  ///   - enableProgressBar: shows a ``ProgressBar``.
  ///   - limitTrainBatches: how much of each pass is used; likewise for the other stages.
  ///   - fastDevRun: so many batches of each stage and one epoch, without loggers, checkpoints and what stops early: a
  ///     quick look whether everything runs.
  ///   - overfitBatches: trains on the first batches of one pass again and again: the loss must go to nothing.
  ///   - validationInterval: when a fit validates.
  ///   - sanityValidationSteps: validation batches tried before training, of which no metric, no random number and no
  ///     change of the model stays; 0 for none.
  ///   - accumulateGradBatches: batches whose gradients make one step: the mean over their samples, also where the end
  ///     of an epoch leaves fewer.
  ///   - gradientClip: after `onBeforeOptimizerStep`.
  ///   - logInterval: loggers get the metrics of every so many optimizer steps.
  ///   - detectAnomaly: ends a fit with `TrainerError.notFinite` where a loss, a gradient or a weight is NaN or infinite:
  ///     before the optimizer uses it, and before it is written to a file. Checkpoints stay those of before.
  ///   - cacheFrozenFeatures: what is done with the results of frozen layers at the beginning of a model.
  ///   - usesCUDAGraphs: on a GPU, records what steps ask of the card when it repeats, and starts it as a whole; see
  ///     `RepeatedStep`. Results are the same bits. Where nothing repeats, a note says why.
  ///   - generators: random generators of your own that a resumed fit is to find as they were.
  public init(
    maxEpochs: Int? = nil, minEpochs: Int = 0, maxSteps: Int? = nil, maxTime: Duration? = nil,
    accelerator: Accelerator = .auto, devices: Int = 1, strategy: some Strategy = SingleProcess(),
    precision: Precision = .float32, callbacks: [Callback] = [], loggers: [Logger] = [],
    enableProgressBar: Bool = true, limitTrainBatches: Limit = .all, limitValidationBatches: Limit = .all,
    limitTestBatches: Limit = .all, limitPredictBatches: Limit = .all, fastDevRun: Int? = nil,
    overfitBatches: Int? = nil, validationInterval: ValidationInterval = .epochs(1),
    sanityValidationSteps: Int = 2, accumulateGradBatches: Int = 1, gradientClip: GradientClip? = nil,
    logInterval: Int = 50, detectAnomaly: Bool = true, cacheFrozenFeatures: FeatureCaching = .memory,
    usesCUDAGraphs: Bool = true, generators: [String: Generator] = [:]
  ) {
    func atLeast(_ low: Int, _ name: String, _ value: Int?) {
      if let value { require(value >= low, "Trainer", "\(name) must be at least \(low), got \(value)") }
    }
    require(devices == 1, "Trainer", "expected devices: 1, one for each process, got \(devices)")
    atLeast(1, "maxEpochs", maxEpochs)
    atLeast(0, "minEpochs", minEpochs)
    atLeast(1, "maxSteps", maxSteps)
    atLeast(1, "fastDevRun", fastDevRun)
    atLeast(1, "overfitBatches", overfitBatches)
    atLeast(0, "sanityValidationSteps", sanityValidationSteps)
    atLeast(1, "accumulateGradBatches", accumulateGradBatches)
    atLeast(1, "logInterval", logInterval)
    let limits = [limitTrainBatches, limitValidationBatches, limitTestBatches, limitPredictBatches]
    let problems =
      limits.compactMap(\.problem) + [validationInterval.problem, gradientClip?.problem].compactMap { $0 }
    if let problem = problems.first { fail("Trainer", problem) }

    let isUnlimited = maxSteps != nil || maxTime != nil
    self.maxEpochs = fastDevRun != nil ? 1 : maxEpochs ?? (isUnlimited ? nil : 10)
    self.minEpochs = minEpochs
    self.maxSteps = maxSteps
    self.maxTime = maxTime
    self.accelerator = accelerator
    self.devices = devices
    self.strategy = strategy
    device = strategy.device(for: accelerator)
    self.precision = precision
    func limit(_ given: Limit) -> Limit { fastDevRun.map { .batches($0) } ?? given }
    self.limitTrainBatches = limit(limitTrainBatches)
    self.limitValidationBatches = limit(limitValidationBatches)
    self.limitTestBatches = limit(limitTestBatches)
    self.limitPredictBatches = limit(limitPredictBatches)
    self.fastDevRun = fastDevRun
    self.overfitBatches = overfitBatches
    self.validationInterval = validationInterval
    self.sanityValidationSteps = fastDevRun != nil ? 0 : sanityValidationSteps
    self.accumulateGradBatches = accumulateGradBatches
    self.gradientClip = gradientClip
    self.logInterval = logInterval
    self.detectAnomaly = detectAnomaly
    self.cacheFrozenFeatures = cacheFrozenFeatures
    interceptors = [FrozenFeatures(cacheFrozenFeatures)]
    self.usesCUDAGraphs = usesCUDAGraphs
    self.generators = generators
    let all = (enableProgressBar ? [ProgressBar()] : []) + callbacks + loggers
    let used = all.filter {
      (fastDevRun == nil || !$0.isSkippedInFastDevRun) && (strategy.isWriter || !$0.isForWriterOnly)
    }
    // What the others do at a hook is then part of the checkpoint.
    self.callbacks =
      used.filter { !($0 is any CheckpointWriting) } + used.filter { $0 is any CheckpointWriting }
  }

  /// Ends the fit behind the running step, its validation included (`minEpochs` provided).
  public func stop(_ reason: String) {
    if stopRequest == nil { stopRequest = reason }
  }

  /// The loggers among the callbacks.
  public var loggers: [Logger] { callbacks.compactMap { $0 as? Logger } }

  /// Whether the running or last fit validates at all.
  var validates: Bool { activeFit?.validation != nil && limitValidationBatches != .batches(0) }

  /// Takes over new values of metrics.
  func record(_ metrics: Metrics) {
    callbackMetrics.merge(metrics)
    activeFit?.metricsAreNew(metrics.names)
  }

  /// Throws what operations noted about the data since the last time.
  func checkData() throws { try dataCheck?.throwProblem() }

  /// Runs a step of a model. What its operations noted about the data is thrown, rather than what came of that.
  func checkedStep<T>(_ step: () throws -> T) throws -> T {
    do {
      let result = try inPrecision(step)
      try checkData()
      return result
    } catch {
      try checkData()
      throw error
    }
  }

  /// Hands metrics to all loggers.
  public func log(_ metrics: Metrics) throws {
    if metrics.names.isEmpty { return }
    for callback in callbacks {
      guard let logger = callback as? Logger else { continue }
      try logger.log(metrics, step: globalStep, epoch: currentEpoch)
    }
  }

  /// Adds a line to `notes` and hands it to all callbacks.
  func note(_ line: String) {
    notes.append(line)
    for callback in callbacks { callback.onNote(self, line) }
  }

  /// Whether a signal asked the run to end: Ctrl-C, SIGTERM, a terminal that was closed (SIGHUP), or a standard output or
  /// error that nobody reads any more (SIGPIPE).
  public var isInterrupted: Bool { isInterruptedElsewhere || interrupt?.isRequested ?? false }

  /// Whether any of the processes is interrupted; from then on all are.
  func agreeOnInterrupt() throws -> Bool {
    isInterruptedElsewhere = try strategy.gathered(isInterrupted).contains(true)
    return isInterruptedElsewhere
  }

  /// Runs `body` with signals watched and callbacks told of its beginning, its end and errors.
  func run<T>(_ model: Module, _ stage: RunningStage, _ body: () throws -> T) throws -> T {
    let isOutermost = interrupt == nil
    if isOutermost { (interrupt, isInterruptedElsewhere) = (Interrupt(), false) }
    defer {
      if isOutermost { (interrupt, isInterruptedElsewhere) = (nil, false) }
      if stage == .fit { isFitting = false }
    }
    defer { for callback in callbacks { callback.teardown(self, model, stage: stage) } }
    defer { for interceptor in interceptors { interceptor.finish() } }
    do {
      return try checkingData { check in
        let outer = dataCheck
        dataCheck = check
        defer { dataCheck = outer }
        return try withModel(model) {
          if isOutermost { stepMemory = StepMemory(device) }
          sizeUnderWay = nil
          try notify { try $0.setup(self, model, stage: stage) }
          tellDevice()
          tellPrecision()
          return try body()
        }
      }
    } catch {
      let error = error is DataProblem ? dataError(error, stage, of: ()) : error
      strategy.abort(error)
      for callback in callbacks { callback.onException(self, model, error: error) }
      throw error
    }
  }

  func beginPass(_ pass: StepPass) -> InterceptedPass { InterceptedPass(pass, interceptors) }

  func notify(_ hook: (Callback) throws -> Void) throws {
    for callback in callbacks { try hook(callback) }
    try checkData()
  }
}
