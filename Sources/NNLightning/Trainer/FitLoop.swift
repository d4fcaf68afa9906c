import NNCore
import NNData
import NNLayers

/// The training loop: epochs of batches with the validations between them.
///
/// Everything that a resumed fit needs is complete at the boundaries (`onStepBoundary`), and only there.
final class FitLoop<Model: TrainStep> {
  let trainer: Trainer
  let model: Model
  /// This process's share of the training batches.
  private(set) var loader: any BatchLoader<Model.TrainBatch>
  private let allBatches: any BatchLoader<Model.TrainBatch>
  let validation: ValidationPass?
  let optimizer: any Optimizer
  var schedules: [ScheduledRate]
  let context = StepContext()
  /// Of the epoch under way.
  var outputs: [StepOutput] = []
  var accumulation = GradientAccumulation()
  /// States of the generators that a resumed fit sets when it is where they were taken.
  var generatorsToRestore: [String: Generator.State] = [:]
  /// Between the start of a step and its boundary.
  var isInsideStep = false
  /// While the optimizer changes the parameters.
  var isStepping = false
  /// What was at the last boundary, and may be another thing since.
  private(set) var atBoundary: BoundaryState?
  /// Whether the last epoch is over or stopped: loaders are no longer where they were at the boundary.
  private(set) var isOver = false
  /// Whether each schedule's metric is new since it last advanced.
  var metricIsNew: [Bool] = []
  /// Keys of buffers that were not finite when the fit began.
  var infiniteAtStart: Set<String> = []
  /// Steps whose numbers are on a device and were not looked at.
  var unchecked: [UncheckedStep] = []
  /// Of the model, as of the beginning of the epoch.
  private(set) var buffers: [Buffer] = []
  /// The epoch under way, as interceptors of its steps see it.
  private(set) var pass: InterceptedPass?
  var toldOfSingleSample = false
  /// Records the steps on a GPU; nil if that is not wanted.
  var repeated: RepeatedStep?
  private var observedMetrics: [String] = []
  let clock = ContinuousClock()
  private var start = ContinuousClock().now
  private var secondsBefore = 0.0

  init(
    _ trainer: Trainer, _ model: Model, _ loader: any BatchLoader<Model.TrainBatch>,
    _ validation: ValidationPass?
  ) throws {
    self.trainer = trainer
    self.model = model
    self.validation = validation
    optimizer = model.configureOptimizers()
    schedules = model.configureSchedulers(for: optimizer)
    context.optimizers = (optimizer as? OptimizerList)?.optimizers ?? [optimizer]
    allBatches = loader
    let share = try trainer.strategy.share(of: loader, for: .fit)
    self.loader =
      try trainer.overfitBatches.map { count in
        // Drawn apart from the training's random numbers, so that a resumed fit gets the same.
        try isolated([share as? any ResumableLoader]) {
          try withDefaultGenerator(Generator()) { try ReplayLoader(first: count, of: share) }
        }
      } ?? share
  }

  // MARK: The whole fit

  /// - Parameter restartsSchedules: begins the schedules anew instead of going on with the checkpoint's.
  func run(_ checkpoint: Checkpoint?, restartsSchedules: Bool) throws -> FitResult {
    trainer.optimizer = optimizer
    trainer.schedules = schedules
    trainer.activeFit = self
    trainer.progress = FitProgress()
    for interceptor in trainer.interceptors {
      interceptor.beginFit(model) { [unowned trainer] in trainer.note($0) }
    }
    trainer.timings = FitResult.Timings()
    (trainer.stopReason, trainer.stopRequest, trainer.currentEpoch) = (nil, nil, 0)
    trainer.suspendsSchedules = false
    metricIsNew = schedules.map { _ in false }
    noteInfiniteBuffers()
    if let checkpoint {
      try restore(checkpoint, restartsSchedules: restartsSchedules)
      // That of the last boundary: a fit that is complete already begins no further one.
      let progress = trainer.progress
      trainer.currentEpoch = max(0, progress.epoch - (progress.batch == 0 ? 1 : 0))
      observedMetrics = checkpoint.metrics.names
      secondsBefore = checkpoint.progress.seconds
      try trainer.notify { try $0.onLoadCheckpoint(trainer, model, checkpoint: checkpoint) }
    }
    try shareStart()
    beginRepeating()
    defer { repeated = nil }
    start = clock.now
    trainer.isFitting = true
    try trainer.notify { try $0.onFitStart(trainer, model) }
    if checkpoint == nil { try sanityCheck() }
    try checkMonitors()
    try trainer.notify { try $0.onTrainStart(trainer, model) }
    try updateStop()
    rememberBoundary()
    while trainer.stopReason == nil { try runEpoch() }
    isOver = true
    restoreGenerators()  // of a fit that was complete already
    try checkSteps()
    try checkState(model.stateDict())
    try trainer.notify { try $0.onTrainEnd(trainer, model) }
    try trainer.notify { try $0.onFitEnd(trainer, model) }
    // All hand back the same model, and find what the first one wrote.
    try trainer.strategy.shareState(of: model)
    trainer.timings.total = seconds(since: start)
    guard let reason = trainer.stopReason else { fail("Trainer.fit", "the fit ended without a reason") }
    return result(reason)
  }

