import Foundation
import NNCore

/// One cycle over the whole training (Smith and Topin, "Super-convergence", 2018): up from
/// `maxLearningRate / divFactor`, down to a fraction of that, with the momentum going the other way.
///
/// Step it after every batch; more than `totalSteps` steps stop with a message.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html
public final class OneCycleLR: EpochScheduler {
  /// How the rate goes from one value to the next.
  public enum Annealing: Sendable { case cosine, linear }

  private struct Phase {
    let end: Double
    let rates: (from: [Double], to: [Double])
    let momenta: (from: Double, to: Double)
  }

  public let totalSteps: Int
  private let phases: [Phase]
  private let annealing: Annealing
  private let cyclesMomentum: Bool

  /// - Parameters:
  ///   - maxLearningRate: the peak, for all groups.
  ///   - totalSteps: number of batches of the whole training.
  ///   - startShare: share of the steps in which the rate rises.
  ///   - cyclesMomentum: whether momentum (or Adam's first beta) runs from `maxMomentum` to `baseMomentum` and back.
  ///   - divFactor: peak over start.
  ///   - finalDivFactor: start over end.
  ///   - threePhase: falls back to the start as steeply as it rose, then to the end.
  public convenience init(
    _ optimizer: any Optimizer, maxLearningRate: Double, totalSteps: Int, startShare: Double = 0.3,
    annealing: Annealing = .cosine, cyclesMomentum: Bool = true, baseMomentum: Double = 0.85,
    maxMomentum: Double = 0.95, divFactor: Double = 25, finalDivFactor: Double = 1e4, threePhase: Bool = false
  ) {
    self.init(
      optimizer, maxLearningRates: optimizer.learningRates.map { _ in maxLearningRate },
      totalSteps: totalSteps,
      startShare: startShare, annealing: annealing, cyclesMomentum: cyclesMomentum,
      baseMomentum: baseMomentum,
      maxMomentum: maxMomentum, divFactor: divFactor, finalDivFactor: finalDivFactor, threePhase: threePhase)
  }

  /// As above with a peak for each group.
  public init(
    _ optimizer: any Optimizer, maxLearningRates peaks: [Double], totalSteps: Int, startShare: Double = 0.3,
    annealing: Annealing = .cosine, cyclesMomentum: Bool = true, baseMomentum: Double = 0.85,
    maxMomentum: Double = 0.95, divFactor: Double = 25, finalDivFactor: Double = 1e4, threePhase: Bool = false
  ) {
    let groups = optimizer.learningRates.count
    require(peaks.count == groups, "OneCycleLR", "\(peaks.count) learning rates for \(groups) groups")
    require(totalSteps > 0, "OneCycleLR", "totalSteps must be positive, got \(totalSteps)")
    require((0...1).contains(startShare), "OneCycleLR", "startShare must lie in 0...1, got \(startShare)")
    require(
      !cyclesMomentum || optimizer.momenta != nil, "OneCycleLR",
      "the optimizer has no momentum to cycle; pass cyclesMomentum: false")
    let starts = peaks.map { $0 / divFactor }
    let ends = starts.map { $0 / finalDivFactor }
    let total = Double(totalSteps)
    let (high, low) = (maxMomentum, baseMomentum)
    let rise = Phase(end: startShare * total - 1, rates: (starts, peaks), momenta: (high, low))
    if threePhase {
      phases = [
        rise, Phase(end: 2 * startShare * total - 2, rates: (peaks, starts), momenta: (low, high)),
        Phase(end: total - 1, rates: (starts, ends), momenta: (high, high)),
      ]
    } else {
      phases = [rise, Phase(end: total - 1, rates: (peaks, ends), momenta: (low, high))]
    }
    self.totalSteps = totalSteps
    self.annealing = annealing
    self.cyclesMomentum = cyclesMomentum
    optimizer.initialLearningRates = starts
    super.init(optimizer)
    start()
  }

  public override var length: Int? { totalSteps }
  public override var stepsLeft: Int? { max(0, totalSteps - lastEpoch) }

  public override func rates() -> [Double] {
    require(
      lastEpoch <= totalSteps, "OneCycleLR", "step \(lastEpoch) of a schedule made for \(totalSteps) steps")
    let step = Double(lastEpoch)
    let index = phases.firstIndex { step <= $0.end } ?? phases.count - 1
    let phase = phases[index]
    let begin = index == 0 ? 0 : phases[index - 1].end
    // A rise of a single step has no width: the peak is there at once.
    let share = phase.end > begin ? (step - begin) / (phase.end - begin) : 1
    if cyclesMomentum {
      let value = annealed(phase.momenta.from, phase.momenta.to, share)
      optimizer.momenta = currentRates.map { _ in value }
    }
    return zip(phase.rates.from, phase.rates.to).map { annealed($0, $1, share) }
  }

