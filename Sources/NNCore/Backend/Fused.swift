/// What a device made of an operation together with the lazy ones before it.
package struct Fused: Sendable {
  /// The gradient of the operation's input. It captures no tensors.
  ///
  /// - Parameters:
  ///   - g: that of the result.
  ///   - context: with what the operation saved.
  ///   - own: the operation's own rule, differentiable: the gradient of the input from that of the result and one saved
  ///     tensor.
  package typealias Gradient =
    @Sendable (
      _ g: Tensor, _ context: VJPContext, _ own: (Tensor, Tensor) -> Tensor
    ) -> Tensor

  /// Not recorded, and most often lazy.
  package let output: Tensor
  /// What the gradient needs, in the order in which it reads it.
  package let saved: [Tensor]
  /// Whether it needs the output too, as the last of what is saved.
  package let savesOutput: Bool
  package let gradient: Gradient
}