  private func result(_ reason: StopReason) -> FitResult {
    let checkpoints = trainer.callbacks.compactMap { $0 as? any CheckpointWriting }
    let best = checkpoints.first { $0.bestPath != nil }
    return FitResult(
      metrics: trainer.callbackMetrics, bestMetrics: best?.bestMetrics, bestCheckpoint: best?.bestPath,
      lastCheckpoint: checkpoints.first { $0.lastPath != nil }?.lastPath,
      epochs: trainer.progress.epoch + (trainer.progress.batch > 0 ? 1 : 0), steps: trainer.globalStep,
      stopReason: reason, timings: trainer.timings)
  }

  /// Makes sure that the processes can go step by step together, and begin with the same model.
  private func shareStart() throws {
    let strategy = trainer.strategy
    if strategy.count > 1, !model.automaticOptimization {
      throw TrainerError.stepsByItself(processes: strategy.count)
    }
    let counts = try strategy.gathered(loader.batchCount)
    if counts.contains(where: { $0 != counts[0] }) { throw TrainerError.unequalShares(batches: counts) }
    try strategy.shareState(of: model)
  }

  /// Batch size of the training loader, nil if it has none that can be changed.
  var trainingBatchSize: Int? { resizable?.batchSize }
  private var resizable: (any ResizableLoader<Model.TrainBatch>)? {
    trainer.overfitBatches == nil ? allBatches as? any ResizableLoader<Model.TrainBatch> : nil
  }

  /// Trains with batches of another size from here on.
  func useBatchSize(_ size: Int) throws {
    guard let resized = resizable?.withBatchSize(size) else { throw TrainerError.fixedBatchSize }
    loader = try trainer.strategy.share(of: resized, for: .fit)
    trainer.progress.batchSize = size
  }

  /// Tries a few validation batches, and leaves everything as it was.
  private func sanityCheck() throws {
    guard let validation, trainer.validates, trainer.sanityValidationSteps > 0 else { return }
    let steps = Limit.batches(trainer.sanityValidationSteps)
    try trainer.notify { try $0.onSanityCheckStart(trainer, model) }
    try isolated([validation.loader]) {
      observedMetrics = try validation.run(steps, true)?.names ?? []
    }
    try trainer.notify { try $0.onSanityCheckEnd(trainer, model) }
  }

  /// Refuses callbacks and schedules that watch what the run does not have.
  private func checkMonitors() throws {
    var known = model.trainingMetrics.map(\.name)
    if trainer.validates { known += validation?.declaredMetrics.map(\.name) ?? [] }
    known += observedMetrics + trainer.callbacks.flatMap { $0.declaredMetrics.map(\.name) }
    var distinct: [String] = []
    for name in known where !distinct.contains(name) { distinct.append(name) }
    for callback in trainer.callbacks {
      for key in callback.monitoredMetrics where !distinct.contains(key.name) {
        throw TrainerError.unknownMetric(key.name, watcher: "\(type(of: callback))", known: distinct)
      }
    }
    try checkSchedules(known: distinct)
  }

  // MARK: Epochs

