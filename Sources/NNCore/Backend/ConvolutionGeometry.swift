/// Everything about a 2-D convolution but its tensors, as a backend needs it.
package struct ConvolutionGeometry: Sendable, Hashable {
  package var stride = Size2(1)
  /// Zeros above and left of the image; those below and right of it follow from the sizes.
  package var padding = Size2(0)
  package var dilation = Size2(1)
  package var groups = 1

  package init(stride: Size2 = 1, padding: Size2 = 0, dilation: Size2 = 1, groups: Int = 1) {
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
  }
}

/// What follows a convolution whose result nobody needs by itself, in one go with it.
package struct ConvolutionFinish: Sendable {
  /// A map of the result's channels, [1, O].
  package var map: FixedMap?
  /// Of the result's shape, added to it.
  package var addend: Tensor?
  /// If there is one, what is below 0 becomes 0 in the end, and what is above the ceiling becomes the ceiling: infinity
  /// for ReLU, 6 for ReLU6.
  package var ceiling: Double?
  /// Whether the weights' working form may be kept for the next time; not while they are trained.
  package var keepsWeights = false

  package init() {}
}

/// A channel map that comes from tensors that rarely change.
package struct FixedMap: Sendable {
  package let map: ChannelMap
  /// The tensors the map was made from, and whatever else decided on it.
  package let sources: [Tensor]
  package let key: [Int]
}
