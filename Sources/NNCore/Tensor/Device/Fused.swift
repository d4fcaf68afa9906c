/// What a device made of an operation together with the lazy ones before it.
package struct Fused: Sendable {
  /// The gradient of the operation's input from that of the result and from what was saved. It captures no tensors.
  package typealias Gradient = @Sendable (_ g: Tensor, _ context: VJPContext) -> Tensor
  /// The operation's own rule, differentiable: the gradient of the input from that of the result and from the one tensor
  /// that the operation saves when it is not fused.
  package typealias Rule = @Sendable (_ g: Tensor, _ saved: Tensor) -> Tensor

  /// Not recorded, and most often lazy.
  package let output: Tensor
  /// What the gradient needs, in the order in which it reads it.
  package let saved: [Tensor]
  /// Whether it needs the output too, as the last of what is saved.
  package let savesOutput: Bool
  package let gradient: Gradient
}