  private func runEpoch() throws {
    model.train()
    trainer.currentEpoch = trainer.progress.epoch
    let limit = try trainer.limitTrainBatches.batches(of: loader.batchCount)
    trainer.batchCount = limit
    buffers = model.buffers()
    if trainer.progress.batch == 0 { restoreGenerators() }
    try trainer.notify { try $0.onTrainEpochStart(trainer, model) }
    let start = trainer.progress.batch
    let pass = trainer.beginPass(StepPass(stage: .fit, model: model, loader: loader, device: trainer.device))
    self.pass = pass
    defer {
      pass.end()
      self.pass = nil
    }
    if !trainer.progress.isEpochComplete {
      trainer.deliver(loader)
      var source = try BatchSource(loader, limit: limit, start: start)
      restoreGenerators()
      if trainer.progress.isValidationPending { try finishBatch() }
      while trainer.stopReason == nil {
        let waiting = clock.now
        let next: (batch: Model.TrainBatch, isLast: Bool)?
        do {
          next = try source.next()
        } catch {
          throw trainer.dataError(error, .fit, batch: trainer.progress.batch, of: loader)
        }
        trainer.timings.loading += seconds(since: waiting)
        guard let (batch, isLast) = next else { break }
        try runBatch(placed(batch), index: trainer.progress.batch, isLast: isLast)
        try finishBatch()
      }
    } else {
      restoreGenerators()
      try finishBatch()
    }
    if trainer.progress.batch == 0 { throw TrainerError.noBatches }
    if trainer.stopReason == nil, !trainer.progress.isEpochComplete {
      throw TrainerError.fewerBatches(expected: limit ?? 0, found: trainer.progress.batch)
    }
    try endEpoch()
  }

  private func endEpoch() throws {
    guard trainer.progress.isEpochComplete, !trainer.progress.isValidationPending else {
      // Stopped on the way: what there is is shown, and the state of the boundary stands.
      trainer.record(try epochMetrics().metrics)
      try trainer.notify { try $0.onTrainEpochEnd(trainer, model) }
      return
    }
    try stepSchedules(.epoch)
    try trainer.notify { try $0.onTrainEpochEnd(trainer, model) }
    trainer.progress.epoch += 1
    trainer.progress.batch = 0
    trainer.progress.isEpochComplete = false
    try boundary(isEpochEnd: true)
  }

  /// The training metrics of an epoch whose last batch is done.
  func closeEpochMetrics() throws {
    try checkSteps()
    let (metrics, logged) = try epochMetrics()
    trainer.record(metrics)
    trainer.record(logged)
    for name in context.progressBarNames {
      trainer.progressBarMetrics[name] = trainer.callbackMetrics[name]
    }
    var forLoggers: Metrics = [:]
    for (name, value) in metrics { forLoggers[name + "_epoch"] = value }
    forLoggers.merge(logged)
    try trainer.log(forLoggers)
    outputs = []
    context.epochLog = EpochLog()
    (loader as? any ResumableLoader)?.endPass()
    trainer.progress.isEpochComplete = true
  }

  /// Of the batches of the epoch so far: what the model makes of its outputs, and what steps logged.
  private func epochMetrics() throws -> (metrics: Metrics, logged: Metrics) {
    let all = try PassResults(outputs, context.epochLog, trainer.strategy)
    let metrics = all.outputs.isEmpty ? [:] : noGrad { model.trainingEnd(all.outputs) }.metrics
    let agreed = try trainer.strategy.first([metrics, all.log.metrics])
    return (agreed[0], agreed[1])
  }

  // MARK: Behind batches

  /// What comes behind a batch: its validation, and the boundary if the step is complete.
  private func finishBatch() throws {
    // A fit cannot resume in the middle of an accumulation, so there is no boundary; a validation that is due waits for it.
    guard accumulation.isEmpty else { return }
    if trainer.progress.isValidationPending, try !trainer.agreeOnInterrupt() { try validate() }
    // The boundary of a complete epoch comes behind its end.
    if trainer.progress.isEpochComplete, !trainer.progress.isValidationPending { return }
    try boundary(isEpochEnd: false)
  }

