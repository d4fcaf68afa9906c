import NNCore
import NNData
import NNLayers

// What a model can do is a conformance: `Trainer.fit` takes a `TrainStep`, `test` a `TestStep`, and so on. Each
// protocol can be adopted alone; for a `Classifier` the steps have default implementations. They are what mixin classes
// of steps are in Python, checked by the compiler.

/// A model whose call turns a batch of inputs into class scores (logits) [N, C], and that knows its loss: enough
/// for the default steps.
public protocol Classifier: CallableModule {
  /// Mean loss of scores `y` against class numbers `t` [N]; cross-entropy by default.
  func loss(_ y: Tensor, _ t: Tensor) -> Tensor
}

extension Classifier {
  public func loss(_ y: Tensor, _ t: Tensor) -> Tensor { crossEntropy(y, t) }
}

/// A model that can be trained.
public protocol TrainStep: Module {
  /// What the training loader yields.
  associatedtype TrainBatch = Sample
  /// Computes the loss of one batch; the Trainer differentiates the value named `loss` and steps the optimizer.
  /// A model whose `automaticOptimization` is false does both itself.
  func trainingStep(_ batch: TrainBatch, context: StepContext) throws -> StepOutput
  /// The optimizer, made once at the start of `fit`; several are an `OptimizerList`.
  func configureOptimizers() -> any Optimizer
  /// Learning-rate schedules of that optimizer; none by default. A `LearningRateFinder` asks for them once more when it
  /// has changed the rates.
  func configureSchedulers(for optimizer: any Optimizer) -> [ScheduledRate]
  /// Turns the outputs of an epoch into its metrics; by default their mean weighted by batch size.
  func trainingEnd(_ outputs: [StepOutput]) -> StepOutput
  /// What the step returns and logs, for callbacks to watch; `loss` by default.
  var trainingMetrics: [MetricKey] { get }
  /// Whether the Trainer differentiates the loss and steps the optimizer (the default). If not, the step does it with
  /// `context.optimizers`; each batch then counts as one step.
  var automaticOptimization: Bool { get }
}

extension TrainStep {
  public var trainingMetrics: [MetricKey] { [.loss] }
  public var automaticOptimization: Bool { true }
  public func configureSchedulers(for optimizer: any Optimizer) -> [ScheduledRate] { [] }
  public func trainingEnd(_ outputs: [StepOutput]) -> StepOutput { outputs.weightedMean() }
}

extension TrainStep where Self: Classifier, TrainBatch == Sample {
  public func trainingStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
    ["loss": loss(self(batch.input), batch.target)]
  }
}

/// A model that can be validated during training.
public protocol ValidationStep: Module {
  /// What the validation loader yields.
  associatedtype ValidationBatch = Sample
  /// Metrics of one batch, such as `["val_loss": …, "val_acc": …]`; runs in evaluation mode without gradients.
  func validationStep(_ batch: ValidationBatch, context: StepContext) throws -> StepOutput
  /// Turns the outputs of all batches into the metrics of the validation; by default their mean weighted by batch
  /// size.
  func validationEnd(_ outputs: [StepOutput]) -> StepOutput
  /// What the step returns and logs, for callbacks to watch. The sanity check before training finds these names too.
  var validationMetrics: [MetricKey] { get }
}

extension ValidationStep {
  public var validationMetrics: [MetricKey] { [] }
  public func validationEnd(_ outputs: [StepOutput]) -> StepOutput { outputs.weightedMean() }
}

extension ValidationStep where Self: Classifier, ValidationBatch == Sample {
  public var validationMetrics: [MetricKey] { [.validationLoss, .validationAccuracy] }
  public func validationStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
    let y = self(batch.input)
    return ["val_loss": loss(y, batch.target), "val_acc": accuracy(y, batch.target)]
  }
}

/// A model that can be tested.
public protocol TestStep: Module {
  /// What the test loader yields.
  associatedtype TestBatch = Sample
  /// Metrics of one batch, such as `["test_loss": …, "test_acc": …]`; runs in evaluation mode without gradients.
  func testStep(_ batch: TestBatch, context: StepContext) throws -> StepOutput
  /// Turns the outputs of all batches into the metrics of the test; by default their mean weighted by batch size.
  func testEnd(_ outputs: [StepOutput]) -> StepOutput
}

extension TestStep {
  public func testEnd(_ outputs: [StepOutput]) -> StepOutput { outputs.weightedMean() }
}

extension TestStep where Self: Classifier, TestBatch == Sample {
  public func testStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
    let y = self(batch.input)
    return ["test_loss": loss(y, batch.target), "test_acc": accuracy(y, batch.target)]
  }
}

/// A model that can be asked for predictions.
public protocol PredictStep: Module {
  /// What the loader yields.
  associatedtype PredictBatch = Sample
  /// What is predicted for one batch.
  associatedtype Prediction = Tensor
  /// Predictions for one batch; runs in evaluation mode without gradients.
  func predictStep(_ batch: PredictBatch, context: StepContext) throws -> Prediction
}

extension PredictStep where Self: Classifier, PredictBatch == Sample, Prediction == Tensor {
  /// Class probabilities [N, C].
  public func predictStep(_ batch: Sample, context: StepContext) throws -> Tensor {
    self(batch.input).softmax(1)
  }
}
