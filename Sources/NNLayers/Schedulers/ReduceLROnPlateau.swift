import NNCore
import NNFiles

/// Times `factor` when a metric has stopped getting better for more than `patience` steps.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html
public final class ReduceLROnPlateau: LRScheduler {
  /// Which metric is better.
  public enum Mode: Sendable { case min, max }
  /// How `threshold` is meant: as a share of the best value so far, or as a difference.
  public enum ThresholdMode: Sendable { case relative, absolute }

  public let optimizer: any Optimizer
  public let mode: Mode
  public let factor: Double
  public let patience: Int
  public let threshold: Double
  public let thresholdMode: ThresholdMode
  public let cooldown: Int
  /// The least rate of each group.
  public let minLearningRates: [Double]
  public let epsilon: Double

  public private(set) var lastEpoch = 0
  /// Best value so far.
  public private(set) var best: Double
  private var badSteps = 0
  private var coolingSteps = 0

  /// - Parameters:
  ///   - patience: steps without improvement that are borne.
  ///   - threshold: improvements smaller than this do not count.
  ///   - cooldown: steps after a reduction that do not count as bad.
  ///   - epsilon: reductions smaller than this are left out.
  public convenience init(
    _ optimizer: any Optimizer, mode: Mode = .min, factor: Double = 0.1, patience: Int = 10,
    threshold: Double = 1e-4, thresholdMode: ThresholdMode = .relative, cooldown: Int = 0,
    minLearningRate: Double = 0, epsilon: Double = 1e-8
  ) {
    self.init(
      optimizer, mode: mode, factor: factor, patience: patience, threshold: threshold,
      thresholdMode: thresholdMode, cooldown: cooldown,
      minLearningRates: optimizer.learningRates.map { _ in minLearningRate }, epsilon: epsilon)
  }

  /// As above with a least rate for each group.
  public init(
    _ optimizer: any Optimizer, mode: Mode = .min, factor: Double = 0.1, patience: Int = 10,
    threshold: Double = 1e-4, thresholdMode: ThresholdMode = .relative, cooldown: Int = 0,
    minLearningRates: [Double], epsilon: Double = 1e-8
  ) {
    let groups = optimizer.learningRates.count
    require(
      minLearningRates.count == groups, "ReduceLROnPlateau",
      "\(minLearningRates.count) learning rates for \(groups) groups")
    require(factor < 1, "ReduceLROnPlateau", "factor must be less than 1, got \(factor)")
    self.optimizer = optimizer
    self.mode = mode
    self.factor = factor
    self.patience = patience
    self.threshold = threshold
    self.thresholdMode = thresholdMode
    self.cooldown = cooldown
    self.minLearningRates = minLearningRates
    self.epsilon = epsilon
    best = mode == .min ? .infinity : -.infinity
  }

  /// Stops: this schedule needs a metric.
  public func step() { fail("ReduceLROnPlateau", "call step(metric:), with the value to watch") }

  public func step(metric: Double) {
    lastEpoch += 1
    if isBetter(metric) {
      best = metric
      badSteps = 0
    } else {
      badSteps += 1
    }
    if coolingSteps > 0 {
      coolingSteps -= 1
      badSteps = 0
    }
    if badSteps > patience {
      optimizer.learningRates = zip(optimizer.learningRates, minLearningRates).map { rate, least in
        let reduced = max(rate * factor, least)
        return rate - reduced > epsilon ? reduced : rate
      }
      coolingSteps = cooldown
      badSteps = 0
    }
  }

  private func isBetter(_ metric: Double) -> Bool {
    switch (mode, thresholdMode) {
    case (.min, .relative): metric < best * (1 - threshold)
    case (.min, .absolute): metric < best - threshold
    case (.max, .relative): metric > best * (1 + threshold)
    case (.max, .absolute): metric > best + threshold
    }
  }

  public func stateDict() -> StateDict {
    [
      "last_epoch": Tensor(lastEpoch), "best": Tensor(best), "num_bad_epochs": Tensor(badSteps),
      "cooldown_counter": Tensor(coolingSteps),
    ]
  }

  public func loadStateDict(_ state: StateDict) throws {
    let reader = StateReader(state, owner: "ReduceLROnPlateau")
    let counters = try ["last_epoch", "num_bad_epochs", "cooldown_counter"].map { try reader.integer($0) }
    best = try reader.number("best")
    (lastEpoch, badSteps, coolingSteps) = (counters[0], counters[1], counters[2])
  }
}
