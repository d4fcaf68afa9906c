import NNCore
import NNData
import NNLayers

// One training batch: its gradients, and the optimizer step that they are for.
extension FitLoop {
  func runBatch(_ batch: Model.TrainBatch, index: Int, isLast: Bool) throws {
    let start = clock.now
    isInsideStep = true
    try trainer.notify { try $0.onTrainBatchStart(trainer, model, batchIndex: index) }
    let size = trainer.batchSize(of: batch)
    context.begin(batch: index, size: size)
    context.epoch = trainer.currentEpoch
    context.globalStep = trainer.globalStep
    let steppedBefore = trainer.globalStep
    let part = trainer.strategy.part(ofBatch: index, in: loader)
    trainer.sizeUnderWay = size
    let output = try repeating { try takeStep(batch, size: size, isLast: isLast, part) }
    trainer.sizeUnderWay = nil
    trainer.stepMemory?.note(size, on: trainer.device)
    if part == .spare { context.begin(batch: index, size: size) }
    context.commitEpochValues()
    var metrics: Metrics = [:]
    if let output {
      if part != .spare { outputs.append(output) }
      metrics = output.metrics
      metrics.merge(context.stepMetrics)
      trainer.record(metrics)
    }
    for name in context.progressBarNames {
      if let number = metrics.number(name) { trainer.progressBarMetrics.set(name, number) }
    }
    if let problem = context.epochLog.problem {
      throw CheckpointError.invalid("the log of the epoch", problem)
    }
    trainer.progress.batch += 1
    trainer.progress.totalBatches += 1
    trainer.timings.training += seconds(since: start)
    if trainer.globalStep > steppedBefore, trainer.globalStep % trainer.logInterval == 0 {
      if !trainer.loggers.isEmpty { try checkSteps() }
      try trainer.log(metrics)
    }
    try checkManySteps()
    if let output {
      try trainer.notify { try $0.onTrainBatchEnd(trainer, model, output: output, batchIndex: index) }
    }
    if isLast { try closeEpochMetrics() }
    if try isValidationDue(isLast: isLast) { trainer.progress.isValidationPending = true }
  }

  /// The step on one batch; nil if the batch is left out.
  private func takeStep(
    _ batch: Model.TrainBatch, size: Int, isLast: Bool, _ part: BatchPart
  ) throws -> StepOutput? {
    // A last batch of one, of which no statistics can be computed, is left out as with `dropLast`: nothing of it stays.
    // Where others wait for its gradients it cannot be.
    let isLeftover = size == 1 && isLast && trainer.progress.batch > 0 && part != .own
    let before = (buffers: buffers.map { $0.value }, random: randomState, isBoundary: accumulation.isEmpty)
    func undo() {
      for (buffer, value) in zip(buffers, before.buffers) { buffer.value = value }
      before.random.restoreGenerators(trainer)
      context.begin(batch: context.batchIndex, size: size)
    }
    do {
      var output: StepOutput
      if model.automaticOptimization {
        output = try optimize(batch, size: size, isLast: isLast, part)
      } else {
        output = try trainingStep(batch)
        if let loss = output["loss"] { try checkLoss(loss, of: batch) }
        trainer.progress.globalStep += 1
        try stepSchedules(.step)
      }
      output = output.detached()
      if output.batchSize == nil { output.batchSize = size }
      return output
    } catch let problem as DataProblem {
      let error = trainer.dataError(problem, .fit, batch: trainer.progress.batch, of: loader)
      undo()
      if problem.kind == .memory {
        // Some of the gradients may have got no memory.
        optimizer.zeroGrad()
        if before.isBoundary, !isStepping { accumulation = GradientAccumulation() }
      }
      guard problem.kind == .singleValue, isLeftover else {
        // Unless the optimizer has seen the batch, this is the last boundary again.
        if before.isBoundary, !isStepping { isInsideStep = false }
        throw error
      }
      if !toldOfSingleSample {
        toldOfSingleSample = true
        trainer.note(
          "The last batch of an epoch is a single sample, with which batch normalisation cannot be trained: it is left "
            + "out, as dropLast: true does.")
      }
      if !accumulation.isEmpty { try finishAccumulation(of: batch) }
      return nil
    }
  }

  private func trainingStep(_ batch: Model.TrainBatch) throws -> StepOutput {
    try trainer.checkedStep {
      defer { pass?.afterBatch() }
      return try withDefaultGenerator(stepGenerator ?? .default) {
        guard let pass else { return try model.trainingStep(batch, context: context) }
        return try pass.run { try model.trainingStep(batch, context: context) }
      }
    }
  }

  /// Gradients of one batch, and a step if they are complete.
  private func optimize(
    _ batch: Model.TrainBatch, size: Int, isLast: Bool, _ part: BatchPart
  ) throws -> StepOutput {
    if accumulation.isEmpty {
      try trainer.notify { try $0.onBeforeZeroGrad(trainer, model, optimizer: optimizer) }
      optimizer.zeroGrad()
    }
    let output = try trainingStep(batch)
    guard let loss = output["loss"] else { throw TrainerError.noLoss(names: output.entries.map(\.name)) }
    guard loss.requiresGrad else { throw TrainerError.lossWithoutGradient }
    try checkLoss(loss, of: batch)
    try trainer.notify { try $0.onBeforeBackward(trainer, model, loss: loss) }
    let completes = accumulation.batches + 1 >= trainer.accumulateGradBatches || isLast
    // Gradients of several batches are scaled behind the last one.
    let samples = part == .spare ? 0 : output.batchSize ?? size
    let final = completes && accumulation.isEmpty ? samples : nil
    accumulation.add(loss, samples: samples) { trainer.strategy.backward($0, completing: final) }
    try trainer.checkData()
    try trainer.notify { try $0.onAfterBackward(trainer, model) }
    if completes { try finishAccumulation(of: batch) }
    return output
  }

  /// The optimizer step of the gradients so far, the last of which are those of `batch`.
  private func finishAccumulation(of batch: Model.TrainBatch) throws {
    let samples = accumulation.samples
    accumulation.finish(optimizer.parameters)
    try trainer.strategy.averageGradients(of: optimizer.parameters, samples: samples)
    try trainer.notify { try $0.onBeforeOptimizerStep(trainer, model, optimizer: optimizer) }
    switch trainer.gradientClip {
    case .norm(let limit): try clipGradients(to: limit, of: batch)
    case .value(let limit):
      clipGradValue(optimizer.parameters, clipValue: limit)
      try checkGradients(of: batch)
    case nil: try checkGradients(of: batch)
    }
    try trainer.checkData()
    isStepping = true
    optimizer.step()
    try trainer.checkData()
    isStepping = false
    trainer.progress.globalStep += 1
    try stepSchedules(.step)
  }
}
