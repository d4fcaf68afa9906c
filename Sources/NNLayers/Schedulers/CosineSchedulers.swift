import Foundation
import NNCore
import NNFiles

/// Half a cosine wave from the base rate down to `minLearningRate` over `tMax` steps, and up again behind it
/// (Loshchilov and Hutter, "SGDR", 2017, without the restarts).
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingLR.html
public final class CosineAnnealingLR: EpochScheduler {
  public let tMax: Int
  public let minLearningRate: Double

  public init(_ optimizer: any Optimizer, tMax: Int, minLearningRate: Double = 0) {
    require(tMax > 0, "CosineAnnealingLR", "tMax must be positive, got \(tMax)")
    self.tMax = tMax
    self.minLearningRate = minLearningRate
    super.init(optimizer)
    start()
  }

  public override var length: Int? { tMax }

  private func wave(_ epoch: Int) -> Double { 1 + cos(.pi * Double(epoch) / Double(tMax)) }

  public override func rates() -> [Double] {
    if isInitialStep { return currentRates }
    if (lastEpoch - 1 - tMax) % (2 * tMax) == 0 {
      // The rate is at its minimum, from where no multiple leads up.
      let rise = (1 - cos(.pi / Double(tMax))) / 2
      return zip(currentRates, baseLearningRates).map { $0 + ($1 - minLearningRate) * rise }
    }
    let factor = wave(lastEpoch) / wave(lastEpoch - 1)
    return currentRates.map { factor * ($0 - minLearningRate) + minLearningRate }
  }
  public override func closedFormRates() -> [Double]? {
    baseLearningRates.map { minLearningRate + ($0 - minLearningRate) * wave(lastEpoch) / 2 }
  }
}

/// Half a cosine wave over `firstPeriod` steps, then again from the base rate, each time `periodFactor` times as long
/// (Loshchilov and Hutter, "SGDR", 2017).
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.html
public final class CosineAnnealingWarmRestarts: EpochScheduler {
  public let firstPeriod: Int
  public let periodFactor: Int
  public let minLearningRate: Double
  /// Steps since the last restart, and length of the running period.
  private var place = 0
  private var period: Int

  public init(
    _ optimizer: any Optimizer, firstPeriod: Int, periodFactor: Int = 1, minLearningRate: Double = 0
  ) {
    require(
      firstPeriod > 0 && periodFactor > 0, "CosineAnnealingWarmRestarts",
      "firstPeriod \(firstPeriod) and periodFactor \(periodFactor) must be positive")
    self.firstPeriod = firstPeriod
    self.periodFactor = periodFactor
    self.minLearningRate = minLearningRate
    period = firstPeriod
    super.init(optimizer)
    start()
  }

  public override func rates() -> [Double] {
    if lastEpoch == 0 {
      (place, period) = (0, firstPeriod)
    } else {
      place += 1
      if place >= period {
        let (next, overflows) = period.multipliedReportingOverflow(by: periodFactor)
        (place, period) = (0, overflows ? .max : next)
      }
    }
    let wave = 1 + cos(.pi * Double(place) / Double(period))
    return baseLearningRates.map { minLearningRate + ($0 - minLearningRate) * wave / 2 }
  }

  public override func extraState() -> StateDict { ["T_cur": Tensor(place), "T_i": Tensor(period)] }
  public override func loadExtraState(_ state: StateDict) throws {
    let reader = StateReader(state, owner: "CosineAnnealingWarmRestarts")
    let (newPlace, newPeriod) = (try reader.integer("T_cur"), try reader.integer("T_i"))
    try reader.check(newPeriod > newPlace, "T_i", "more than T_cur \(newPlace)", "\(newPeriod)")
    (place, period) = (newPlace, newPeriod)
  }
}
