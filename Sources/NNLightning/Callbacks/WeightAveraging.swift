import Foundation
import NNCore
import NNLayers

/// Keeps an average of the model's weights beside them: the common part of ``ExponentialMovingAverage`` and
/// ``StochasticWeightAveraging``.
///
/// Validation sees the averaged weights, checkpoints hold them as the model's (those in training are kept for a resumed
/// fit), and the model has them when training ends, unless it was interrupted.
open class WeightAveraging: Callback {
  /// Average of the floating-point state; other buffers, and all before the first update, are the latest.
  public private(set) var average: StateDict?
  /// How many states are in the average.
  public private(set) var updates = 0
  private var trained: StateDict?

  private struct Counters: Codable { var updates: Int }

  /// Weight of the newest state in an average that has `updates` before it.
  open func share(afterUpdates updates: Int) -> Double {
    fail("WeightAveraging", "\(Self.self) does not override share(afterUpdates:)")
  }

  /// Takes the weights of the model into the average.
  public final func update(_ model: Module) {
    let state = model.stateDict()
    let share = updates == 0 ? 1 : share(afterUpdates: updates)
    updates += 1
    guard share < 1, var sum = average else {
      average = state
      return
    }
    noGrad {
      for (key, value) in state {
        if value.dtype.isFloatingPoint, let former = sum[key] {
          sum[key] = former + (value - former) * share
        } else {
          sum[key] = value
        }
      }
    }
    average = sum
  }

  open override func setup(_ trainer: Trainer, _ model: Module, stage: RunningStage) throws {
    if stage == .fit { (average, updates, trained) = (nil, 0, nil) }
  }

  open override func onValidationStart(_ trainer: Trainer, _ model: Module) throws {
    guard trainer.isFitting, let average else { return }
    trained = model.stateDict()
    try model.loadStateDict(average)
  }
  open override func onValidationEnd(_ trainer: Trainer, _ model: Module) throws { try giveBack(model) }
  open override func onValidationInterrupted(_ trainer: Trainer, _ model: Module) throws {
    try giveBack(model)
  }

  private func giveBack(_ model: Module) throws {
    guard let trained else { return }
    try model.loadStateDict(trained)
    self.trained = nil
  }

  open override func onTrainEnd(_ trainer: Trainer, _ model: Module) throws {
    if let average, trainer.stopReason != .interrupted { try model.loadStateDict(average) }
  }

  open override func onSaveCheckpoint(
    _ trainer: Trainer, _ model: Module, checkpoint: inout Checkpoint
  ) throws {
    guard let average else { return }
    checkpoint.callbacks[stateKey] = try CallbackState(
      Counters(updates: updates), tensors: checkpoint.model)
    checkpoint.model = average
  }

  open override func onLoadCheckpoint(_ trainer: Trainer, _ model: Module, checkpoint: Checkpoint) throws {
    guard let state = checkpoint.callbacks[stateKey] else { return }
    let counters: Counters = try state.value()
    try SavedState.check("updates of an average", counters.updates, in: 0...SavedState.greatestCount)
    average = model.stateDict()
    updates = counters.updates
    try model.loadStateDict(state.tensors)
  }
}

/// Averages the weights of all steps, the older the less (Polyak and Juditsky, 1992); as Lightning's `EMAWeightAveraging`.
public final class ExponentialMovingAverage: WeightAveraging {
  public let decay: Double
  public let everySteps: Int
  private var lastStep = 0

  /// - Parameters:
  ///   - decay: share of the former average in the next, in 0..<1. Early averages take more of the new weights:
  ///     min(decay, (1 + n) / (10 + n)) after n updates.
  ///   - everySteps: optimizer steps between updates.
  public init(decay: Double = 0.999, everySteps: Int = 1) {
    require((0..<1).contains(decay), "ExponentialMovingAverage", "decay must lie in 0..<1, got \(decay)")
    require(everySteps >= 1, "ExponentialMovingAverage", "everySteps must be at least 1, got \(everySteps)")
    self.decay = decay
    self.everySteps = everySteps
  }

  public override func share(afterUpdates updates: Int) -> Double {
    1 - min(decay, Double(1 + updates) / Double(10 + updates))
  }

  public override func onFitStart(_ trainer: Trainer, _ model: Module) { lastStep = trainer.globalStep }

  public override func onTrainBatchEnd(
    _ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int
  ) {
    guard trainer.globalStep > lastStep else { return }
    lastStep = trainer.globalStep
    if lastStep % everySteps == 0 { update(model) }
  }
}

/// Averages the weights at the ends of the last epochs, with a learning rate that goes to a constant
/// (Izmailov et al., 2018); as Lightning's `StochasticWeightAveraging`. When training ends, one pass over the training
/// data computes the statistics of batch norms for the averaged weights.
///
/// From `startEpoch` on it sets the learning rates, and the model's schedules rest.
public final class StochasticWeightAveraging: WeightAveraging {
  public let startEpoch: Int
  public let learningRate: Double
  public let annealingEpochs: Int
  private var ratesAtStart: [Double] = []

