import NNCore
import NNLayers

/// A convolution without bias, batch normalisation and ReLU, as both Inception networks have it.
public final class BasicConv2d: Sequential {
  public init(
    _ inputs: Int, _ outputs: Int, kernelSize: Size2, stride: Size2 = 1, padding: Padding2 = 0
  ) {
    super.init([
      "conv": Conv2d(inputs, outputs, kernelSize: kernelSize, stride: stride, padding: padding, bias: false),
      "bn": BatchNorm2d(outputs, epsilon: 0.001),
      "relu": ReLU(),
    ])
  }
}

/// Images that were normalised with ImageNet's mean and deviation, as if with mean and deviation 0.5: the official
/// weights of both Inception networks come from TensorFlow and expect that.
func renormalizedForInception(_ x: Tensor) -> Tensor {
  let (mean, std) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
  return x * Tensor(std.map { Float($0 / 0.5) }, shape: [3, 1, 1])
    + Tensor(mean.map { Float(($0 - 0.5) / 0.5) }, shape: [3, 1, 1])
}
