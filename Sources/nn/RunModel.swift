import Foundation
import NNCore
import NNData
import NNLayers
import NNLightning
import NNModels

/// A network of the library with the steps of a classifier and the settings of a run.
final class RunModel: Module, Classifier, TrainStep, ValidationStep, TestStep, PredictStep, HasHyperparameters
{
  let network: any CallableModule
  let hyperparameters: RunConfiguration
  private let steps: Int

  /// - Parameter loadsWeights: whether the pretrained weights are wanted; not where a checkpoint follows.
  init(
    _ settings: RunConfiguration, classes: [String], batchesPerEpoch: Int, loadsWeights: Bool = true
  ) throws {
    network = try RunModel.network(settings, classes: classes.count, loadsWeights: loadsWeights)
    hyperparameters = settings
    steps = settings.epochs * ((batchesPerEpoch + settings.accumulate - 1) / settings.accumulate)
  }

  /// Networks by name: torchvision's and `shapesnet`.
  static func network(_ arch: String, classes: Int? = nil) throws -> any ImageClassifier {
    if arch == "shapesnet" { return ShapesNet(classes: classes ?? 10) }
    return try NNModels.model(arch, classes: classes)
  }

  private static func network(
    _ settings: RunConfiguration, classes: Int, loadsWeights: Bool
  ) throws -> any CallableModule {
    if settings.pretrained {
      let pretrained =
        loadsWeights
        ? try settings.pretrainedNetwork() : try skipInit { try RunModel.network(settings.arch) }
      let transfer = try TransferNetwork(
        pretrained, classes: classes, normalizesFeatures: settings.normalizesFeatures)
      if settings.freeze { transfer.backbone.freeze() }
      return transfer
    }
    guard let path = settings.weights, loadsWeights else {
      if settings.freeze, loadsWeights {
        throw CommandError("freeze: expected starting weights (--weights), found none")
      }
      return try RunModel.network(settings.arch, classes: classes)
    }
    let network = try skipInit { try NNModels.model(settings.arch) }
    try settings.load(path, into: network)
    if settings.freeze { network.freeze() }
    network.replaceHead(classes: classes)
    return network
  }

  func callAsFunction(_ x: Tensor) -> Tensor { network(x) }

  /// The trained parameters; the groups head, last block and rest where phases give each a rate of its own.
  private var groups: [[Parameter]] {
    guard hyperparameters.phases != nil, let network = network as? TransferNetwork else {
      return [parameters().filter(\.requiresGrad)]
    }
    let last = network.lastBlock.flatMap { $0.parameters() }
    let isLast = Set(last.map(ObjectIdentifier.init))
    let rest = network.backbone.parameters().filter { !isLast.contains(ObjectIdentifier($0)) }
    return [network.head.parameters(), last, rest]
  }

  func configureOptimizers() -> any Optimizer {
    let settings = hyperparameters
    func trained<Options>() -> [ParameterGroup<Options>] { groups.map { ParameterGroup($0) } }
    switch settings.optimizer {
    case "adam": return Adam(trained(), learningRate: settings.learningRate)
    case "adamw":
      return AdamW(trained(), learningRate: settings.learningRate, weightDecay: settings.weightDecay)
    default:
      return SGD(
        trained(), learningRate: settings.learningRate, momentum: settings.momentum,
        weightDecay: settings.weightDecay)
    }
  }

  func configureSchedulers(for optimizer: any Optimizer) -> [ScheduledRate] {
    switch hyperparameters.schedule {
    case "cosine": [ScheduledRate(CosineAnnealingLR(optimizer, tMax: steps), interval: .step)]
    case "onecycle":
      [
        ScheduledRate(
          OneCycleLR(optimizer, maxLearningRate: hyperparameters.learningRate, totalSteps: steps),
          interval: .step)
      ]
    default: []
    }
  }
}
