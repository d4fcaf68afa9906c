import Foundation
import NNCore
import NNData
import NNLayers

// The entry points. Loaders come one by one, in a data module, or with the model itself.

/// Where a fit goes on.
public enum Resume: Sendable, Equatable {
  /// From the start.
  case never
  /// From the last checkpoint of the run's `ModelCheckpoint`; from the start if there is none yet.
  case last
  /// From a checkpoint file.
  case from(String)
}

extension Trainer {
  // MARK: Fit

  /// Trains for at most `maxEpochs` epochs.
  ///
  /// A resumed fit ends with the very bits that the run would have ended with, had it not been interrupted: same
  /// model, loaders, callbacks and settings provided.
  ///
  /// - Parameters:
  ///   - resume: where the fit goes on.
  ///   - restartSchedules: makes the learning-rate schedules of a resumed fit anew, from the optimizer's first learning
  ///     rates, where it would go on with the checkpoint's: for more epochs than those were made for.
  /// - Throws: what steps and callbacks throw; `TrainerError`, with `.data` for what is wrong with data and `.notFinite`
  ///   for numbers that are none; `CheckpointError` if the checkpoint to resume
  ///   from belongs to something else.
  @discardableResult
  public func fit<Model: TrainStep>(
    _ model: Model, train: any BatchLoader<Model.TrainBatch>, resume: Resume = .never,
    restartSchedules: Bool = false
  ) throws -> FitResult {
    try fit(model, train, nil, resume, restartSchedules)
  }

  /// Trains for at most `maxEpochs` epochs and validates after each, or as `validationInterval` says.
  @discardableResult
  public func fit<Model: TrainStep & ValidationStep>(
    _ model: Model, train: any BatchLoader<Model.TrainBatch>,
    validation: any BatchLoader<Model.ValidationBatch>, resume: Resume = .never,
    restartSchedules: Bool = false
  ) throws -> FitResult {
    let validation = try strategy.share(of: validation, for: .validate)
    let pass = ValidationPass(
      loader: validation as? any ResumableLoader, declaredMetrics: model.validationMetrics,
      run: { try self.validationPass(model, validation, limit: $0, isSanityCheck: $1) },
      batchCount: validation.batchCount,
      forEach: { body in
        var batches = validation.makeBatchIterator()
        var index = 0
        func next() throws -> Model.ValidationBatch? {
          do { return try batches.next() } catch {
            throw self.dataError(error, .validate, batch: index, of: validation)
          }
        }
        while let batch = try next().map(self.moved), try body(batch) { index += 1 }
        try self.checkData()
      })
    return try fit(model, train, pass, resume, restartSchedules)
  }

  private func fit<Model: TrainStep>(
    _ model: Model, _ train: any BatchLoader<Model.TrainBatch>, _ validation: ValidationPass?,
    _ resume: Resume, _ restartSchedules: Bool
  ) throws -> FitResult {
    try run(model, .fit) {
      let checkpoint = try self.checkpoint(resume)
      return try FitLoop(self, model, train, validation)
        .run(checkpoint, restartsSchedules: restartSchedules)
    }
  }

  /// Trains with the loaders of a data module.
  @discardableResult
  public func fit<Model: TrainStep, Data: DataModule<Model.TrainBatch>>(
    _ model: Model, _ data: Data, resume: Resume = .never,
    restartSchedules: Bool = false
  ) throws -> FitResult {
    try prepare(data)
    return try fit(
      model, train: loader("training", data.trainLoader()), resume: resume, restartSchedules: restartSchedules
    )
  }

  /// Trains with the loaders of a data module, and validates if it has a validation loader.
  @discardableResult
  public func fit<Model: TrainStep & ValidationStep, Data: DataModule<Model.TrainBatch>>(
    _ model: Model, _ data: Data, resume: Resume = .never,
    restartSchedules: Bool = false
  ) throws -> FitResult where Model.ValidationBatch == Model.TrainBatch {
    try prepare(data)
    let train = try loader("training", data.trainLoader())
    guard let validation = try data.validationLoader() else {
      return try fit(model, train: train, resume: resume, restartSchedules: restartSchedules)
    }
    return try fit(
      model, train: train, validation: validation, resume: resume, restartSchedules: restartSchedules)
  }

  /// Trains a model that brings its own loaders.
  @discardableResult
  public func fit<Model: TrainStep & DataModule>(
    _ model: Model, resume: Resume = .never,
    restartSchedules: Bool = false
  ) throws -> FitResult where Model.Batch == Model.TrainBatch {
    try fit(model, model, resume: resume, restartSchedules: restartSchedules)
  }