  /// - Parameters:
  ///   - startEpoch: first epoch whose end enters the average, from 0.
  ///   - learningRate: where the rates go,
  ///   - annealingEpochs: along half a cosine over so many epochs.
  public init(startEpoch: Int, learningRate: Double, annealingEpochs: Int = 10) {
    require(
      startEpoch >= 0, "StochasticWeightAveraging", "startEpoch must not be negative, got \(startEpoch)")
    require(
      learningRate > 0, "StochasticWeightAveraging", "learningRate must be positive, got \(learningRate)")
    require(annealingEpochs >= 1, "StochasticWeightAveraging", "needs an epoch at least to anneal in")
    self.startEpoch = startEpoch
    self.learningRate = learningRate
    self.annealingEpochs = annealingEpochs
  }

  public override func share(afterUpdates updates: Int) -> Double { 1 / Double(updates + 1) }

  public override func setup(_ trainer: Trainer, _ model: Module, stage: RunningStage) throws {
    try super.setup(trainer, model, stage: stage)
    if stage == .fit { ratesAtStart = [] }
  }

  public override func onTrainEpochStart(_ trainer: Trainer, _ model: Module) {
    guard trainer.currentEpoch >= startEpoch, let optimizer = trainer.optimizer else { return }
    trainer.suspendsSchedules = true
    if ratesAtStart.isEmpty { ratesAtStart = optimizer.learningRates }
    let part = min(1, Double(trainer.currentEpoch - startEpoch + 1) / Double(annealingEpochs))
    let weight = (1 - cos(.pi * part)) / 2
    optimizer.learningRates = ratesAtStart.map { $0 + (learningRate - $0) * weight }
  }

  public override func onTrainEpochEnd(_ trainer: Trainer, _ model: Module) {
    if trainer.currentEpoch >= startEpoch, trainer.progress.isEpochComplete { update(model) }
  }

  public override func onTrainEnd(_ trainer: Trainer, _ model: Module) throws {
    try super.onTrainEnd(trainer, model)
    if average != nil, trainer.stopReason != .interrupted { try trainer.updateBatchNorm(model) }
  }

  public override func onSaveCheckpoint(
    _ trainer: Trainer, _ model: Module, checkpoint: inout Checkpoint
  ) throws {
    try super.onSaveCheckpoint(trainer, model, checkpoint: &checkpoint)
    checkpoint.callbacks[stateKey + " rates"] = try CallbackState(ratesAtStart)
  }

  public override func onLoadCheckpoint(_ trainer: Trainer, _ model: Module, checkpoint: Checkpoint) throws {
    try super.onLoadCheckpoint(trainer, model, checkpoint: checkpoint)
    let rates: [Double] = try checkpoint.callbacks[stateKey + " rates"]?.value() ?? []
    let groups = trainer.optimizer?.learningRates.count ?? rates.count
    guard rates.isEmpty || rates.count == groups, rates.allSatisfy({ $0.isFinite && $0 >= 0 }) else {
      throw CheckpointError.invalid(
        "\(groups) learning rates of at least 0 for StochasticWeightAveraging", "\(rates.prefix(8))")
    }
    ratesAtStart = rates
  }
}

extension Trainer {
  /// Gives batch norms the plain mean of the statistics of all training batches, as `torch.optim.swa_utils.update_bn`.
  func updateBatchNorm(_ model: Module) throws {
    let norms = model.modules.compactMap { $0 as? BatchNorm }.filter { !$0.isFrozen && $0.runningMean != nil }
    guard !norms.isEmpty, let activeFit else { return }
    model.train()
    var sums: [(mean: Tensor, variance: Tensor)]?
    var batches = 0.0
    try activeFit.forwardPass { step in
      for norm in norms {
        for statistics in [norm.runningMean, norm.runningVariance] {
          if let statistics { statistics.value = Tensor.zeros(like: statistics.value) }
        }
        norm.batchesTracked?.value = Tensor(0)
      }
      try step()
      let seen = norms.map { norm -> (mean: Tensor, variance: Tensor) in
        // What moved from zero by the momentum is that share of the batch's own statistics.
        let share = norm.momentum ?? 1
        let zeros = Tensor.zeros(norm.features)
        return (
          (norm.runningMean?.value ?? zeros) / share, (norm.runningVariance?.value ?? zeros) / share
        )
      }
      batches += 1
      sums = sums.map { zip($0, seen).map { ($0.mean + $1.mean, $0.variance + $1.variance) } } ?? seen
    }
    for (norm, sum) in zip(norms, sums ?? []) {
      norm.runningMean?.value = sum.mean / batches
      norm.runningVariance?.value = sum.variance / batches
      norm.batchesTracked?.value = Tensor(Int(batches))
    }
  }
}
