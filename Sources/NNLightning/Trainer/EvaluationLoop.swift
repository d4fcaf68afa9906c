import NNCore
import NNData
import NNLayers

extension Trainer {
  /// One pass without gradients in evaluation mode: the loop of `validate`, `test`, `predict` and of the validations
  /// of a fit. The modules' modes are restored behind it. Several processes agree when the pass is over, so their shares
  /// need not have the same number of batches.
  ///
  /// - Parameter isSanityCheck: no hooks, and no metrics kept.
  /// - Returns: the metrics; nil if the pass belongs to a fit and was interrupted.
  func evaluate<Batch>(
    _ stage: RunningStage, _ model: Module, _ loader: any BatchLoader<Batch>, limit: Limit,
    isSanityCheck: Bool = false,
    step: (Batch, StepContext) throws -> StepOutput, end: ([StepOutput]) -> StepOutput
  ) throws -> Metrics? {
    let count = try limit.batches(of: loader.batchCount)
    let context = StepContext(stage: stage)
    context.epoch = currentEpoch
    context.globalStep = globalStep
    batchCount = count
    if !isSanityCheck { try notify { try $0.onEvaluationStart(stage, self, model) } }
    try strategy.shareState(of: model, buffersOnly: isFitting)
    var outputs: [StepOutput] = []
    let pass = beginPass(
      StepPass(stage: stage, model: model, loader: loader, device: device, isSanityCheck: isSanityCheck))
    defer { pass.end() }
    deliver(loader)
    try model.evaluating {
      var batches = loader.makeBatchIterator()
      var index = 0
      func next() throws -> Batch? {
        do { return try batches.next() } catch { throw dataError(error, stage, batch: index, of: loader) }
      }
      while index < count ?? .max, !isInterrupted, let batch = try next().map(moved) {
        if !isSanityCheck { try notify { try $0.onEvaluationBatchStart(stage, self, model, index) } }
        let size = batchSize(of: batch)
        sizeUnderWay = size
        context.begin(batch: index, size: size)
        var output: StepOutput
        do {
          output = try checkedStep { try noGrad { try pass.run { try step(batch, context) } }.detached() }
        } catch let problem as DataProblem {
          throw dataError(problem, stage, batch: index, of: loader)
        }
        context.commitEpochValues()
        pass.afterBatch()
        sizeUnderWay = nil
        if output.batchSize == nil { output.batchSize = size }
        outputs.append(output)
        if !isSanityCheck {
          record(context.stepMetrics)
          try notify { try $0.onEvaluationBatchEnd(stage, self, model, output, index) }
        }
        index += 1
      }
    }
    (loader as? any ResumableLoader)?.endPass()
    let wasInterrupted = try agreeOnInterrupt()
    if isFitting, stage == .validate, wasInterrupted {
      if !isSanityCheck { try notify { try $0.onValidationInterrupted(self, model) } }
      return nil
    }
    let all = try PassResults(outputs, context.epochLog, strategy)
    if all.outputs.isEmpty, count != 0 || loader.batchCount == 0, !wasInterrupted {
      throw TrainerError.emptyLoader(stage: stage.dataName)
    }
    var metrics = all.outputs.isEmpty ? [:] : noGrad { end(all.outputs) }.metrics
    metrics.merge(all.log.metrics)
    metrics = try strategy.first(metrics)
    if !isSanityCheck {
      record(metrics)
      tellNonFinite(metrics, stage)
      for name in context.progressBarNames { progressBarMetrics[name] = callbackMetrics[name] }
      try log(metrics)
      try notify { try $0.onEvaluationEnd(stage, self, model) }
    }
    return metrics
  }

  /// Says which losses of an evaluation are no numbers to go by.
  private func tellNonFinite(_ metrics: Metrics, _ stage: RunningStage) {
    for (name, value) in metrics where !value.isFinite && name.hasSuffix("loss") {
      note("Warning: \(printable(name)) is \(value) in this \(stage.dataName) pass.")
    }
  }

  func batchSize<Batch>(of batch: Batch) -> Int { (batch as? any SizedBatch)?.batchSize ?? 1 }
}

/// The validation of a fit, whatever its batches are.
struct ValidationPass {
  let loader: (any ResumableLoader)?
  let declaredMetrics: [MetricKey]
  let run: (_ limit: Limit, _ isSanityCheck: Bool) throws -> Metrics?
  let batchCount: Int?
  /// Calls `body` with the batches until it returns false.
  let forEach: (_ body: (Any) throws -> Bool) throws -> Void
}
