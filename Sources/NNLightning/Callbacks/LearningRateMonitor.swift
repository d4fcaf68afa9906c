import NNCore
import NNLayers

/// Logs the learning rate of each parameter group as `lr-SGD`, or `lr-SGD/pg1`, `lr-SGD/pg2`, … for several groups;
/// a second optimizer of a type is `lr-SGD-1`. With every `logInterval`-th step.
public final class LearningRateMonitor: Callback {
  public let logsMomentum: Bool
  private var rates: Metrics = [:]

  /// - Parameter logsMomentum: also logs `lr-SGD-momentum`, for schedules that change it.
  public init(logsMomentum: Bool = false) { self.logsMomentum = logsMomentum }

  private func read(_ optimizer: any Optimizer) -> Metrics {
    var metrics: Metrics = [:]
    var counts: [String: Int] = [:]
    for part in (optimizer as? OptimizerList)?.optimizers ?? [optimizer] {
      let type = "\(type(of: part))"
      let count = counts[type, default: 0]
      counts[type] = count + 1
      let name = "lr-\(type)" + (count > 0 ? "-\(count)" : "")
      let momenta = part.momenta
      for (place, rate) in part.learningRates.enumerated() {
        let group = part.learningRates.count > 1 ? "/pg\(place + 1)" : ""
        metrics[name + group] = rate
        if logsMomentum, let momenta { metrics["\(name)-momentum\(group)"] = momenta[place] }
      }
    }
    return metrics
  }

  /// The rates of the step that is about to be made.
  public override func onBeforeOptimizerStep(
    _ trainer: Trainer, _ model: Module, optimizer: any Optimizer
  ) {
    rates = (trainer.globalStep + 1) % trainer.logInterval == 0 ? read(optimizer) : [:]
  }

  public override func onTrainBatchEnd(
    _ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int
  ) throws {
    if rates.names.isEmpty { return }
    try trainer.log(rates)
    rates = [:]
  }
}