  private func annealed(_ from: Double, _ to: Double, _ share: Double) -> Double {
    switch annealing {
    case .cosine: to + (from - to) / 2 * (cos(.pi * share) + 1)
    case .linear: (to - from) * share + from
    }
  }
}

/// Up and down between two rates again and again (Smith, "Cyclical learning rates", 2017), with the momentum going
/// the other way. Step it after every batch.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CyclicLR.html
public final class CyclicLR: EpochScheduler {
  /// How high a cycle reaches.
  public enum Mode {
    /// All cycles alike.
    case triangular
    /// Each cycle half as high as the one before.
    case triangular2
    /// The height falls by `gamma` at every step.
    case exponentialRange(gamma: Double)
    /// The height is multiplied by a function of the number of the cycle, from 1.
    case perCycle((_ cycle: Int) -> Double)
    /// The height is multiplied by a function of the number of steps.
    case perStep((_ step: Int) -> Double)
  }

  private let low: [Double]
  private let high: [Double]
  private let stepsUp: Double
  private let stepsDown: Double
  private let mode: Mode
  private let momentumRange: (low: Double, high: Double)?

  /// - Parameters:
  ///   - stepSizeUp: steps of the rising half of a cycle.
  ///   - stepSizeDown: steps of the falling half; as many as of the rising one if nil.
  ///   - cyclesMomentum: whether momentum (or Adam's first beta) runs from `maxMomentum` to `baseMomentum` and back.
  public convenience init(
    _ optimizer: any Optimizer, baseLearningRate: Double, maxLearningRate: Double, stepSizeUp: Int = 2_000,
    stepSizeDown: Int? = nil, mode: Mode = .triangular, cyclesMomentum: Bool = true,
    baseMomentum: Double = 0.8,
    maxMomentum: Double = 0.9
  ) {
    let groups = optimizer.learningRates
    self.init(
      optimizer, baseLearningRates: groups.map { _ in baseLearningRate },
      maxLearningRates: groups.map { _ in maxLearningRate }, stepSizeUp: stepSizeUp,
      stepSizeDown: stepSizeDown,
      mode: mode, cyclesMomentum: cyclesMomentum, baseMomentum: baseMomentum, maxMomentum: maxMomentum)
  }

  /// As above with rates for each group.
  public init(
    _ optimizer: any Optimizer, baseLearningRates low: [Double], maxLearningRates high: [Double],
    stepSizeUp: Int = 2_000, stepSizeDown: Int? = nil, mode: Mode = .triangular, cyclesMomentum: Bool = true,
    baseMomentum: Double = 0.8, maxMomentum: Double = 0.9
  ) {
    let groups = optimizer.learningRates.count
    require(
      low.count == groups && high.count == groups, "CyclicLR",
      "\(low.count) and \(high.count) learning rates for \(groups) groups")
    require(stepSizeUp > 0 && stepSizeDown ?? 1 > 0, "CyclicLR", "step sizes must be positive")
    require(
      !cyclesMomentum || optimizer.momenta != nil, "CyclicLR",
      "the optimizer has no momentum to cycle; pass cyclesMomentum: false")
    self.low = low
    self.high = high
    stepsUp = Double(stepSizeUp)
    stepsDown = Double(stepSizeDown ?? stepSizeUp)
    self.mode = mode
    momentumRange = cyclesMomentum ? (baseMomentum, maxMomentum) : nil
    optimizer.learningRates = low
    optimizer.initialLearningRates = low
    super.init(optimizer)
    start()
  }

  public override func rates() -> [Double] {
    let (size, ratio) = (stepsUp + stepsDown, stepsUp / (stepsUp + stepsDown))
    let cycle = (1 + Double(lastEpoch) / size).rounded(.down)
    let place = 1 + Double(lastEpoch) / size - cycle
    let height = (place <= ratio ? place / ratio : (place - 1) / (ratio - 1)) * scale(cycle: Int(cycle))
    if let momentumRange {
      let value = momentumRange.high - (momentumRange.high - momentumRange.low) * height
      optimizer.momenta = low.map { _ in value }
    }
    return zip(low, high).map { $0 + ($1 - $0) * height }
  }

  private func scale(cycle: Int) -> Double {
    switch mode {
    case .triangular: 1
    case .triangular2: 1 / pow(2, Double(cycle - 1))
    case .exponentialRange(let gamma): pow(gamma, Double(lastEpoch))
    case .perCycle(let function): function(cycle)
    case .perStep(let function): function(lastEpoch)
    }
  }
}
