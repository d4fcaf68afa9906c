import NNCore
import NNLayers

/// Logs how fast training goes, measured over the steps since the last log: `samples_per_second`,
/// `batches_per_second`, and `loading_share`, the part of the time spent waiting for batches. Validation does not
/// count.
///
/// Of several processes it also logs, for a step of this one: `sent_bytes`, `exchange_seconds` in which numbers were under
/// way, and `exchange_wait`, those of them in which nothing was computed. Validation counts here.
public final class ThroughputMonitor: Callback {
  private let clock = ContinuousClock()
  private var (samples, batches) = (0, 0)
  private var (seconds, loading) = (0.0, 0.0)
  private var traffic = Traffic()
  private var firstStep = 0
  private var mark = ContinuousClock().now
  private var step = 0

  public override func setup(_ trainer: Trainer, _ model: Module, stage: RunningStage) {
    reset(0)
    countTraffic(trainer)
  }

  private func reset(_ loadingSeconds: Double) {
    (samples, batches, seconds, loading) = (0, 0, 0, loadingSeconds)
  }

  private func countTraffic(_ trainer: Trainer) {
    traffic = trainer.strategy.traffic ?? Traffic()
    firstStep = trainer.globalStep
  }

  public override func onTrainEpochStart(_ trainer: Trainer, _ model: Module) {
    mark = clock.now
    step = trainer.globalStep
  }

  public override func onTrainBatchEnd(
    _ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int
  ) throws {
    let now = clock.now
    seconds += (now - mark).seconds
    mark = now
    samples += output.batchSize ?? 1
    batches += 1
    let isNewStep = trainer.globalStep > step
    step = trainer.globalStep
    guard isNewStep, step % trainer.logInterval == 0, seconds > 0 else { return }
    var metrics: Metrics = [
      "samples_per_second": Double(samples) / seconds, "batches_per_second": Double(batches) / seconds,
      "loading_share": (trainer.timings.loading - loading) / seconds,
    ]
    if let now = trainer.strategy.traffic {
      let steps = Double(step - firstStep)
      metrics["sent_bytes"] = Double(now.bytesSent - traffic.bytesSent) / steps
      metrics["exchange_seconds"] = (now.exchangeSeconds - traffic.exchangeSeconds) / steps
      metrics["exchange_wait"] = (now.waitSeconds - traffic.waitSeconds) / steps
    }
    try trainer.log(metrics)
    countTraffic(trainer)
    reset(trainer.timings.loading)
  }

  public override func onValidationEnd(_ trainer: Trainer, _ model: Module) { mark = clock.now }

  public override var declaredMetrics: [MetricKey] {
    ["samples_per_second", "batches_per_second", "loading_share"]
  }
}
