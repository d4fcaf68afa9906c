import Synchronization

/// One recorded operation, or a leaf that gathers its gradient.
///
/// Invariant for `@unchecked Sendable`: what a backward pass changes (`gradient`, `hooks`, and the release of
/// `edges` and `saved`) is behind `lock`; the rest is constant after `record`.
final class Node: @unchecked Sendable {
  /// Turns the gradients of the outputs into those of the inputs.
  enum VJP: Sendable {
    case single(@Sendable (_ gradient: Tensor, _ context: VJPContext) -> [Tensor?])
    case several(@Sendable (_ gradients: [Tensor?], _ context: VJPContext) -> [Tensor?])
  }

  /// Where a gradient goes: an output of the operation that made the input. The shape and type of that input
  /// tell how a broadcast or promotion is undone.
  struct Edge {
    let node: Node
    let outputIndex: Int
    let shape: [Int]
    let dtype: DType
  }

  /// A tensor kept for the backward pass. An output of the node itself is kept without its node, which would be
  /// a cycle, and gets it back when it is read.
  struct Saved {
    var tensor: Tensor
    let isOutput: Bool
  }

  private static let counter = Atomic<UInt64>(0)

  /// Rises with the order of recording: a node's inputs always have smaller numbers.
  let id: UInt64
  let name: StaticString
  let vjp: VJP?
  let outputCount: Int
  private let lock = Mutex(())
  private var edges: [Edge?]
  private var saved: [Saved]
  private var hooks: [(index: Int, hook: @Sendable (Tensor) -> Tensor?)] = []
  private var gradient: Tensor?
  private var isReleased = false

  init(name: StaticString, edges: [Edge?], saved: [Saved], outputCount: Int, vjp: VJP?) {
    id = Self.counter.add(1, ordering: .relaxed).newValue
    self.name = name
    self.edges = edges
    self.saved = saved
    self.outputCount = outputCount
    self.vjp = vjp
  }

  var isLeaf: Bool { vjp == nil }

  var leafGradient: Tensor? {
    get { lock.withLock { _ in gradient } }
    set { lock.withLock { _ in gradient = newValue } }
  }

  func accumulate(_ addend: Tensor) {
    lock.withLock { _ in
      if var sum = gradient {
        gradient = nil  // so that the sum is made in place when nobody else holds the old value
        sum += addend
        gradient = sum
      } else {
        gradient = addend
      }
    }
  }

  func addHook(output index: Int, _ hook: @escaping @Sendable (Tensor) -> Tensor?) {
    lock.withLock { _ in hooks.append((index, hook)) }
  }

  var hasHooks: Bool { lock.withLock { _ in !hooks.isEmpty } }

  func runHooks(output index: Int, on gradient: Tensor) -> Tensor {
    let all = lock.withLock { _ in hooks }
    if all.isEmpty { return gradient }
    var result = gradient
    for entry in all where entry.index == index { result = entry.hook(result) ?? result }
    return result
  }

  /// Edges and saved tensors for one backward pass.
  ///
  /// - Parameter releasing: lets go of them here: there will be no other pass.
  func contents(releasing: Bool) -> (edges: [Edge?], saved: [Saved]) {
    lock.withLock { _ in
      require(
        !isReleased, "backward",
        "the graph behind \(name) was already used and released; pass retainGraph: true to the first backward"
      )
      let contents = (edges, saved)
      if releasing {
        edges = []
        saved = []
        isReleased = true
      }
      return contents
    }
  }

  var currentEdges: [Edge?] { lock.withLock { _ in edges } }

  /// Frees a deep graph by a worklist: a recursive deinit would overflow the stack after some 20,000 operations.
  deinit {
    var pending: [Node] = []
    Self.collect(edges: &edges, saved: &saved, into: &pending)
    while var node = pending.popLast() {
      if isKnownUniquelyReferenced(&node) {
        Self.collect(edges: &node.edges, saved: &node.saved, into: &pending)
      }
    }
  }

  private static func collect(edges: inout [Edge?], saved: inout [Saved], into pending: inout [Node]) {
    for case let edge? in edges where !edge.node.isLeaf { pending.append(edge.node) }
    edges = []
    for index in saved.indices {
      if let node = saved[index].tensor.node, !node.isLeaf {
        saved[index].tensor.node = nil
        pending.append(node)
      }
    }
    saved = []
  }
}

