/// A map of each channel of [N, C, …]: (x - mean) · scale + shift, with float64 values [1, C], or [N, C] per sample.
package struct ChannelMap: Sendable {
  package let mean: Tensor
  package let scale: Tensor
  package let shift: Tensor
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