  private func validate() throws {
    guard let validation else { return }
    try checkSteps()
    if !trainer.progress.isEpochComplete, let own = validation.loader,
      (own as AnyObject) === (loader as AnyObject)
    {
      fail("Trainer", "validating in the middle of an epoch needs a loader other than that of the training")
    }
    let start = clock.now
    let before = IsolatedState([validation.loader])
    let metrics: Metrics?
    do {
      metrics = try validation.run(trainer.limitValidationBatches, false)
    } catch {
      // The step before it is done: the fit can be gone on from here, with the validation made again.
      try before.restore()
      try trainer.notify { try $0.onValidationInterrupted(trainer, model) }
      rememberBoundary()
      isInsideStep = false
      throw error
    }
    if metrics == nil {
      // Interrupted: it will be made again as if it had not begun.
      try before.restore()
    } else {
      trainer.progress.isValidationPending = false
    }
    trainer.batchCount = try trainer.limitTrainBatches.batches(of: loader.batchCount)
    trainer.timings.validation += seconds(since: start)
  }

  func isValidationDue(isLast: Bool) throws -> Bool {
    guard trainer.validates else { return false }
    switch trainer.validationInterval {
    case .epochs(let n): return isLast && (trainer.progress.epoch + 1) % n == 0
    case .batches(let n): return trainer.progress.totalBatches % n == 0
    case .fraction(let part):
      guard let count = trainer.batchCount else {
        throw TrainerError.unknownLength(setting: "validationInterval \(part)")
      }
      return trainer.progress.batch % max(1, Int(Double(count) * part)) == 0
    }
  }

  // MARK: Boundaries

  private func boundary(isEpochEnd: Bool) throws {
    isInsideStep = false
    try updateStop()
    trainer.progress.seconds = elapsedSeconds
    rememberBoundary()
    try trainer.notify { try $0.onStepBoundary(trainer, model, isEpochEnd: isEpochEnd) }
  }

  private func rememberBoundary() {
    atBoundary = BoundaryState(
      random: randomState, metrics: trainer.callbackMetrics, metricIsNew: metricIsNew)
  }

  var randomState: RandomState {
    RandomState(
      isolated: IsolatedState([loader as? any ResumableLoader, validation?.loader]),
      own: trainer.generators.mapValues(\.state))
  }

  /// Puts the fit back to its last boundary, if nothing but random numbers and the position of loaders has changed since:
  /// whether it is there.
  func returnToBoundary() -> Bool {
    guard !isInsideStep, accumulation.isEmpty, let atBoundary else { return false }
    return (try? atBoundary.random.restore(trainer)) != nil
  }

  /// What a process knows of the end of the fit.
  private struct StopWish: Codable {
    var isInterrupted: Bool
    var seconds: Double
    var request: String?
  }

  /// Ends the fit if any process has a reason to; the first one's counts.
  private func updateStop() throws {
    let wishes = try trainer.strategy.gathered(
      StopWish(
        isInterrupted: trainer.isInterrupted, seconds: elapsedSeconds, request: trainer.stopRequest))
    let progress = trainer.progress
    if wishes.contains(where: { $0.isInterrupted }) {
      trainer.stopReason = .interrupted
    } else if let request = progress.stopRequest {
      trainer.stopReason = .requested(request)
    } else if let limit = trainer.maxEpochs, progress.epoch >= limit {
      trainer.stopReason = .maxEpochs(limit)
    } else if let limit = trainer.maxSteps, progress.globalStep >= limit {
      trainer.stopReason = .maxSteps(limit)
    } else if let limit = trainer.maxTime, wishes.contains(where: { $0.seconds >= limit.seconds }) {
      trainer.stopReason = .maxTime(limit)
    } else if let request = wishes.lazy.compactMap({ $0.request }).first {
      // Before `minEpochs` a wish to stop is not heard.
      if progress.epoch >= trainer.minEpochs {
        trainer.stopReason = .requested(request)
        trainer.progress.stopRequest = request
      }
      trainer.stopRequest = nil
    }
  }

  /// Of the fit so far, those of the runs that it resumes included.
  var elapsedSeconds: Double { secondsBefore + seconds(since: start) }

  func seconds(since start: ContinuousClock.Instant) -> Double { (clock.now - start).seconds }
}

/// What a checkpoint behind the end of a fit takes from its last boundary.
struct BoundaryState {
  let random: RandomState
  let metrics: Metrics
  let metricIsNew: [Bool]
}
