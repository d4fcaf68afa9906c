import NNCore
import NNData
import NNLayers

/// How a fit ended.
public struct FitResult: Sendable {
  /// Metrics at the end.
  public let metrics: Metrics
  /// Epochs that were begun.
  public let epochs: Int
  /// Optimizer steps.
  public let steps: Int
  /// Why it ended before its last epoch, nil if it did not.
  public let stopReason: String?
}

extension Trainer {
  /// The training loop: epochs of batches, a validation behind each epoch.
  func fitLoop<Model: TrainStep>(
    _ model: Model, _ loader: any BatchLoader<Model.TrainBatch>, validate: (() throws -> Void)?
  ) throws -> FitResult {
    try run(model) {
      isFitting = true
      defer { isFitting = false }
      (stopReason, globalStep, currentEpoch) = (nil, 0, 0)
      let optimizer = model.configureOptimizers()
      self.optimizer = optimizer
      schedules = model.configureSchedulers(for: optimizer)
      try notify { try $0.onFitStart(self, model) }
      for epoch in 0..<maxEpochs {
        currentEpoch = epoch
        try trainEpoch(model, loader, optimizer)
        if !isInterrupted {
          try validate?()
          stepSchedules(.epoch)
        }
        try notify { try $0.onTrainEpochEnd(self, model) }
        if stopReason != nil { break }
      }
      try notify { try $0.onFitEnd(self, model) }
      return FitResult(
        metrics: callbackMetrics, epochs: currentEpoch + 1, steps: globalStep, stopReason: stopReason)
    }
  }

  private func trainEpoch<Model: TrainStep>(
    _ model: Model, _ loader: any BatchLoader<Model.TrainBatch>, _ optimizer: any Optimizer
  ) throws {
    model.train()
    batchCount = loader.batchCount
    try notify { try $0.onTrainEpochStart(self, model) }
    var outputs: [StepOutput] = []
    try forEachBatch(loader) { batch, index in
      try notify { try $0.onTrainBatchStart(self, model, batchIndex: index) }
      optimizer.zeroGrad()
      var output = try model.trainingStep(batch, batchIndex: index)
      guard let loss = output["loss"] else { throw TrainerError.noLoss(names: output.entries.map(\.name)) }
      guard loss.requiresGrad else { throw TrainerError.lossWithoutGradient }
      loss.backward()
      try notify { try $0.onBeforeOptimizerStep(self, model, optimizer: optimizer) }
      optimizer.step()
      stepSchedules(.step)
      globalStep += 1
      output = output.detached()
      if output.batchSize == nil { output.batchSize = batchSize(of: batch) }
      outputs.append(output)
      callbackMetrics.merge(output.metrics)
      try notify { try $0.onTrainBatchEnd(self, model, output: output, batchIndex: index) }
      if isInterrupted { stop("interrupted") }
      return !isInterrupted
    }
    if !outputs.isEmpty { callbackMetrics.merge(model.trainingEnd(outputs).metrics) }
  }

  private func stepSchedules(_ interval: ScheduledRate.Interval) {
    for schedule in schedules where schedule.interval == interval {
      if let monitor = schedule.monitor, let value = callbackMetrics[monitor] {
        schedule.scheduler.step(metric: value)
      } else {
        schedule.scheduler.step()
      }
    }
  }

  /// Runs `body` over the batches until it returns false.
  func forEachBatch<Batch>(
    _ loader: any BatchLoader<Batch>, _ body: (Batch, Int) throws -> Bool
  ) throws {
    var iterator = loader.makeBatchIterator()
    var index = 0
    while let batch = try iterator.next() {
      if try !body(batch, index) { return }
      index += 1
    }
  }

  /// One pass without gradients in evaluation mode; the modules' modes are restored behind it.
  func evaluate<Batch>(
    _ model: Module, _ loader: any BatchLoader<Batch>, _ body: (Batch, Int) throws -> Void
  ) throws {
    batchCount = loader.batchCount
    try model.evaluating {
      try forEachBatch(loader) { batch, index in
        try noGrad { try body(batch, index) }
        return !isInterrupted
      }
    }
  }

  func batchSize<Batch>(of batch: Batch) -> Int { (batch as? any SizedBatch)?.batchSize ?? 1 }
}
