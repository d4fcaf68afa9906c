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
