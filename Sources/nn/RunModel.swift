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

  init(_ settings: RunConfiguration, classes: [String], batchesPerEpoch: Int) throws {
    network = try RunModel.network(settings, classes: classes.count)
    hyperparameters = settings
    steps = settings.epochs * ((batchesPerEpoch + settings.accumulate - 1) / settings.accumulate)
  }

  /// Networks by name: torchvision's and `shapesnet`.
  static func network(_ arch: String, classes: Int) throws -> any CallableModule {
    if arch == "shapesnet" { return ShapesNet(classes: classes) }
    return try NNModels.model(arch, classes: classes)
  }

  private static func network(_ settings: RunConfiguration, classes: Int) throws -> any CallableModule {
    guard let path = settings.weights else {
      if settings.freeze { throw CommandError("freeze: expected starting weights (--weights), found none") }
      return try network(settings.arch, classes: classes)
    }
    guard settings.arch != "shapesnet" else {
      throw CommandError("weights: expected an architecture of torchvision, found shapesnet")
    }
    let network = try NNModels.model(settings.arch)
    let name = URL(fileURLWithPath: path).lastPathComponent
    if let official = try modelWeights(settings.arch).first(where: { $0.fileName == name }) {
      try network.loadWeights(official, from: path)
    } else {
      try network.loadWeights(from: path)
    }
    if settings.freeze { network.freeze() }
    network.replaceHead(classes: classes)
    return network
  }

  func callAsFunction(_ x: Tensor) -> Tensor { network(x) }

  func configureOptimizers() -> any Optimizer {
    let trained = parameters().filter(\.requiresGrad)
    let settings = hyperparameters
    switch settings.optimizer {
    case "adam": return Adam(trained, learningRate: settings.learningRate)
    case "adamw":
      return AdamW(trained, learningRate: settings.learningRate, weightDecay: settings.weightDecay)
    default:
      return SGD(
        trained, learningRate: settings.learningRate, momentum: settings.momentum,
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
