import NNCore
import NNLayers

/// Keeps the time of the stages of a run, and ends a fit that takes longer than it may: Lightning's `Timer`, whose name
/// is taken by Foundation's.
///
///     let timer = RunTimer(duration: .seconds(12 * 3600), interval: .epoch)
///     try Trainer(maxEpochs: 100, callbacks: [timer]).fit(net, data)
///     print(timer.elapsed(.fit), timer.elapsed(.validate))
///
/// The end comes behind the step or the epoch under way, and like all that callbacks wish not before `minEpochs`;
/// `Trainer(maxTime:)` is the short form, and does not wait for that. A resumed fit counts the time of the runs that it
/// resumes.
public final class RunTimer: Callback {
  public let duration: Duration?
  public let interval: ScheduledRate.Interval
  /// Seconds of each stage so far.
  private var seconds: [RunningStage: Double] = [:]
  private var start = ContinuousClock().now

  /// - Parameters:
  ///   - duration: of a fit at most; nil only keeps time.
  ///   - interval: whether it ends behind a step or behind an epoch.
  public init(duration: Duration? = nil, interval: ScheduledRate.Interval = .step) {
    if let duration { require(duration > .zero, "RunTimer", "duration must be positive, got \(duration)") }
    self.duration = duration
    self.interval = interval
  }

  /// Seconds of a stage in the run under way or the last one, as of the last batch; those of a fit contain its
  /// validations, which `.validate` has by themselves.
  public func elapsed(_ stage: RunningStage) -> Double { seconds[stage] ?? 0 }

  /// Seconds that are left of `duration`; nil without one.
  public var remaining: Double? { duration.map { max(0, $0.seconds - elapsed(.fit)) } }

  public override var stateKey: String { "RunTimer(\(interval))" }

  public override func setup(_ trainer: Trainer, _ model: Module, stage: RunningStage) {
    seconds[stage] = nil
    if stage == .fit { seconds[.validate] = nil }
  }

  // MARK: The fit, whose time the Trainer keeps

  public override func onTrainBatchEnd(
    _ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int
  ) { check(trainer, .step) }

  public override func onTrainEpochEnd(_ trainer: Trainer, _ model: Module) { check(trainer, .epoch) }

  public override func onTrainEnd(_ trainer: Trainer, _ model: Module) {
    seconds[.fit] = trainer.activeFit?.elapsedSeconds
  }

  private func check(_ trainer: Trainer, _ place: ScheduledRate.Interval) {
    seconds[.fit] = trainer.activeFit?.elapsedSeconds
    guard place == interval, trainer.stopReason == nil, let duration, remaining == 0 else { return }
    trainer.stop("RunTimer: \(duration) are over")
  }

  // MARK: Evaluations

  public override func onValidationStart(_ trainer: Trainer, _ model: Module) { begin() }
  public override func onValidationEnd(_ trainer: Trainer, _ model: Module) { end(.validate) }
  public override func onValidationInterrupted(_ trainer: Trainer, _ model: Module) { end(.validate) }
  public override func onTestStart(_ trainer: Trainer, _ model: Module) { begin() }
  public override func onTestEnd(_ trainer: Trainer, _ model: Module) { end(.test) }
  public override func onPredictStart(_ trainer: Trainer, _ model: Module) { begin() }
  public override func onPredictEnd(_ trainer: Trainer, _ model: Module) { end(.predict) }

  private func begin() { start = ContinuousClock().now }
  private func end(_ stage: RunningStage) {
    seconds[stage, default: 0] += (ContinuousClock().now - start).seconds
  }

  // MARK: Resumed fits

  // The Trainer restores the time of the fit itself.
  public override func state() throws -> CallbackState? { try CallbackState(seconds[.validate] ?? 0) }
  public override func loadState(_ state: CallbackState) throws {
    let saved: Double = try state.value()
    try SavedState.check(seconds: saved, "time of RunTimer")
    seconds[.validate] = saved
  }
}
