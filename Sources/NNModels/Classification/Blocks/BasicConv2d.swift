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
  let (mean, std) = (ImageClassification().mean, ImageClassification().std)
  func row(_ values: [Float]) -> Tensor {
    let values = perChannel(values, channels: x.shape[x.rank - 3])
    return Tensor(values, shape: [values.count, 1, 1])
  }
  return x * row(std.map { $0 / 0.5 }) + row(mean.map { ($0 - 0.5) / 0.5 })
}
