/// Follows what is computed row by row from the input of a step without anything that is trained.
///
/// While it learns it carries operations out for a few rows and notes them in a graph. Afterwards it answers an operation that it
/// knows with values that are computed, or looked up, only if somebody asks for them. Whatever it does not know for
/// certain to be the same function of the same row is carried out as usual.
package final class RowTracer: Tracer {
  /// Made when the first operation is noted.
  package private(set) var graph: TraceGraph?
  private let source: any TracedRowSource
  /// Whether any operation was given a batch that can be traced.
  package private(set) var sawBatch = false
  /// Notes operations that it does not know yet.
  package var isLearning = false
  /// Takes what gathers gradients for constant, as it is while nothing is recorded.
  package var fixesParameters = false
  /// Key of the layer that is running, for messages.
  package var layer: () -> String = { "" }
  /// Where the trace ended, in the order of appearance.
  package private(set) var ends: [End] = []
  /// Those of the ends that are no functions of the rows.
  package var obstacles: [End] { ends.filter(\.isObstacle) }

  /// An operation that the trace does not go through.
  package struct End {
    /// The layer that was running.
    package let layer: String
    package let operation: String
    package let reason: String
    /// Whether the operation is known for being no function of the rows.
    let isObstacle: Bool
  }

  /// - Parameter graph: what operations are noted in; a new one if nil.
  package init(source: any TracedRowSource, graph: TraceGraph? = nil) {
    self.source = source
    self.graph = graph
  }

  package func perform(_ call: TracedCall) -> Tensor? {
    let traces = (call.rows + call.parameters).compactMap(\.storage.trace)
    guard let batch = traces.first?.batch else { return nil }
    sawBatch = true
    if graph == nil, isLearning, !batch.rows.isEmpty { graph = TraceGraph(like: batch) }
    // How a single row lies in memory does not tell where a second one would be.
    if let graph, graph.input.shape[0] > 1 || batch.rows.count == 1, let inputs = inputs(call, batch, graph) {
      let example = isLearning ? example(of: call, inputs, graph) : nil
      if let value = graph.find(call, inputs, byBits: !isLearning) {
        return TracedValues(batch, value, of: graph, example: example, source: source).tensor
      }
      if let example {
        let value = graph.add(call, inputs, layer: layer(), result: example)
        return TracedValues(batch, value, of: graph, example: example, source: source).tensor
      }
    }
    if isLearning, call.obstacle == nil, !(call.rows + call.parameters).contains(where: isTrained) {
      let reason = "it takes an operand that is neither a constant nor a whole value of the trace"
      ends.append(End(layer: layer(), operation: "\(call.name)", reason: reason, isObstacle: false))
    }
    // Their values are asked for outside of parallel loops.
    for tensor in call.rows + call.parameters where tensor.storage.trace != nil { tensor.evaluate() }
    return nil
  }

  package func passed(_ operation: StaticString, _ operands: [Tensor]) {
    guard isLearning, operands.contains(where: { $0.storage.trace != nil }) else { return }
    let name = "\(operation)"
    // One that was announced has been noted already.
    if let last = ends.last, last.operation == name, last.layer == layer() { return }
    ends.append(
      End(layer: layer(), operation: name, reason: "it is not one that is traced", isObstacle: false))
  }

  private func isTrained(_ tensor: Tensor) -> Bool { tensor.node != nil && !fixesParameters }

  /// The operation carried out for a few rows.
  private func example(of call: TracedCall, _ inputs: [TraceGraph.Input], _ graph: TraceGraph) -> Tensor? {
    var operands: [Tensor] = []
    let rows = graph.input.shape[0]
    for (tensor, input) in zip(call.rows + call.parameters, inputs) {
      switch input {
      case .constant(let constant, let isRepeated):
        operands.append(isRepeated ? constant.repeated(rows) : constant)
      case .value:
        guard let trace = tensor.storage.trace,
          let example = trace.value == nil ? trace.batch.example : trace.example
        else { return nil }
        operands.append(example)
      }
    }
    let result = withoutTracer { call.body(operands) }
    return result.rank > 0 && result.shape[0] == rows && result.node == nil ? result : nil
  }

  /// What the operation depends on; nil if that is more than the rows of one batch and constants.
  private func inputs(_ call: TracedCall, _ batch: TracedBatch, _ graph: TraceGraph) -> [TraceGraph.Input]? {
    if let reason = call.obstacle {
      if isLearning {
        ends.append(End(layer: layer(), operation: "\(call.name)", reason: reason, isObstacle: true))
      }
      return nil
    }
    var inputs: [TraceGraph.Input] = []
    let rank = call.rows.map(\.rank).max() ?? 0
    for tensor in call.rows {
      if isTrained(tensor) { return nil }
      let hasRows = rank > 0 && tensor.rank == rank
      if let trace = tensor.storage.trace {
        guard trace.batch === batch, hasRows, let value = value(of: trace, in: tensor, graph)
        else {
          return nil
        }
        inputs.append(.value(value))
      } else {
        let isRepeated =
          hasRows && tensor.shape[0] == batch.rows.count && (tensor.strides[0] == 0 || tensor.shape[0] == 1)
        guard isRepeated || !hasRows || tensor.shape[0] == 1 else { return nil }
        inputs.append(.constant(tensor.detach(), isRepeated: isRepeated))
      }
    }
    for tensor in call.parameters {
      if isTrained(tensor) || tensor.storage.trace != nil { return nil }
      inputs.append(.constant(tensor.detach(), isRepeated: false))
    }
    return inputs
  }

  /// The value that a tensor is all of.
  func value(of trace: TracedValues, in tensor: Tensor, _ graph: TraceGraph) -> TraceGraph.Value? {
    let value = trace.value ?? graph.input
    let isWhole =
      tensor.shape == value.shape(rows: trace.batch.rows.count) && tensor.strides == value.strides
      && tensor.offset == value.offset && tensor.dtype == value.dtype
    return isWhole ? value : nil
  }
}
