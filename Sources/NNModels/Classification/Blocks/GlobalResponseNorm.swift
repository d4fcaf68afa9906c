import NNCore
import NNLayers

/// Scales each feature of maps [N, H, W, C] by its norm over the map beside the mean norm of all features, and adds the
/// input (Woo et al., "ConvNeXt V2", 2023): x + bias + weight · x · ‖x‖ / (mean ‖x‖ + 1e-6).
public final class GlobalResponseNorm: Module, Layer {
  /// [C]; starts at 0.
  public let weight: Parameter
  /// [C]; starts at 0.
  public let bias: Parameter
  private let epsilon = 1e-6

  public init(_ channels: Int) {
    weight = Parameter(Init.zeros([channels]))
    bias = Parameter(Init.zeros([channels]))
  }

  public func forward(_ x: Tensor) -> Tensor {
    // Of a feature that is 0 everywhere the slope is 0.
    let norm = x.square().sum([1, 2], keepDim: true).clamp(min: 1e-30).sqrt()
    let share = norm / (norm.mean(-1, keepDim: true) + epsilon)
    // One factor for each feature of a sample, so that the map is gone through once.
    return x * (share * weight.value + 1) + bias.value
  }
}

/// A linear layer over the last dimension whose weight has the shape of a 1x1 convolution's, [outFeatures, inFeatures, 1,
/// 1]. Starts as PyTorch's convolutions do.
final class PointwiseLinear: Module, Layer {
  let weight: Parameter
  let bias: Parameter

  init(_ inFeatures: Int, _ outFeatures: Int) {
    let shape = [outFeatures, inFeatures, 1, 1]
    weight = Parameter(Init.defaultWeight(shape))
    bias = Parameter(Init.defaultBias(outFeatures, weightShape: shape))
  }

  func forward(_ x: Tensor) -> Tensor { x.linear(weight.value.flatten(from: 1), bias: bias.value) }

  override var extraDescription: String { "\(weight.shape[1]), \(weight.shape[0])" }
}
