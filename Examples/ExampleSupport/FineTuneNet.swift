import NNCore
import NNLayers
import NNLightning

/// What of a pretrained network stays as it is.
public enum Freezing: Sendable {
  /// All of it: no gradients, and batch normalisation with the statistics of the pretraining (`freeze()`). What the
  /// network gives for an image is then always the same.
  case network
  /// The parameters alone, as with PyTorch's `requires_grad = False`: the statistics of batch normalisation move
  /// with the batches.
  case parameters
}

/// What the new layers stand on.
public enum FineTuneHead: String, Sendable, CaseIterable {
  /// A linear layer on the outputs of the pretrained network, one for each of its classes.
  case outputs
  /// The same with a batch normalisation before it, for outputs that are not centred.
  case normalizedOutputs = "normalized-outputs"
  /// A batch normalisation and a linear layer in place of the network's last layer, on its pooled features.
  case features
}

/// The network of the second experiment: a pretrained one, frozen, whose outputs feed a new linear head.
public final class FineTuneNet: Module, Classifier, TrainStep, ValidationStep, TestStep {
  let features: any CallableModule
  let head: Sequential
  private let learningRate: Double

  /// - Parameters:
  ///   - features: the pretrained network or a part of it. Maps [N, C, H, W] are averaged over the image.
  ///   - outputs: size of its output.
  ///   - normalizes: starts the head with a `BatchNorm1d`, for outputs that are not centred.
  ///   - freezing: what of `features` stays as it is.
  public init(
    features: any CallableModule, outputs: Int, classes: Int, normalizes: Bool, learningRate: Double,
    freezing: Freezing = .network
  ) {
    switch freezing {
    case .network: features.freeze()
    case .parameters: features.unfreeze().requiresGrad(false)
    }
    self.features = features
    head =
      normalizes
      ? Sequential(BatchNorm1d(outputs), Linear(outputs, classes)) : Sequential(Linear(outputs, classes))
    self.learningRate = learningRate
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    let y = features(x)
    return head(y.rank == 4 ? y.mean([2, 3]) : y)
  }

  public func configureOptimizers() -> any Optimizer {
    SGD(head.parameters(), learningRate: learningRate)
  }
}
