import Synchronization

/// The rows that a trace is about to compute something of: a batch of samples that have numbers.
package final class TracedBatch: Sendable {
  /// Number of each row among all that there are.
  package let rows: [Int]
  /// Whom the rows belong to (a data set): equal numbers of different owners are different rows.
  package let owner: AnyObject & Sendable
  /// Where the rows are.
  let backend: any Backend
  package var device: Device { backend.device }
  private let load: @Sendable () -> Tensor
  private let loaded: Mutex<Tensor?>

  /// - Parameters:
  ///   - device: where the rows are.
  ///   - input: the rows themselves, if they are there already.
  ///   - load: makes them if somebody asks.
  package init(
    rows: [Int], owner: AnyObject & Sendable, device: Device = .cpu, input: Tensor?,
    load: @escaping @Sendable () -> Tensor
  ) {
    self.rows = rows
    self.owner = owner
    backend = Devices.backend(of: device)
    self.load = load
    loaded = Mutex(input)
  }

  /// The input [rows, …].
  package var input: Tensor {
    loaded.withLock { input in
      let result = input ?? load()
      input = result
      return result
    }
  }

  /// A few rows of the input, enough to see what an operation makes of them.
  var example: Tensor {
    let input = input.detach()
    return input.narrow(0, start: 0, length: Swift.min(2, rows.count)).contiguous()
  }

  /// The input as a tensor that a tracer recognises.
  ///
  /// - Parameter shape: its shape [rows, …], row-major.
  package func tracedInput(shape: [Int], dtype: DType) -> Tensor {
    let bytes = shape.reduce(1, *) * dtype.byteCount
    return Tensor(
      storage: TracedValues(self).storage(byteCount: bytes, on: backend), shape: shape, dtype: dtype)
  }
}

/// Whoever keeps computed rows.
package protocol TracedRowSource: AnyObject, Sendable {
  /// A value of a graph for the rows of a batch.
  func rows(of value: TraceGraph.Value, in graph: TraceGraph, for batch: TracedBatch) -> Tensor
}

/// A value of a trace for the rows of a batch: computed if somebody asks for it.
package final class TracedValues: LazyValues {
  package let batch: TracedBatch
  /// Nil for the input, which may get into any graph.
  let value: TraceGraph.Value?
  private let graph: TraceGraph?
  /// What it is for `batch.example`, as long as the tracer learns.
  let example: Tensor?
  private let source: (any TracedRowSource)?

  init(_ batch: TracedBatch) {
    self.batch = batch
    (value, graph, example, source) = (nil, nil, nil, nil)
  }

  init(
    _ batch: TracedBatch, _ value: TraceGraph.Value, of graph: TraceGraph, example: Tensor?,
    source: any TracedRowSource
  ) {
    self.batch = batch
    self.value = value
    self.graph = graph
    self.example = example
    self.source = source
  }

  package func evaluate() -> Tensor {
    guard let value, let graph, let source else { return batch.input.detach().contiguous() }
    let tensor = source.rows(of: value, in: graph, for: batch)
    let rows = batch.rows.count
    let size = value.extent(rows: rows)
    if tensor.offset == value.offset, tensor.strides == value.strides,
      tensor.storage.byteCount == size * value.dtype.byteCount
    {
      return tensor.view(shape: [size], strides: [1], offset: 0)
    }
    let storage = Storage(byteCount: size * value.dtype.byteCount, on: tensor.storage.backend)
    let target = value.tensor(rows: rows, storage)
    target.backend.assign(tensor, to: target)
    return target.view(shape: [size], strides: [1], offset: 0)
  }

  /// The value as a tensor.
  var tensor: Tensor {
    guard let value else { fail("TracedValues", "the input of a trace has no value") }
    let bytes = value.extent(rows: batch.rows.count) * value.dtype.byteCount
    return value.tensor(rows: batch.rows.count, storage(byteCount: bytes, on: batch.backend))
  }

  fileprivate func storage(byteCount: Int, on backend: any Backend) -> Storage {
    Storage(lazy: self, byteCount: byteCount, on: backend, origin: self)
  }
}

extension Storage {
  /// What an operation that is being traced knows of these bytes. A storage has no other origin than a trace.
  package var trace: TracedValues? { origin.map { unsafeDowncast($0, to: TracedValues.self) } }
}
