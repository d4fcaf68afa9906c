/// One backward pass over a recorded graph.
///
/// Nodes are numbered as they are recorded, so a node's inputs have smaller numbers than the node: the waiting node with
/// the greatest number has all its gradients.
struct BackwardPass {
  /// A node with the gradients gathered for its outputs.
  private typealias Entry = (node: Node, gradients: OutputGradients)
  /// The waiting nodes but `next`, by number.
  private var waiting: [UInt64: Entry] = [:]
  /// The numbers of those nodes as a binary heap, the greatest first.
  private var heap: [UInt64] = []
  /// The waiting node with the greatest number, if it was the last that was added. In a chain of operations every node
  /// is, and the heap stays empty.
  private var next: Entry?
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
        seed = root.backend.fill(root.shape, 1, dtype: root.dtype)
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

  private mutating func add(_ gradient: Tensor, to node: Node, outputIndex: Int) {
    if next?.node === node {
      next?.gradients.add(gradient, outputIndex)
    } else if let index = waiting.index(forKey: node.id) {
      waiting.values[index].gradients.add(gradient, outputIndex)
    } else {
      var gradients = OutputGradients(count: node.outputCount)
      gradients.add(gradient, outputIndex)
      let entry = (node: node, gradients: gradients)
      guard let greatest = next?.node.id ?? heap.first, greatest > node.id else {
        if let other = next { wait(other) }
        next = entry
        return
      }
      wait(entry)
    }
  }

  private mutating func wait(_ entry: Entry) {
    waiting[entry.node.id] = entry
    push(entry.node.id)
  }

  private mutating func takeGreatest() -> Entry? {
    if let entry = next {
      next = nil
      return entry
    }
    return popGreatest().flatMap { waiting.removeValue(forKey: $0) }
  }

  private mutating func push(_ id: UInt64) {
    heap.append(id)
    var place = heap.count - 1
    while place > 0, heap[(place - 1) / 2] < heap[place] {
      heap.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  private mutating func popGreatest() -> UInt64? {
    guard let greatest = heap.first, let last = heap.popLast() else { return nil }
    if heap.isEmpty { return greatest }
    heap[0] = last
    var place = 0
    while true {
      let left = 2 * place + 1
      if left >= heap.count { return greatest }
      let child = left + 1 < heap.count && heap[left + 1] > heap[left] ? left + 1 : left
      if heap[child] <= heap[place] { return greatest }
      heap.swapAt(child, place)
      place = child
    }
  }

  /// Runs the pass; returns the gradients of the targets, if there are any.
  mutating func run() -> [Target: Tensor?] {
    // Each operation's gradient is computed in the types that it was computed in.
    withAutocast(nil) {
      withGradient(createGraph) {
        while let entry = takeGreatest() { visit(entry.node, entry.gradients) }
      }
    }
    return targets ?? [:]
  }

  private mutating func visit(_ node: Node, _ gradients: OutputGradients) {
    var incoming = gradients
    if targets != nil || node.hasHooks {
      for output in 0..<node.outputCount {
        guard let gradient = incoming[output] else { continue }
        incoming[output] = node.runHooks(output: output, on: gradient)
        let target = Target(node: ObjectIdentifier(node), outputIndex: output)
        if targets?[target] != nil { targets?[target] = incoming[output] }
      }
    }
    guard let vjp = node.vjp else {
      if targets == nil, let gradient = incoming[0] { node.accumulate(gradient) }
      return
    }
    let (edges, saved) = node.contents(releasing: !retainGraph)
    let context = VJPContext(node: node, savedTensors: saved, edges: edges)
    let outgoing: [Tensor?]
    switch vjp {
    case .single(let vjp): outgoing = incoming[0].map { vjp($0, context) } ?? []
    case .several(let vjp): outgoing = vjp((0..<node.outputCount).map { incoming[$0] }, context)
    }
    for (edge, gradient) in zip(edges, outgoing) {
      guard let edge, let gradient else { continue }
      add(gradient.reduced(to: edge.shape).to(edge.dtype), to: edge.node, outputIndex: edge.outputIndex)
    }
  }
}

/// The gradients of a node's outputs as they come in. Most nodes have one output, which needs no array.
private struct OutputGradients {
  private var first: Tensor?
  private var others: [Tensor?]

  init(count: Int) { others = count > 1 ? Array(repeating: nil, count: count - 1) : [] }

  subscript(output: Int) -> Tensor? {
    get { output == 0 ? first : others[output - 1] }
    set {
      if output == 0 { first = newValue } else { others[output - 1] = newValue }
    }
  }

  mutating func add(_ gradient: Tensor, _ output: Int) {
    guard var sum = self[output] else {
      self[output] = gradient
      return
    }
    self[output] = nil  // so that the sum can be made in place
    sum += gradient
    self[output] = sum
  }
}
