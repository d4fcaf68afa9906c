/// A map of each channel of [N, C, …]: (x - mean) · scale + shift, with float64 values [1, C], or [N, C] per sample.
package struct ChannelMap: Sendable {
  package let mean: Tensor
  package let scale: Tensor
  package let shift: Tensor

  package init(mean: Tensor, scale: Tensor, shift: Tensor) {
    self.mean = mean
    self.scale = scale
    self.shift = shift
  }
}

/// The gradient of a normalisation's input from the gradient g of its result: g · a + (x - mean) · b + c per channel, or
/// g · a without x; factors are float64 of mean's shape, [1, C] or [N, C] per sample.
package struct ChannelCombination: Sendable {
  package let x: Tensor?
  package let mean: Tensor
  package let a: Tensor
  package let b: Tensor
  package let c: Tensor
  /// What the gradient adds up to per channel, [C], if that is known.
  package let sums: Tensor?
}

/// The gradient of a normalisation, but for the elements of its input.
package struct NormalizationGradient: Sendable {
  /// Factors of the `ChannelCombination` that is the gradient of the input, float64.
  package let a: Tensor
  package let b: Tensor
  package let c: Tensor
  /// What the gradient of the input adds up to per channel, [C], if all samples are normalised together.
  package let total: Tensor?
  /// The gradients of weight and bias, [C].
  package let weight: Tensor
  package let bias: Tensor

  package init(a: Tensor, b: Tensor, c: Tensor, total: Tensor?, weight: Tensor, bias: Tensor) {
    (self.a, self.b, self.c) = (a, b, c)
    (self.total, self.weight, self.bias) = (total, weight, bias)
  }
}