  /// Trains and validates a model that brings its own loaders.
  @discardableResult
  public func fit<Model: TrainStep & ValidationStep & DataModule>(
    _ model: Model, resume: Resume = .never,
    restartSchedules: Bool = false
  ) throws -> FitResult where Model.Batch == Model.TrainBatch, Model.ValidationBatch == Model.TrainBatch {
    try fit(model, model, resume: resume, restartSchedules: restartSchedules)
  }

  // MARK: Validate

  /// One pass over validation data; returns its metrics, which are in `callbackMetrics` too. After Ctrl-C they are
  /// those of the batches seen.
  @discardableResult
  public func validate<Model: ValidationStep>(
    _ model: Model, _ loader: any BatchLoader<Model.ValidationBatch>
  ) throws -> Metrics {
    try run(model, .validate) {
      let loader = try strategy.share(of: loader, for: .validate)
      return try validationPass(model, loader, limit: limitValidationBatches, isSanityCheck: false) ?? [:]
    }
  }

  @discardableResult
  public func validate<Model: ValidationStep, Data: DataModule<Model.ValidationBatch>>(
    _ model: Model, _ data: Data
  ) throws -> Metrics {
    try prepare(data)
    return try validate(model, loader("validation", data.validationLoader()))
  }

  private func validationPass<Model: ValidationStep>(
    _ model: Model, _ loader: any BatchLoader<Model.ValidationBatch>, limit: Limit, isSanityCheck: Bool
  ) throws -> Metrics? {
    try evaluate(.validate, model, loader, limit: limit, isSanityCheck: isSanityCheck) { batch, context in
      try model.validationStep(batch, context: context)
    } end: {
      model.validationEnd($0)
    }
  }

  // MARK: Test

  /// One pass over test data; returns its metrics, which are in `callbackMetrics` too. After Ctrl-C they are those of
  /// the batches seen.
  @discardableResult
  public func test<Model: TestStep>(_ model: Model, _ loader: any BatchLoader<Model.TestBatch>) throws
    -> Metrics
  {
    try run(model, .test) {
      let loader = try strategy.share(of: loader, for: .test)
      return try evaluate(.test, model, loader, limit: limitTestBatches) { batch, context in
        try model.testStep(batch, context: context)
      } end: {
        model.testEnd($0)
      } ?? [:]
    }
  }

  @discardableResult
  public func test<Model: TestStep, Data: DataModule<Model.TestBatch>>(
    _ model: Model, _ data: Data
  ) throws -> Metrics {
    try prepare(data)
    return try test(model, loader("test", data.testLoader()))
  }

  @discardableResult
  public func test<Model: TestStep & DataModule>(_ model: Model) throws -> Metrics
  where Model.Batch == Model.TestBatch {
    try test(model, model)
  }

  // MARK: Predict

  /// The predictions for each batch, in order; of several processes each has those of its share. Tensors among them are in the
  /// memory of the host; a type of your own comes back from another device if it is a `DeviceMovable`.
  public func predict<Model: PredictStep>(
    _ model: Model, _ loader: any BatchLoader<Model.PredictBatch>
  ) throws -> [Model.Prediction] {
    try run(model, .predict) {
      let loader = try strategy.share(of: loader, for: .predict)
      var predictions: [Model.Prediction] = []
      _ = try evaluate(.predict, model, loader, limit: limitPredictBatches) { batch, context in
        predictions.append(try model.predictStep(batch, context: context))
        // Those of the batch before: they are there by now, and nothing is waited for.
        if device != .cpu, let last = predictions.indices.dropLast().last {
          predictions[last] = NNCore.moved(predictions[last], to: .cpu)
        }
        return [:]
      } end: { _ in
        [:]
      }
      if let last = predictions.popLast() { predictions.append(NNCore.moved(last, to: .cpu)) }
      return predictions
    }
  }

  public func predict<Model: PredictStep, Data: DataModule<Model.PredictBatch>>(
    _ model: Model, _ data: Data
  ) throws -> [Model.Prediction] {
    try prepare(data)
    return try predict(model, loader("prediction", data.predictLoader()))
  }

  /// The first process downloads; the others find what it left, if they have the same files.
  private func prepare<Batch>(_ data: some DataModule<Batch>) throws {
    if strategy.count == 1 { return try data.prepareData() }
    do {
      if strategy.isWriter { try data.prepareData() }
      _ = try strategy.gather(Data())
      if !strategy.isWriter { try data.prepareData() }
    } catch {
      strategy.abort(error)
      throw error
    }
  }

  private func loader<Batch>(
    _ stage: String, _ loader: (any BatchLoader<Batch>)?
  ) throws -> any BatchLoader<Batch> {
    guard let loader else { throw TrainerError.noLoader(stage: stage) }
    return loader
  }
}
