import NNCore
import NNLayers

/// Progress in the look of tqdm, on standard error: on a terminal one line that is redrawn, elsewhere (a file, a
/// pipe) a plain line every few seconds and one at the end. It leaves a fit to a ``TerminalDashboard`` that shows it.
public final class ProgressBar: Callback {
  private var line: ProgressLine?
  /// The epoch's line while a validation has its own.
  private var epochLine: ProgressLine?
  private let interval: Double

  /// - Parameter interval: seconds between plain lines where the output is not a terminal.
  public init(interval: Double = 5) { self.interval = interval }

  private func begin(_ label: String, _ total: Int?, done: Int = 0) {
    line?.finish()
    line = ProgressLine(label: label, total: total, unit: "batch", interval: interval, done: done)
  }

  private func advance(_ metrics: Metrics) {
    line?.update(by: 1) {
      metrics.map { "\(printable($0.name))=\($0.value.formatted(digits: 3))" }.joined(separator: ", ")
    }
  }

  private func end(_ metrics: [(name: String, value: Double)] = []) {
    if !metrics.isEmpty { line?.show(metrics) }
    line?.finish()
    line = nil
  }

  public override var isForWriterOnly: Bool { true }

  public override func onTrainEpochStart(_ trainer: Trainer, _ model: Module) {
    if trainer.hasDashboard { return }
    let total = trainer.maxEpochs.map { "/\($0)" } ?? ""
    begin("Epoch \(trainer.currentEpoch + 1)\(total)", trainer.batchCount, done: trainer.progress.batch)
  }
  public override func onTrainBatchEnd(
    _ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int
  ) {
    advance(trainer.shownMetrics(output))
  }
  public override func onTrainEpochEnd(_ trainer: Trainer, _ model: Module) { end() }
  public override func onValidationStart(_ trainer: Trainer, _ model: Module) {
    if trainer.hasDashboard { return }
    if trainer.isFitting, !trainer.progress.isEpochComplete {
      line?.pause()
      (epochLine, line) = (line, nil)
    }
    begin("Validating", trainer.batchCount)
  }
  public override func onValidationBatchEnd(
    _ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int
  ) { advance(output.metrics) }
  public override func onValidationEnd(_ trainer: Trainer, _ model: Module) {
    end(trainer.callbackMetrics.filter { $0.name.hasPrefix("val_") })
    (line, epochLine) = (epochLine, nil)
  }
  public override func onTestStart(_ trainer: Trainer, _ model: Module) {
    begin("Testing", trainer.batchCount)
  }
  public override func onTestBatchEnd(
    _ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int
  ) { advance(output.metrics) }
  public override func onTestEnd(_ trainer: Trainer, _ model: Module) {
    end(trainer.callbackMetrics.filter { $0.name.hasPrefix("test_") })
  }
  public override func onPredictStart(_ trainer: Trainer, _ model: Module) {
    begin("Predicting", trainer.batchCount)
  }
  public override func onPredictBatchEnd(_ trainer: Trainer, _ model: Module, batchIndex: Int) {
    advance([:])
  }
  public override func onPredictEnd(_ trainer: Trainer, _ model: Module) { end() }
  public override func onNote(_ trainer: Trainer, _ text: String) {
    if trainer.hasDashboard { return }
    if let line {
      line.interrupt(with: text)
    } else {
      writeToStandardError(text + "\n")
    }
  }
  public override func teardown(_ trainer: Trainer, _ model: Module, stage: RunningStage) {
    end()
    epochLine = nil
  }
}

extension Trainer {
  /// What a display of the progress has behind a training step: its metrics, and the latest of the validation.
  func shownMetrics(_ output: StepOutput) -> Metrics {
    var shown = output.metrics
    shown.merge(progressBarMetrics)
    for name in callbackMetrics.names where !shown.contains(name) && name.hasPrefix("val_") {
      shown.set(name, callbackMetrics.number(name))
    }
    return shown
  }

  fileprivate var hasDashboard: Bool { callbacks.contains(where: \.replacesProgressBar) }
}
