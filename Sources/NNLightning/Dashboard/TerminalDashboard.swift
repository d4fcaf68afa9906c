import NNCore
import NNLayers

/// A dashboard in the terminal while a model is trained, as Lightning's `RichProgressBar` and more: the curves of the
/// losses, bars for the epoch and the whole fit with the time that they still need, the latest metrics and the speed.
///
///     let trainer = Trainer(maxEpochs: 10, callbacks: [TerminalDashboard()])
///
/// It takes the place of the fit's ``ProgressBar``. Where standard error is no terminal that can show it (a file, a pipe,
/// fewer than 40 x 8 characters) it says nothing, and the progress bar does as ever.
///
/// The cursor waits below the dashboard while the fit computes, and nothing about the terminal is changed that would have
/// to be put back: however the program ends, the prompt or a message comes below the last state.
public final class TerminalDashboard: Callback {
  private let terminal: Terminal
  private var screen: Screen?
  private var dashboard = Dashboard()
  private var (epochPace, runPace) = (Pace(), Pace())
  /// Of the epoch: samples, and seconds without validation.
  private var (samples, seconds) = (0, 0.0)
  private var mark = 0.0
  private var lastDrawn = -Double.infinity

  public override convenience init() { self.init(.standardError) }

  package init(_ terminal: Terminal) { self.terminal = terminal }

  /// Whether it shows the fit under way.
  override var replacesProgressBar: Bool { screen != nil }

  public override var isForWriterOnly: Bool { true }

  public override func setup(_ trainer: Trainer, _ model: Module, stage: RunningStage) {
    guard stage == .fit else { return }
    (screen, dashboard) = (terminal.canShowDashboard ? Screen(terminal) : nil, Dashboard())
    runPace = Pace()
  }

  public override func teardown(_ trainer: Trainer, _ model: Module, stage: RunningStage) {
    if dashboard.step > 0 { draw(trainer, isLast: true) }
    screen = nil
  }

  public override func onTrainEpochStart(_ trainer: Trainer, _ model: Module) {
    let total = trainer.maxEpochs.map { "/\($0)" } ?? ""
    dashboard.epoch = Dashboard.Task(
      label: "Epoch \(trainer.currentEpoch + 1)\(total)", done: trainer.progress.batch,
      total: trainer.batchCount)
    (samples, seconds, mark) = (0, 0, terminal.now())
    epochPace = Pace()
    draw(trainer)
  }

  public override func onTrainBatchEnd(
    _ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int
  ) {
    let now = terminal.now()
    (samples, seconds, mark) = (samples + (output.batchSize ?? 1), seconds + now - mark, now)
    if seconds > 0 { dashboard.samplesPerSecond = Double(samples) / seconds }
    dashboard.epoch.done = batchIndex + 1
    dashboard.step = trainer.globalStep
    dashboard.metrics = trainer.shownMetrics(output)
    if let loss = output.metrics["loss"] { dashboard.losses.add(x: Double(dashboard.step), y: loss) }
    draw(trainer)
  }

  public override func onTrainEpochEnd(_ trainer: Trainer, _ model: Module) {
    // In the place of the last batch's.
    for name in dashboard.metrics.names { dashboard.metrics[name] = trainer.callbackMetrics[name] }
    draw(trainer)
  }

  public override func onValidationStart(_ trainer: Trainer, _ model: Module) {
    dashboard.validation = Dashboard.Task(label: "Validating", total: trainer.batchCount)
    draw(trainer)
  }

  public override func onValidationBatchEnd(
    _ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int
  ) {
    dashboard.validation?.done = batchIndex + 1
    draw(trainer)
  }

  public override func onValidationEnd(_ trainer: Trainer, _ model: Module) {
    for (name, value) in trainer.callbackMetrics where name.hasPrefix("val_") {
      dashboard.metrics[name] = value
    }
    if let loss = trainer.callbackMetrics[.validationLoss] {
      dashboard.validationLosses.add(x: Double(dashboard.step), y: loss)
    }
    endValidation()
  }

  public override func onValidationInterrupted(_ trainer: Trainer, _ model: Module) { endValidation() }

  public override func onNote(_ trainer: Trainer, _ line: String) {
    screen?.say(line)
    lastDrawn = -.infinity
  }

  private func endValidation() {
    dashboard.validation = nil
    mark = terminal.now()
  }

  /// Ten times a second at most, but always in the end.
  private func draw(_ trainer: Trainer, isLast: Bool = false) {
    guard screen != nil else { return }
    let now = terminal.now()
    let isNewlyInterrupted = trainer.isInterrupted && dashboard.note.isEmpty
    guard isLast || isNewlyInterrupted || now - lastDrawn >= 0.1 else { return }
    lastDrawn = now
    if isNewlyInterrupted {
      // The message on the first Ctrl-C has moved the cursor.
      screen?.beginAnew()
      dashboard.note = "stopping after this step"
    }
    if isLast { dashboard.note = trainer.stopReason.map { "ended: \($0)" } ?? "ended by an error" }
    dashboard.elapsed = trainer.activeFit?.elapsedSeconds ?? 0
    dashboard.runFraction = runFraction(trainer)
    dashboard.epochLeft = isLast ? nil : epochPace.left(at: dashboard.epoch.fraction, now)
    dashboard.runLeft = isLast ? nil : runPace.left(at: dashboard.runFraction, now)
    screen?.show(dashboard)
  }

  /// How far the fit is to the first of its limits.
  private func runFraction(_ trainer: Trainer) -> Double? {
    var fractions: [Double] = []
    if let limit = trainer.maxEpochs, let inEpoch = dashboard.epoch.fraction {
      let isOver = trainer.progress.epoch > trainer.currentEpoch
      fractions.append((Double(trainer.currentEpoch) + (isOver ? 1 : inEpoch)) / Double(limit))
    }
    if let limit = trainer.maxSteps { fractions.append(Double(trainer.globalStep) / Double(limit)) }
    if let limit = trainer.maxTime { fractions.append(dashboard.elapsed / limit.seconds) }
    return fractions.max().map { min(1, $0) }
  }
}

/// Expects the rest of something to go as fast as what was seen of it.
private struct Pace {
  private var start: (time: Double, fraction: Double)?

  /// Seconds to the whole; nil as long as nothing was seen.
  mutating func left(at fraction: Double?, _ now: Double) -> Double? {
    guard let fraction else { return nil }
    guard let start else {
      start = (now, fraction)
      return nil
    }
    return fraction > start.fraction ? (now - start.time) * (1 - fraction) / (fraction - start.fraction) : nil
  }
}
