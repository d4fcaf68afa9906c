import NNCore
import NNData
import NNLayers

// Training steps besides the fit, for callbacks that measure or search.

extension FitLoop {
  var trainingLoader: Any { loader }
  var trainingBatchCount: Int? { try? trainer.limitTrainBatches.batches(of: loader.batchCount) }

  /// Gives all groups of the optimizer a learning rate and makes the schedules anew, which start from it.
  func restartSchedules(learningRate: Double) {
    let groups = optimizer.learningRates.count
    optimizer.learningRates = Array(repeating: learningRate, count: groups)
    optimizer.initialLearningRates = Array(repeating: nil, count: groups)
    schedules = model.configureSchedulers(for: optimizer)
    trainer.schedules = schedules
    metricIsNew = schedules.map { _ in false }
  }

  /// Runs up to `steps` training steps without hooks and metrics, and then puts model, optimizer, schedules,
  /// generators and loader back to where they were.
  ///
  /// - Parameters:
  ///   - before: called before each step, with its batch.
  ///   - onLoss: called with the loss before it is differentiated.
  ///   - after: called with the value of the loss of each step; false ends the rehearsal.
  func rehearse(
    steps: Int, before: (_ step: Int, _ batch: Any) throws -> Void,
    onLoss: (_ step: Int, _ loss: Tensor) -> Void, after: (_ step: Int, _ loss: Double) throws -> Bool
  ) throws {
    let model = self.model.stateDict()
    let optimizer = self.optimizer.stateDict()
    let schedules = self.schedules.map { $0.scheduler.stateDict() }
    let generators = trainer.generators.mapValues(\.state)
    let wasTraining = self.model.modules.map(\.isTraining)
    let random = IsolatedState([loader as? any ResumableLoader])
    func putBack() throws {
      try random.restore()
      for (module, mode) in zip(self.model.modules, wasTraining) where !mode { module.eval() }
      self.optimizer.zeroGrad()
      try self.model.loadStateDict(model)
      try self.optimizer.loadStateDict(optimizer)
      for (schedule, state) in zip(self.schedules, schedules) { try schedule.scheduler.loadStateDict(state) }
      for (name, state) in generators { trainer.generators[name]?.state = state }
    }
    do {
      self.model.train()
      var batches = loader.makeBatchIterator()
      let context = StepContext()
      context.optimizers = self.context.optimizers
      steps: for step in 0..<steps {
        func next() throws -> Model.TrainBatch? {
          do { return try batches.next() } catch {
            throw trainer.dataError(error, .fit, batch: step, of: loader)
          }
        }
        var batch = try next()
        if batch == nil {
          batches = loader.makeBatchIterator()
          batch = try next()
        }
        guard let batch = try batch.map(trainer.moved) else { throw TrainerError.noBatches }
        context.begin(batch: step, size: trainer.batchSize(of: batch))
        try before(step, batch)
        if self.model.automaticOptimization { self.optimizer.zeroGrad() }
        let output: StepOutput
        do {
          output = try trainer.checkedStep { try self.model.trainingStep(batch, context: context) }
        } catch let problem as DataProblem {
          // What training leaves out, see `takeStep`.
          if problem.kind == .singleValue, context.batchSize == 1, step > 0 { continue }
          throw trainer.dataError(problem, .fit, batch: step, of: loader)
        }
        guard let loss = output["loss"] else { throw TrainerError.noLoss(names: output.entries.map(\.name)) }
        onLoss(step, loss)
        if self.model.automaticOptimization {
          guard loss.requiresGrad else { throw TrainerError.lossWithoutGradient }
          loss.backward()
          self.optimizer.step()
        }
        if try !after(step, loss.detach().item()) { break steps }
      }
    } catch {
      try putBack()
      throw error
    }
    try putBack()
  }

  /// Calls `body` with validation batches until it returns false, and puts loader and generators back.
  func forEachValidationBatch(_ body: (Any) throws -> Bool) throws {
    guard let validation else { return }
    try isolated([validation.loader]) {
      try validation.forEach(body)
      validation.loader?.endPass()
    }
  }

  /// Runs the training step over one pass without gradients and without changing anything but what the step itself
  /// changes: running statistics.
  func forwardPass(_ around: (_ step: () throws -> Void) throws -> Void) throws {
    let limit = try trainer.limitTrainBatches.batches(of: loader.batchCount) ?? .max
    var batches = loader.makeBatchIterator()
    let context = StepContext()
    context.optimizers = self.context.optimizers
    var index = 0
    while index < limit, let batch = try batches.next().map(trainer.moved) {
      context.begin(batch: index, size: trainer.batchSize(of: batch))
      try around {
        do {
          _ = try trainer.checkedStep { try noGrad { try model.trainingStep(batch, context: context) } }
        } catch let problem as DataProblem
          where problem.kind == .singleValue && context.batchSize == 1 && index > 0
        {
        }
      }
      index += 1
    }
    (loader as? any ResumableLoader)?.endPass()
  }
}
