/// What is fused into a convolution: the operations that follow it and are the only ones to use its result.
package struct ConvolutionFinish: Sendable {
  /// A map of the result's channels, [1, O].
  package var map: ChannelMap?
  /// Of the result's shape, added to it.
  package var addend: Tensor?
  /// If there is one, what is below 0 becomes 0 in the end, and what is above the ceiling becomes the ceiling: infinity
  /// for ReLU, 6 for ReLU6.
  package var ceiling: Double?
  /// Whether the weights' working form may be kept for the next time; not while they are trained.
  package var keepsWeights = false

  package init(keepsWeights: Bool = false) { self.keepsWeights = keepsWeights }
}