/// Tells recorded tensors apart.
struct TensorIdentity: Equatable, Sendable {
  let node: UInt64
  let outputIndex: Int
}

/// What a vector-Jacobian product sees of the operation it belongs to.
package struct VJPContext {
  let node: Node
  let savedTensors: [Node.Saved]
  let edges: [Node.Edge?]

  /// The i-th saved tensor, connected to the graph as it was when it was saved.
  package func saved(_ index: Int) -> Tensor {
    var tensor = savedTensors[index].tensor
    if savedTensors[index].isOutput { tensor.node = node }
    return tensor
  }

  /// Whether the i-th input is there (trailing ones can be optional) and wants a gradient.
  package func needs(_ index: Int) -> Bool { index < edges.count && edges[index] != nil }

  /// Shape of the i-th input; it must want a gradient.
  package func inputShape(_ index: Int) -> [Int] { edges[index]?.shape ?? [] }
}

extension Tensor {
  var identity: TensorIdentity? { node.map { TensorIdentity(node: $0.id, outputIndex: outputIndex) } }

  /// Records an operation with one output.
  ///
  /// - Parameters:
  ///   - saved: tensors the vjp needs, in the order of `VJPContext.saved(_:)`.
  ///   - savingOutput: also keeps the result, as the last saved tensor.
  ///   - vjp: turns the gradient of the result into those of the inputs (nil: none). It must capture attributes
  ///     only, never tensors. Gradients may have the broadcast shape: they are summed to the input's.
  package func recorded(
    _ name: StaticString, inputs: [Tensor], saving saved: [Tensor] = [], savingOutput: Bool = false,
    vjp: @escaping @Sendable (_ gradient: Tensor, _ context: VJPContext) -> [Tensor?]
  ) -> Tensor {
    guard Tensor.shouldRecord(inputs) else {
      if isTracing, storage.origin == nil { tracePassed(name, inputs) }
      return self
    }
    let kept = savingOutput ? [self] : []
    let node = Tensor.node(name, inputs, saved, outputs: kept, count: 1, .single(vjp))
    guard dtype.isFloatingPoint else { return self }
    var result = self
    result.node = node
    result.outputIndex = 0
    return result
  }

  static func shouldRecord(_ inputs: [Tensor]) -> Bool {
    isGradientEnabled && inputs.contains { $0.node != nil }
  }

  /// Records an operation with several outputs; those that are not floating point carry no gradient.
  package static func record(
    _ name: StaticString, outputs: inout [Tensor], inputs: [Tensor], saving saved: [Tensor] = [],
    savingOutputs: [Int] = [],
    vjp: @escaping @Sendable (_ gradients: [Tensor?], _ context: VJPContext) -> [Tensor?]
  ) {
    guard shouldRecord(inputs) else {
      if isTracing { tracePassed(name, inputs) }
      return
    }
    for index in outputs.indices { outputs[index].outputIndex = index }
    let node = node(
      name, inputs, saved, outputs: savingOutputs.map { outputs[$0] }, count: outputs.count, .several(vjp))
    for index in outputs.indices where outputs[index].dtype.isFloatingPoint { outputs[index].node = node }
  }

  private static func node(
    _ name: StaticString, _ inputs: [Tensor], _ saved: [Tensor], outputs: [Tensor], count: Int,
    _ vjp: Node.VJP
  ) -> Node {
    let edges = inputs.map { input in
      input.node.map {
        Node.Edge(node: $0, outputIndex: input.outputIndex, shape: input.shape, dtype: input.dtype)
      }
    }
    var kept: [Node.Saved] = []
    if !(saved.isEmpty && outputs.isEmpty) {
      kept.reserveCapacity(saved.count + outputs.count)
      for tensor in saved { kept.append(Node.Saved(tensor: tensor, isOutput: false)) }
      for tensor in outputs { kept.append(Node.Saved(tensor: tensor, isOutput: true)) }
    }
    return Node(name: name, edges: edges, saved: kept, outputCount: count, vjp: vjp)
  }
}
