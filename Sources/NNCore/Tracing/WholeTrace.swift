/// The trace of a function from its input to its result: that of a network that is only to be evaluated.
package struct WholeTrace {
  package let graph: TraceGraph
  package let output: TraceGraph.Value

  /// Why a function could not be traced to its end.
  package struct Failure: Error {
    /// The layer that was running; empty outside of all.
    package let layer: String
    package let operation: String
    package let reason: String
  }

  /// Follows a function of a batch, with everything that it does not compute from the batch taken for constant.
  ///
  /// It runs twice, with 3 rows and with 2: what depends on the number of rows, or is another at every call, is found so
  /// and refused. Reading values of the trace (`item()`, a condition on them) is refused too, because nobody can tell
  /// what became of them.
  ///
  /// - Parameters:
  ///   - rowShape: shape of a row.
  ///   - device: where the function computes.
  ///   - layer: key of the layer that is running.
  package init(
    rowShape: [Int], dtype: DType, device: Device = .cpu, layer: @escaping () -> String,
    _ function: (Tensor) -> Tensor
  ) throws {
    (graph, output) = try WholeTrace.followed([3] + rowShape, dtype, device, layer, function)
    let (again, other) = try WholeTrace.followed([2] + rowShape, dtype, device, layer, function)
    if let operation = graph.difference(from: again) {
      throw Failure(
        layer: operation.layer, operation: operation.name,
        reason: "it depends on the number of rows, or changes from call to call")
    }
    guard output.operation == other.operation else {
      throw Failure(layer: "", operation: "result", reason: "it changes from call to call")
    }
  }

  private static func followed(
    _ shape: [Int], _ dtype: DType, _ device: Device, _ layer: @escaping () -> String,
    _ function: (Tensor) -> Tensor
  ) throws -> (graph: TraceGraph, output: TraceGraph.Value) {
    let source = WatchedSource(layer)
    let batch = TracedBatch(rows: Array(0..<shape[0]), owner: source, device: device, input: nil) {
      Tensor.zeros(shape, dtype: dtype).to(device)
    }
    let graph = TraceGraph(like: batch)
    let tracer = RowTracer(source: source, graph: graph)
    tracer.isLearning = true
    tracer.fixesParameters = true
    tracer.layer = layer
    let input = TracedValues(batch, graph.input, of: graph, example: batch.example, source: source).tensor
    let result = noGrad { withTracer(tracer) { function(input) } }
    if let first = tracer.ends.first {
      throw Failure(layer: first.layer, operation: first.operation, reason: first.reason)
    }
    if let read = source.reads.first {
      let maker = graph.operation(of: read.value)?.name ?? "the input"
      throw Failure(
        layer: read.layer, operation: maker, reason: "its values are read by an operation that is not traced")
    }
    guard let trace = result.storage.trace, let output = tracer.value(of: trace, in: result, graph) else {
      throw Failure(layer: "", operation: "result", reason: "it does not depend on the input")
    }
    return (graph, output)
  }
}

/// Gives the values of a trace that are asked for, and keeps that they were.
private final class WatchedSource: TracedRowSource, @unchecked Sendable {
  // Invariant: used only by the thread that runs the function that is traced.
  private(set) var reads: [(layer: String, value: TraceGraph.Value)] = []
  private let layer: () -> String

  init(_ layer: @escaping () -> String) { self.layer = layer }

  func rows(of value: TraceGraph.Value, in graph: TraceGraph, for batch: TracedBatch) -> Tensor {
    reads.append((layer(), value))
    return graph.compute([value], from: batch.input)[0]
  }
}

extension TraceGraph {
  /// The first operation that another trace of the same function has otherwise.
  fileprivate func difference(from other: TraceGraph) -> Operation? {
    let (operations, others) = (operations, other.operations)
    for (a, b) in zip(operations, others) {
      let isSame =
        a.name == b.name && a.attributes == b.attributes && a.layer == b.layer && a.rowInputs == b.rowInputs
        && a.output.shape.dropFirst() == b.output.shape.dropFirst() && a.inputs.count == b.inputs.count
        && zip(a.inputs, b.inputs).allSatisfy { $0.corresponds(to: $1) }
      if !isSame { return a }
    }
    let (more, fewer) = operations.count > others.count ? (operations, others) : (others, operations)
    return more.count == fewer.count ? nil : more[fewer.count]
  }
}

extension TraceGraph.Input {
  /// Whether both are the same, one in a trace and one in another of the same function.
  fileprivate func corresponds(to other: TraceGraph.Input) -> Bool {
    switch (self, other) {
    case (.value(let a), .value(let b)): a.operation == b.operation
    case (.constant(let a, let repeatedA), .constant(let b, let repeatedB)):
      repeatedA == repeatedB && (repeatedA ? a.firstRow.hasSameBits(as: b.firstRow) : a.hasSameBits(as: b))
    default: false
    }
  }
}

extension Tensor {
  fileprivate var firstRow: Tensor {
    view(shape: Array(shape.dropFirst()), strides: Array(strides.dropFirst()))
  }
}
