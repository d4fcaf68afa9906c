import NNCore
import NNData
import NNLayers
import NNLightning
import NNModels

/// A network of the library with the steps of a classifier and the settings of a run.
final class RunModel: Module, Classifier, TrainStep, ValidationStep, TestStep, PredictStep, HasHyperparameters
{
  private let network: any CallableModule
  /// The same network, and which of the two kinds it is.
  @Untracked private(set) var form: RunNetwork
  let hyperparameters: RunConfiguration
  /// Steps of the optimizer in an epoch, and in all.
  let stepsPerEpoch: Int
  var steps: Int { hyperparameters.epochs * stepsPerEpoch }
  /// How much errors of each class count.
  @Untracked private var classWeights: Tensor?
  /// Least probability at which each label is named, where an image may have several; 0.5 if nil.
  @Untracked var thresholds: [Double]?
  /// Whether an image and its mirror image are averaged where nothing is trained.
  @Untracked var averagesMirrored = false

  /// Before the keys of the network in the run's checkpoints.
  static let networkPrefix = "network."

  /// A new network, or a pretrained one under a new head, as the settings say.
  convenience init(
    _ settings: RunConfiguration, classes: Int, classWeights: [Double]? = nil, batchesPerEpoch: Int
  ) throws {
    self.init(
      try settings.network(classes: classes), settings, classWeights: classWeights,
      batchesPerEpoch: batchesPerEpoch)
  }

  init(
    _ network: RunNetwork, _ settings: RunConfiguration, classWeights: [Double]? = nil,
    batchesPerEpoch: Int = 1
  ) {
    self.classWeights = classWeights.map { Tensor($0.map { Float($0) }) }
    self.network = network.module
    form = network
    hyperparameters = settings
    stepsPerEpoch = max(1, (batchesPerEpoch + settings.accumulate - 1) / settings.accumulate)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    averagesMirrored && !isTraining ? (network(x) + network(x.flip([3]))) / 2 : network(x)
  }

  func loss(_ y: Tensor, _ t: Tensor) -> Tensor { loss(y, t, smoothing: 0) }

  private func loss(_ y: Tensor, _ t: Tensor, smoothing: Double) -> Tensor {
    let weight = classWeights?.to(y.device)
    if hyperparameters.multiLabel {
      let target = smoothing == 0 ? t : t * (1 - smoothing) + smoothing / 2
      return binaryCrossEntropyWithLogits(y, target, posWeight: weight)
    }
    return crossEntropy(y, t, weight: weight, labelSmoothing: smoothing)
  }

  // MARK: Steps

  func trainingStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
    ["loss": loss(self(batch.input), batch.target, smoothing: hyperparameters.labelSmoothing)]
  }

  private static let validationF1: MetricKey = "val_f1"
  private static let validationPrecision: MetricKey = "val_map"

  var validationMetrics: [MetricKey] {
    hyperparameters.multiLabel
      ? [.validationLoss, Self.validationF1, Self.validationPrecision]
      : [.validationLoss, .validationAccuracy]
  }

  func validationStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
    let y = self(batch.input)
    let loss = loss(y, batch.target)
    guard hyperparameters.multiLabel else { return ["val_loss": loss, "val_acc": accuracy(y, batch.target)] }
    log(Self.validationF1, Self.validationPrecision, y, batch.target, context)
    return ["val_loss": loss]
  }

  func testStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
    let y = self(batch.input)
    let loss = loss(y, batch.target)
    guard hyperparameters.multiLabel else {
      return ["test_loss": loss, "test_acc": accuracy(y, batch.target)]
    }
    log("test_f1", "test_map", y, batch.target, context)
    return ["test_loss": loss]
  }

  private func log(
    _ f1: MetricKey, _ precision: MetricKey, _ y: Tensor, _ target: Tensor, _ context: StepContext
  ) {
    let probabilities = y.detach().sigmoid()
    context.log(f1, MultiLabelF1(thresholds: thresholds, probabilities, target), progressBar: true)
    context.log(precision, MeanAveragePrecision(probabilities, target))
  }

  /// The thresholds that do best on some images.
  func thresholds(on images: DataLoader<Sample>, device: Device) throws -> [Double] {
    var (probabilities, targets): ([Tensor], [Tensor]) = ([], [])
    try evaluating {
      try noGrad {
        try images.forEach { batch in
          probabilities.append(self(batch.input.to(device)).sigmoid().to(.cpu))
          targets.append(batch.target)
        }
      }
    }
    return bestThresholds(cat(probabilities), cat(targets))
  }

  /// The model as it is saved.
  func description(classes: [String], _ preprocessing: Preprocessing) -> SavedModel.Description {
    SavedModel.Description(
      arch: hyperparameters.arch, classes: classes, preprocessing: preprocessing,
      form: form.transferForm, configuration: form.configuration,
      libraryVersion: libraryVersion,
      thresholds: hyperparameters.multiLabel ? thresholds ?? classes.map { _ in 0.5 } : nil,
      lora: form.module.hasLoRA ? hyperparameters.lora : nil)
  }
}
