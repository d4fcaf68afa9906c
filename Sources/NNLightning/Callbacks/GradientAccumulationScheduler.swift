import NNCore
import NNLayers

/// Changes `accumulateGradBatches` from epoch to epoch: `[0: 1, 5: 4]` makes steps of four batches from epoch 5 on.
public final class GradientAccumulationScheduler: Callback {
  public let scheduling: [Int: Int]

  /// - Parameter scheduling: batches per step from an epoch (counted from 0) on.
  public init(_ scheduling: [Int: Int]) {
    for (epoch, batches) in scheduling {
      require(
        epoch >= 0 && batches >= 1, "GradientAccumulationScheduler",
        "epochs count from 0 and batches from 1, got \(epoch): \(batches)")
    }
    self.scheduling = scheduling
  }

  public override func onTrainEpochStart(_ trainer: Trainer, _ model: Module) {
    let begun = scheduling.keys.filter { $0 <= trainer.currentEpoch }.max()
    if let begun, let batches = scheduling[begun] { trainer.accumulateGradBatches = batches }
  }
}
