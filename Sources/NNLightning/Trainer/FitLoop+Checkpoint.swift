import NNCore
import NNData
import NNLayers

extension FitLoop: ActiveFit {
  func checkpoint() throws -> Checkpoint {
    require(
      accumulation.isEmpty && !isInsideStep, "Trainer.checkpoint",
      "called in the middle of a step; override onStepBoundary, where a step is complete")
    try checkSteps()
    var checkpoint = Checkpoint(model: model.stateDict())
    checkpoint.optimizer = optimizer.stateDict()
    checkpoint.schedulers = schedules.map { $0.scheduler.stateDict() }
    checkpoint.progress = trainer.progress
    // A fit that ended in the middle of an epoch has let go of the pass, and shown metrics of a part of it.
    let boundary = isOver ? atBoundary : nil
    let random = boundary?.random ?? randomState
    checkpoint.metrics = boundary?.metrics ?? trainer.callbackMetrics
    var generators = random.own
    generators["default"] = random.isolated.state
    checkpoint.processes = try trainer.strategy.gathered(
      ProcessState(
        generators: generators,
        loaders: Dictionary(uniqueKeysWithValues: zip(loaders.map(\.name), random.isolated.snapshots)),
        outputs: SavedOutputs(outputs), log: context.epochLog.saved()))
    checkpoint.schedulePlan = schedulePlan
    checkpoint.metricIsNew = boundary?.metricIsNew ?? metricIsNew
    if let model = model as? any HasHyperparameters {
      checkpoint.hyperparametersJSON = try SavedState.encode(model.hyperparameters)
    }
    for (key, callback) in keyedCallbacks { checkpoint.callbacks[key] = try callback.state() }
    try checkState(checkpoint.model)
    try trainer.notify { try $0.onSaveCheckpoint(trainer, model, checkpoint: &checkpoint) }
    return checkpoint
  }

  /// In the order of `randomState`.
  private var loaders: [(name: String, loader: any ResumableLoader)] {
    [("train", loader as? any ResumableLoader), ("validation", validation?.loader)]
      .compactMap { name, loader in loader.map { (name, $0) } }
  }

  /// Callbacks by key; those with the same one are numbered.
  private var keyedCallbacks: [(key: String, callback: Callback)] {
    var counts: [String: Int] = [:]
    return trainer.callbacks.map { callback in
      let count = (counts[callback.stateKey] ?? 0) + 1
      counts[callback.stateKey] = count
      return (count == 1 ? callback.stateKey : "\(callback.stateKey) \(count)", callback)
    }
  }

  /// Takes over a checkpoint. If any part of it does not fit, model, optimizer and schedules are as before.
  func restore(_ checkpoint: Checkpoint, restartsSchedules: Bool) throws {
    if !restartsSchedules, let plan = checkpoint.schedulePlan, let error = schedulesDiffer(from: plan) {
      throw error
    }
    let rates = zip(optimizer.initialLearningRates, optimizer.learningRates).map { $0 ?? $1 }
    let before = (
      model: model.stateDict(), optimizer: optimizer.stateDict(),
      schedulers: schedules.map { $0.scheduler.stateDict() }
    )
    var differences: [String] = []
    func attempt(_ body: () throws -> Void) {
      do { try body() } catch { differences.append("\(error)") }
    }
    attempt { try model.loadStateDict(checkpoint.model) }
    if let size = checkpoint.progress.batchSize { attempt { try useBatchSize(size) } }
    attempt { try optimizer.loadStateDict(checkpoint.optimizer) }
    if restartsSchedules {
      // They come from the optimizer that is restored.
    } else if checkpoint.schedulers.count == schedules.count {
      for (schedule, state) in zip(schedules, checkpoint.schedulers) {
        attempt { try schedule.scheduler.loadStateDict(state) }
      }
    } else {
      differences.append("schedules: expected \(schedules.count), found \(checkpoint.schedulers.count)")
    }
    let (rank, count, saved) = (trainer.strategy.rank, trainer.strategy.count, checkpoint.processes)
    let own = saved[rank < saved.count ? rank : 0]
    if saved.count != count, checkpoint.progress.batch > 0 {
      differences.append(
        "processes: expected \(count), found \(saved.count) in the middle of an epoch")
    }
    for (name, loader) in loaders {
      if let snapshot = own.loaders[name] {
        attempt { try loader.restore(snapshot) }
      } else {
        differences.append("loaders: expected the position of \(name), found none")
      }
    }
    let limit = try trainer.limitTrainBatches.batches(of: loader.batchCount)
    if let limit,
      checkpoint.progress.batch > limit
        || (checkpoint.progress.batch == limit && limit > 0 && !checkpoint.progress.isEpochComplete)
    {
      differences.append(
        "epoch: expected fewer than \(limit) batches done, found \(checkpoint.progress.batch)")
    }
    for name in trainer.generators.keys.sorted() + ["default"] where own.generators[name] == nil {
      differences.append("generators: expected the state of \(name), found none")
    }
    if differences.isEmpty {
      for (key, callback) in keyedCallbacks {
        if let state = checkpoint.callbacks[key] { attempt { try callback.loadState(state) } }
      }
    }
    guard differences.isEmpty else {
      try model.loadStateDict(before.model)
      try optimizer.loadStateDict(before.optimizer)
      for (schedule, state) in zip(schedules, before.schedulers) {
        try schedule.scheduler.loadStateDict(state)
      }
      throw CheckpointError.doesNotFit(file: trainer.resumedFile, differences: differences)
    }
    if restartsSchedules { makeSchedulesAnew(from: rates) }
    if checkpoint.metricIsNew.count == schedules.count { metricIsNew = checkpoint.metricIsNew }
    trainer.progress = checkpoint.progress
    trainer.progress.stopRequest = checkpoint.progress.stopRequest.map { printable($0) }
    trainer.callbackMetrics = checkpoint.metrics
    outputs = own.outputs.outputs
    context.epochLog = EpochLog(own.log)
    generatorsToRestore = own.generators
    if saved.count != count {
      trainer.note(
        "The checkpoint is of \(saved.count) processes, and this fit has \(count): batches and random numbers are "
          + "others from here on.")
    }
  }

  /// Sets the generators of a resumed fit where they were; does nothing the next time.
  func restoreGenerators() {
    for (name, state) in generatorsToRestore {
      (name == "default" ? Generator.default : trainer.generators[name])?.state = state
    }
    generatorsToRestore = [:]
  }
}
