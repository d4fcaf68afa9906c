// Whether a tensor takes part in gradients.

extension Tensor {
  /// Whether gradients flow to or through this tensor.
  public var requiresGrad: Bool { node != nil }

  /// The same values as a new leaf that gathers gradients, as `requires_grad_()` on a fresh tensor.
  public func requiringGrad(_ required: Bool = true) -> Tensor {
    var leaf = detach()
    if required {
      require(
        dtype.isFloatingPoint, "requiringGrad",
        "only floating-point tensors carry gradients, this is \(dtype)")
      leaf.node = Node(name: "leaf", edges: [], saved: [], outputCount: 1, vjp: nil)
    }
    return leaf
  }

  /// The same values, cut off from the graph.
  public func detach() -> Tensor {
    var copy = self
    copy.node = nil
    copy.outputIndex = 0
    return copy
  }

  /// Whether this is a leaf: not the result of a recorded operation.
  public var isLeaf: Bool { node?.isLeaf ?? true }
}
