import NNCore
import NNLayers
import NNLightning

/// The chapter's second network: a pretrained one, frozen, whose outputs feed a new linear head.
public final class FineTuneNet: Module, Classifier, TrainStep, ValidationStep, TestStep {
  let features: any CallableModule
  let head: Sequential
  private let learningRate: Double

  /// - Parameters:
  ///   - features: the pretrained network; it is frozen, its batch-norm statistics included.
  ///   - outputs: size of its output.
  ///   - normalizes: starts the head with a `BatchNorm1d`, for outputs that are not centred.
  public init(
    features: any CallableModule, outputs: Int, classes: Int, normalizes: Bool, learningRate: Double
  ) {
    features.freeze()
    self.features = features
    head =
      normalizes
      ? Sequential(BatchNorm1d(outputs), Linear(outputs, classes)) : Sequential(Linear(outputs, classes))
    self.learningRate = learningRate
  }

  public func callAsFunction(_ x: Tensor) -> Tensor { head(features(x)) }

  public func configureOptimizers() -> any Optimizer {
    SGD(head.parameters(), learningRate: learningRate)
  }
}
