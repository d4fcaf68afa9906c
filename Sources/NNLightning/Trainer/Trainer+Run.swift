import NNCore
import NNData
import NNLayers

// The entry points. Loaders come one by one, in a data module, or with the model itself.

extension Trainer {
  // MARK: Fit

  /// Trains for at most `maxEpochs` epochs.
  @discardableResult
  public func fit<Model: TrainStep>(
    _ model: Model, train: any BatchLoader<Model.TrainBatch>
  ) throws -> FitResult {
    try fitLoop(model, train, validate: nil)
  }

  /// Trains for at most `maxEpochs` epochs and validates after each.
  @discardableResult
  public func fit<Model: TrainStep & ValidationStep>(
    _ model: Model, train: any BatchLoader<Model.TrainBatch>,
    validation: any BatchLoader<Model.ValidationBatch>
  ) throws -> FitResult {
    try fitLoop(model, train) { try self.validationPass(model, validation) }
  }

  /// Trains with the loaders of a data module.
  @discardableResult
  public func fit<Model: TrainStep, Data: DataModule<Model.TrainBatch>>(
    _ model: Model, _ data: Data
  ) throws -> FitResult {
    try data.prepareData()
    return try fit(model, train: loader("training", data.trainLoader()))
  }

  /// Trains with the loaders of a data module, and validates if it has a validation loader.
  @discardableResult
  public func fit<Model: TrainStep & ValidationStep, Data: DataModule<Model.TrainBatch>>(
    _ model: Model, _ data: Data
  ) throws -> FitResult where Model.ValidationBatch == Model.TrainBatch {
    try data.prepareData()
    let train = try loader("training", data.trainLoader())
    guard let validation = try data.validationLoader() else { return try fit(model, train: train) }
    return try fit(model, train: train, validation: validation)
  }

  /// Trains a model that brings its own loaders.
  @discardableResult
  public func fit<Model: TrainStep & DataModule>(_ model: Model) throws -> FitResult
  where Model.Batch == Model.TrainBatch {
    try fit(model, model)
  }

  /// Trains and validates a model that brings its own loaders.
  @discardableResult
  public func fit<Model: TrainStep & ValidationStep & DataModule>(_ model: Model) throws -> FitResult
  where Model.Batch == Model.TrainBatch, Model.ValidationBatch == Model.TrainBatch {
    try fit(model, model)
  }

  // MARK: Validate

  /// One pass over validation data; returns its metrics, which are in `callbackMetrics` too.
  @discardableResult
  public func validate<Model: ValidationStep>(
    _ model: Model, _ loader: any BatchLoader<Model.ValidationBatch>
  ) throws -> Metrics {
    try run(model) { try validationPass(model, loader) }
  }

  @discardableResult
  public func validate<Model: ValidationStep, Data: DataModule<Model.ValidationBatch>>(
    _ model: Model, _ data: Data
  ) throws -> Metrics {
    try data.prepareData()
    return try validate(model, loader("validation", data.validationLoader()))
  }

  @discardableResult
  private func validationPass<Model: ValidationStep>(
    _ model: Model, _ loader: any BatchLoader<Model.ValidationBatch>
  ) throws -> Metrics {
    batchCount = loader.batchCount
    try notify { try $0.onValidationStart(self, model) }
    var outputs: [StepOutput] = []
    try evaluate(model, loader) { batch, index in
      var output = try model.validationStep(batch, batchIndex: index).detached()
      if output.batchSize == nil { output.batchSize = batchSize(of: batch) }
      outputs.append(output)
      try notify { try $0.onValidationBatchEnd(self, model, output: output, batchIndex: index) }
    }
    let metrics = outputs.isEmpty ? [:] : noGrad { model.validationEnd(outputs) }.metrics
    callbackMetrics.merge(metrics)
    try notify { try $0.onValidationEnd(self, model) }
    return metrics
  }

  // MARK: Test

  /// One pass over test data; returns its metrics, which are in `callbackMetrics` too.
  @discardableResult
  public func test<Model: TestStep>(_ model: Model, _ loader: any BatchLoader<Model.TestBatch>) throws
    -> Metrics
  {
    try run(model) {
      batchCount = loader.batchCount
      try notify { try $0.onTestStart(self, model) }
      var outputs: [StepOutput] = []
      try evaluate(model, loader) { batch, index in
        var output = try model.testStep(batch, batchIndex: index).detached()
        if output.batchSize == nil { output.batchSize = batchSize(of: batch) }
        outputs.append(output)
        try notify { try $0.onTestBatchEnd(self, model, output: output, batchIndex: index) }
      }
      let metrics = outputs.isEmpty ? [:] : noGrad { model.testEnd(outputs) }.metrics
      callbackMetrics.merge(metrics)
      try notify { try $0.onTestEnd(self, model) }
      return metrics
    }
  }

  @discardableResult
  public func test<Model: TestStep, Data: DataModule<Model.TestBatch>>(
    _ model: Model, _ data: Data
  ) throws -> Metrics {
    try data.prepareData()
    return try test(model, loader("test", data.testLoader()))
  }

  @discardableResult
  public func test<Model: TestStep & DataModule>(_ model: Model) throws -> Metrics
  where Model.Batch == Model.TestBatch {
    try test(model, model)
  }

  // MARK: Predict

  /// The predictions for each batch, in order.
  public func predict<Model: PredictStep>(
    _ model: Model, _ loader: any BatchLoader<Model.PredictBatch>
  ) throws -> [Model.Prediction] {
    try run(model) {
      batchCount = loader.batchCount
      try notify { try $0.onPredictStart(self, model) }
      var predictions: [Model.Prediction] = []
      try evaluate(model, loader) { batch, index in
        predictions.append(try model.predictStep(batch, batchIndex: index))
        try notify { try $0.onPredictBatchEnd(self, model, batchIndex: index) }
      }
      try notify { try $0.onPredictEnd(self, model) }
      return predictions
    }
  }

  public func predict<Model: PredictStep, Data: DataModule<Model.PredictBatch>>(
    _ model: Model, _ data: Data
  ) throws -> [Model.Prediction] {
    try data.prepareData()
    return try predict(model, loader("prediction", data.predictLoader()))
  }

  private func loader<Batch>(
    _ stage: String, _ loader: (any BatchLoader<Batch>)?
  ) throws -> any BatchLoader<Batch> {
    guard let loader else { throw TrainerError.noLoader(stage: stage) }
    return loader
  }
}
