/// One backward pass over a recorded graph.
struct BackwardPass {
  /// Nodes in reach of the roots, latest first, with the gradients gathered for their outputs.
  private var order: [Node] = []
  private var position: [ObjectIdentifier: Int] = [:]
  private var gradients: [[Tensor?]] = []
  private let createGraph: Bool
  private let retainGraph: Bool
  /// Gradients asked for at particular outputs (`grad(of:withRespectTo:)`); nil means: gather at the leaves.
  private var targets: [Target: Tensor?]?

  struct Target: Hashable {
    let node: ObjectIdentifier
    let outputIndex: Int
  }

  init(
    roots: [Tensor], gradients: [Tensor?], targets: [Tensor]?, retainGraph: Bool, createGraph: Bool,
    operation: StaticString
  ) {
    self.createGraph = createGraph
    self.retainGraph = retainGraph
    collect(from: roots.compactMap(\.node))
    for (root, gradient) in zip(roots, gradients) {
      guard let node = root.node else {
        fail(operation, "the tensor of shape \(root.shape) was not computed from one that requires gradients")
      }
      let seed: Tensor
      if let gradient {
        require(
          gradient.shape == root.shape, operation,
          "gradient of shape \(gradient.shape) for a tensor of shape \(root.shape)")
        seed = gradient.to(root.dtype)
      } else {
        require(
          root.count == 1, operation, "needs a gradient: the tensor has shape \(root.shape), not one element")
        seed = Tensor.ones(root.shape, dtype: root.dtype)
      }
      add(seed, to: node, outputIndex: root.outputIndex)
    }
    if let targets {
      self.targets = [:]
      for target in targets {
        guard let node = target.node else { continue }
        self.targets?[Target(node: ObjectIdentifier(node), outputIndex: target.outputIndex)] = .some(nil)
      }
    }
  }

  private mutating func collect(from roots: [Node]) {
    var seen: Set<ObjectIdentifier> = []
    var stack = roots
    while let node = stack.popLast() {
      guard seen.insert(ObjectIdentifier(node)).inserted else { continue }
      order.append(node)
      for case let edge? in node.currentEdges { stack.append(edge.node) }
    }
    order.sort { $0.id > $1.id }
    position.reserveCapacity(order.count)
    for (index, node) in order.enumerated() { position[ObjectIdentifier(node)] = index }
    gradients = Array(repeating: [], count: order.count)
  }

  private mutating func add(_ gradient: Tensor, to node: Node, outputIndex: Int) {
    guard let index = position[ObjectIdentifier(node)] else { return }
    if gradients[index].isEmpty { gradients[index] = Array(repeating: nil, count: node.outputCount) }
    if var sum = gradients[index][outputIndex] {
      gradients[index][outputIndex] = nil
      sum += gradient
      gradients[index][outputIndex] = sum
    } else {
      gradients[index][outputIndex] = gradient
    }
  }

  /// Runs the pass; returns the gradients of the targets, if there are any.
  mutating func run() -> [Target: Tensor?] {
    withGradient(createGraph) {
      for index in order.indices {
        let node = order[index]
        var incoming = gradients[index]
        gradients[index] = []
        if !incoming.isEmpty { visit(node, &incoming) }
      }
    }
    return targets ?? [:]
  }

  private mutating func visit(_ node: Node, _ incoming: inout [Tensor?]) {
    for output in incoming.indices {
      guard let gradient = incoming[output] else { continue }
      incoming[output] = node.runHooks(output: output, on: gradient)
      let target = Target(node: ObjectIdentifier(node), outputIndex: output)
      if targets?[target] != nil { targets?[target] = incoming[output] }
    }
    guard let vjp = node.vjp else {
      if targets == nil, let gradient = incoming[0] { node.accumulate(gradient) }
      return
    }
    let (edges, saved) = node.contents()
    let context = VJPContext(node: node, savedTensors: saved, edges: edges)
    let outgoing = vjp(incoming, context)
    if !retainGraph { _ = node.release() }
    for (edge, gradient) in zip(edges, outgoing) {
      guard let edge, let gradient else { continue }
      add(gradient.reduced(to: edge.shape).to(edge.dtype), to: edge.node, outputIndex: edge.outputIndex)
    }
  }
}

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
