import Foundation
import NNCore

/// A warm-up and a cosine in one: the rate rises evenly from `startFactor` of the base rate to all of it, and then falls
/// like half a cosine wave to `minLearningRate` over the rest of the steps; behind them it stays there. The same rates as a
/// ``SequentialLR`` of ``LinearLR`` and ``CosineAnnealingLR``.
///
///     WarmupCosineLR(optimizer, warmup: 500, total: 10_000)
///
/// Step it after every batch.
public final class WarmupCosineLR: EpochScheduler {
  /// Steps of the warm-up, and of all.
  public let warmup, total: Int
  public let startFactor: Double
  public let minLearningRate: Double

  /// - Parameters:
  ///   - warmup: steps in which the rate rises, fewer than `total`; 0 for none.
  ///   - total: steps of the whole training.
  ///   - startFactor: above 0, at most 1.
  public init(
    _ optimizer: any Optimizer, warmup: Int, total: Int, startFactor: Double = 0.01,
    minLearningRate: Double = 0
  ) {
    require(
      warmup >= 0 && total > warmup, "WarmupCosineLR",
      "needs more steps than those of the warm-up, got \(total) and \(warmup)")
    require(
      startFactor > 0 && startFactor <= 1, "WarmupCosineLR",
      "startFactor must be above 0 and at most 1, got \(startFactor)")
    self.warmup = warmup
    self.total = total
    self.startFactor = startFactor
    self.minLearningRate = minLearningRate
    super.init(optimizer)
    start()
  }

  public override var length: Int? { total }

  /// Share of the way down, in 0...1, and of the base rate before it.
  private var place: (fallen: Double, risen: Double) {
    if lastEpoch < warmup {
      return (0, startFactor + (1 - startFactor) * Double(lastEpoch) / Double(warmup))
    }
    return (min(1, Double(lastEpoch - warmup) / Double(total - warmup)), 1)
  }

  public override func rates() -> [Double] {
    let (fallen, risen) = place
    return baseLearningRates.map { base in
      if risen < 1 { return base * risen }
      return minLearningRate + (base - minLearningRate) * (1 + cos(.pi * fallen)) / 2
    }
  }
  public override func closedFormRates() -> [Double]? { rates() }
}
