// Asking for gradients.

extension Tensor {
  /// Computes the gradients of this tensor and adds them to `grad` of the leaves it was computed from,
  /// as `torch.Tensor.backward`.
  ///
  /// - Parameters:
  ///   - gradient: gradient of this tensor, of its shape; may be left out for a single element (then it is 1).
  ///   - retainGraph: keeps the graph for another pass; otherwise what was saved for it is released.
  ///   - createGraph: records the pass itself, for second derivatives.
  public func backward(gradient: Tensor? = nil, retainGraph: Bool = false, createGraph: Bool = false) {
    var pass = BackwardPass(
      roots: [self], gradients: [gradient], targets: nil, retainGraph: retainGraph || createGraph,
      createGraph: createGraph, operation: "backward")
    _ = pass.run()
  }

  /// As `backward()`, and calls `body` with the place of each of some leaves as soon as its gradient is complete, while the
  /// pass goes on. What the pass does not reach is not reported.
  package func backward(reporting leaves: [Tensor], _ body: @escaping (_ place: Int) -> Void) {
    var pass = BackwardPass(
      roots: [self], gradients: [nil], targets: nil, retainGraph: false, createGraph: false,
      operation: "backward")
    pass.report(leaves, behind: self, body)
    _ = pass.run()
  }

  /// The gathered gradient of a leaf (a tensor made with `requiringGrad()`), nil before the first backward pass.
  public var grad: Tensor? {
    get { node.flatMap { $0.isLeaf ? $0.leafGradient : nil } }
    nonmutating set {
      guard let node, node.isLeaf else {
        fail("Tensor.grad", "only a leaf that requires gradients has a gradient to set")
      }
      if let newValue {
        require(
          newValue.shape == shape, "Tensor.grad",
          "gradient of shape \(newValue.shape) for a tensor of shape \(shape)")
      }
      node.leafGradient = newValue
    }
  }

  /// Name of the operation that made the tensor, nil for a leaf.
  public var gradientFunction: String? {
    guard let node, !node.isLeaf else { return nil }
    return "\(node.name)"
  }

  /// The recorded operations behind this tensor, each with the operation that made one of its inputs.
  package func recordedPairs() -> [(operation: String, input: String)] {
    var pairs: [(operation: String, input: String)] = []
    var seen: Set<ObjectIdentifier> = []
    var stack = [node].compactMap { $0 }
    while let current = stack.popLast() {
      guard seen.insert(ObjectIdentifier(current)).inserted else { continue }
      for case let edge? in current.currentEdges {
        if !edge.node.isLeaf { pairs.append(("\(current.name)", "\(edge.node.name)")) }
        stack.append(edge.node)
      }
    }
    return pairs
  }

  /// Calls `hook` with the gradient of this tensor in every backward pass; what it returns (if not nil) replaces
  /// the gradient. As `torch.Tensor.register_hook`.
  public func registerHook(_ hook: @escaping @Sendable (Tensor) -> Tensor?) {
    guard let node else { fail("registerHook", "the tensor does not require gradients") }
    node.addHook(output: outputIndex, hook)
  }
}

/// The gradients of `outputs` with respect to `inputs`, as `torch.autograd.grad`; nothing is added to any `grad`.
///
/// - Parameters:
///   - gradients: gradient of each output; may be nil where an output has one element.
///   - createGraph: makes the results differentiable again.
/// - Returns: one gradient per input, nil for an input that no output depends on.
public func grad(
  of outputs: [Tensor], withRespectTo inputs: [Tensor], gradients: [Tensor?]? = nil,
  retainGraph: Bool = false,
  createGraph: Bool = false
) -> [Tensor?] {
  for input in inputs {
    require(input.requiresGrad, "grad", "the input of shape \(input.shape) does not require gradients")
  }
  var pass = BackwardPass(
    roots: outputs, gradients: gradients ?? outputs.map { _ in nil }, targets: inputs,
    retainGraph: retainGraph || createGraph, createGraph: createGraph, operation: "grad")
  let found = pass.run()
  return inputs.map { input in
    guard let node = input.node else { return nil }
    return found[.init(node: ObjectIdentifier(node), outputIndex: input.outputIndex)] ?? nil
  }
}

/// The gradients of one output, see `grad(of:withRespectTo:gradients:retainGraph:createGraph:)`.
public func grad(
  of output: Tensor, withRespectTo inputs: [Tensor], retainGraph: Bool = false, createGraph: Bool = false
) -> [Tensor?] {
  grad(of: [output], withRespectTo: inputs, retainGraph: retainGraph, createGraph: createGraph)
}
