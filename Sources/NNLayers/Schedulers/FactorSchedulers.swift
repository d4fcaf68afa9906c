import Foundation
import NNCore

// Schedules that multiply the learning rate.

/// Base rate times a factor given by a function of the number of steps.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LambdaLR.html
public final class LambdaLR: EpochScheduler {
  private let factors: [(Int) -> Double]

  public init(_ optimizer: any Optimizer, _ factor: @escaping (_ step: Int) -> Double) {
    factors = optimizer.learningRates.map { _ in factor }
    super.init(optimizer)
    start()
  }

  /// One function per group.
  public init(_ optimizer: any Optimizer, _ factors: [(_ step: Int) -> Double]) {
    let groups = optimizer.learningRates.count
    require(factors.count == groups, "LambdaLR", "\(factors.count) functions for \(groups) groups")
    self.factors = factors
    super.init(optimizer)
    start()
  }

  public override func rates() -> [Double] { zip(baseLearningRates, factors).map { $0 * $1(lastEpoch) } }
}

/// The rate in force times a factor given by a function of the number of steps.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiplicativeLR.html
public final class MultiplicativeLR: EpochScheduler {
  private let factor: (Int) -> Double

  public init(_ optimizer: any Optimizer, _ factor: @escaping (_ step: Int) -> Double) {
    self.factor = factor
    super.init(optimizer)
    start()
  }

  public override func rates() -> [Double] { isInitialStep ? currentRates : scaled(factor(lastEpoch)) }
}

/// Times `gamma` every `stepSize` steps.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html
public final class StepLR: EpochScheduler {
  public let stepSize: Int
  public let gamma: Double

  public init(_ optimizer: any Optimizer, stepSize: Int, gamma: Double = 0.1) {
    require(stepSize > 0, "StepLR", "stepSize must be positive, got \(stepSize)")
    self.stepSize = stepSize
    self.gamma = gamma
    super.init(optimizer)
    start()
  }

  public override func rates() -> [Double] {
    lastEpoch == 0 || lastEpoch % stepSize != 0 ? currentRates : scaled(gamma)
  }
  public override func closedFormRates() -> [Double]? {
    baseLearningRates.map { $0 * pow(gamma, Double(lastEpoch / stepSize)) }
  }
}

/// Times `gamma` at each milestone, a number of steps; one that is named twice counts twice.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiStepLR.html
public final class MultiStepLR: EpochScheduler {
  public let milestones: [Int]
  public let gamma: Double

  public init(_ optimizer: any Optimizer, milestones: [Int], gamma: Double = 0.1) {
    self.milestones = milestones.sorted()
    self.gamma = gamma
    super.init(optimizer)
    start()
  }

  public override func rates() -> [Double] {
    let times = milestones.filter { $0 == lastEpoch }.count
    return times == 0 ? currentRates : scaled(pow(gamma, Double(times)))
  }
  public override func closedFormRates() -> [Double]? {
    let times = milestones.filter { $0 <= lastEpoch }.count
    return baseLearningRates.map { $0 * pow(gamma, Double(times)) }
  }
}

/// Times `gamma` at every step.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ExponentialLR.html
public final class ExponentialLR: EpochScheduler {
  public let gamma: Double

  public init(_ optimizer: any Optimizer, gamma: Double) {
    self.gamma = gamma
    super.init(optimizer)
    start()
  }

  public override func rates() -> [Double] { isInitialStep ? currentRates : scaled(gamma) }
  public override func closedFormRates() -> [Double]? {
    baseLearningRates.map { $0 * pow(gamma, Double(lastEpoch)) }
  }
}

/// Times `factor` for the first `totalIterations` steps.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ConstantLR.html
public final class ConstantLR: EpochScheduler {
  public let factor: Double
  public let totalIterations: Int

  public init(_ optimizer: any Optimizer, factor: Double = 1.0 / 3, totalIterations: Int = 5) {
    require(factor > 0 && factor <= 1, "ConstantLR", "factor must lie in (0, 1], got \(factor)")
    self.factor = factor
    self.totalIterations = totalIterations
    super.init(optimizer)
    start()
  }

  public override func rates() -> [Double] {
    if lastEpoch == 0 { return scaled(factor) }
    return lastEpoch == totalIterations ? scaled(1 / factor) : currentRates
  }
  public override func closedFormRates() -> [Double]? {
    baseLearningRates.map { lastEpoch >= totalIterations ? $0 : $0 * factor }
  }
}

/// Times a factor that goes from `startFactor` to `endFactor` over `totalIterations` steps: a warm-up.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LinearLR.html
public final class LinearLR: EpochScheduler {
  public let startFactor: Double
  public let endFactor: Double
  public let totalIterations: Int

  public init(
    _ optimizer: any Optimizer, startFactor: Double = 1.0 / 3, endFactor: Double = 1, totalIterations: Int = 5
  ) {
    require(
      startFactor > 0 && startFactor <= 1, "LinearLR", "startFactor must lie in (0, 1], got \(startFactor)")
    require((0...1).contains(endFactor), "LinearLR", "endFactor must lie in 0...1, got \(endFactor)")
    self.startFactor = startFactor
    self.endFactor = endFactor
    self.totalIterations = totalIterations
    super.init(optimizer)
    start()
  }

  public override func rates() -> [Double] {
    if lastEpoch == 0 { return scaled(startFactor) }
    if isInitialStep || lastEpoch > totalIterations { return currentRates }
    let change = endFactor - startFactor
    return scaled(1 + change / (Double(totalIterations) * startFactor + Double(lastEpoch - 1) * change))
  }
  public override func closedFormRates() -> [Double]? {
    let share = Double(min(totalIterations, lastEpoch)) / Double(totalIterations)
    return baseLearningRates.map { $0 * (startFactor + (endFactor - startFactor) * share) }
  }
}

/// Falls to 0 over `totalIterations` steps as a power of what is left.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.PolynomialLR.html
public final class PolynomialLR: EpochScheduler {
  public let totalIterations: Int
  public let power: Double

  public init(_ optimizer: any Optimizer, totalIterations: Int = 5, power: Double = 1) {
    self.totalIterations = totalIterations
    self.power = power
    super.init(optimizer)
    start()
  }

  public override var length: Int? { totalIterations }

  public override func rates() -> [Double] {
    if isInitialStep || lastEpoch > totalIterations { return currentRates }
    let total = Double(totalIterations)
    return scaled(pow((1 - Double(lastEpoch) / total) / (1 - Double(lastEpoch - 1) / total), power))
  }
  public override func closedFormRates() -> [Double]? {
    let share = Double(min(totalIterations, lastEpoch)) / Double(totalIterations)
    return baseLearningRates.map { $0 * pow(1 - share, power) }
  }
}
