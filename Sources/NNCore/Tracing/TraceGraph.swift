import Foundation
import Synchronization

/// Operations and what they depend on, as a tracer saw them: a function of one input (a batch) whose rows do not mix.
package final class TraceGraph: Sendable {
  /// The input, or the result of an operation.
  package final class Value: Sendable {
    /// Number of the operation that made it; nil for the input.
    package let operation: Int?
    /// Shape, strides and offset as they were seen; the first axis counts the rows.
    package let shape: [Int]
    package let strides: [Int]
    package let offset: Int
    package let dtype: DType

    init(_ tensor: Tensor, operation: Int?) {
      self.operation = operation
      (shape, strides, offset, dtype) = (tensor.shape, tensor.strides, tensor.offset, tensor.dtype)
    }

    /// Elements of a row.
    package var rowCount: Int { shape.dropFirst().reduce(1, *) }
    /// Whether the rows lie one behind the other in memory, each without gaps.
    private var isPacked: Bool {
      let example = tensor(rows: shape[0], Storage(byteCount: 0))
      return offset == 0 && (strides[0] == rowCount || shape[0] == 1) && example.isNonOverlappingAndDense
    }
    /// Values as rows [rows, elements], in the order of memory where that is without gaps.
    package func packed(_ values: Tensor) -> Tensor {
      let rows = values.shape[0]
      if isPacked, values.strides == strides, values.offset == 0 {
        return values.view(shape: [rows, rowCount], strides: [rowCount, 1])
      }
      let target = Tensor(uninitialized: [rows, rowCount], dtype: dtype)
      target.backend.assign(values.detach(), to: unpacked(target))
      return target
    }
    /// The values of `packed` rows.
    package func unpacked(_ rows: Tensor) -> Tensor {
      let shape = shape(rows: rows.shape[0])
      return isPacked
        ? rows.view(shape: shape, strides: [rowCount] + strides.dropFirst())
        : rows.view(shape: shape, strides: Tensor.contiguousStrides(shape))
    }
    /// Shape for another number of rows.
    package func shape(rows: Int) -> [Int] { [rows] + shape.dropFirst() }
    /// Elements of memory from the beginning of the storage to the last element.
    func extent(rows: Int) -> Int {
      var extent = offset + 1
      for (size, stride) in zip(self.shape(rows: rows), strides) {
        if size == 0 { return 0 }
        extent += (size - 1) * stride
      }
      return extent
    }
    /// The bytes of `storage` as such a value.
    func tensor(rows: Int, _ storage: Storage) -> Tensor {
      Tensor(storage: storage, shape: shape(rows: rows), strides: strides, offset: offset, dtype: dtype)
    }
  }

  package enum Input: Sendable {
    case value(Value)
    /// Something that does not depend on the rows. It is held, so nobody can change its bytes. `isRepeated`: it was
    /// given once per row by repeating one.
    case constant(Tensor, isRepeated: Bool)
  }

  package struct Operation: Sendable {
    package let name: String
    package fileprivate(set) var inputs: [Input]
    /// How many of the inputs are operands with rows.
    package let rowInputs: Int
    package let attributes: [String: TraceAttribute]
    /// The layer it ran in, as a key of the network; empty if unknown.
    package let layer: String
    package let output: Value
    let body: @Sendable ([Tensor]) -> Tensor
  }

  package let input: Value
  private let state = Mutex(State())

  private struct State {
    var operations: [Operation] = []
    /// Operations that a value goes into, for looking up.
    var consumers: [ObjectIdentifier: [Int]] = [:]
  }

  /// - Parameter batch: rows such as the function gets.
  package init(like batch: TracedBatch) {
    input = Value(batch.example, operation: nil)
  }

  package var operations: [Operation] { state.withLock { $0.operations } }

  /// The operation that made a value; nil for the input.
  package func operation(of value: Value) -> Operation? {
    value.operation.map { number in state.withLock { $0.operations[number] } }
  }

  // MARK: Building

  func add(_ call: TracedCall, _ inputs: [Input], layer: String, result: Tensor) -> Value {
    state.withLock { state in
      let value = Value(result, operation: state.operations.count)
      let operation = Operation(
        name: "\(call.name)", inputs: inputs, rowInputs: call.rows.count, attributes: call.attributes,
        layer: layer, output: value, body: call.body)
      for case .value(let input) in inputs {
        state.consumers[ObjectIdentifier(input), default: []].append(state.operations.count)
      }
      state.operations.append(operation)
      return value
    }
  }

  /// The result of an operation that was added before, if this is the same one.
  ///
  /// - Parameter byBits: larger constants count as the same by their bits, too. Otherwise two layers that happen to have
  ///   equal weights are two operations.
  func find(_ call: TracedCall, _ inputs: [Input], byBits: Bool) -> Value? {
    guard let first = inputs.lazy.compactMap({ $0.value }).first else { return nil }
    return state.withLock { state in
      for number in state.consumers[ObjectIdentifier(first)] ?? [] {
        let known = state.operations[number]
        if known.name == "\(call.name)", known.attributes == call.attributes,
          known.inputs.count == inputs.count,
          zip(known.inputs, inputs).allSatisfy({ $0.isSame(as: $1, byBits: byBits) })
        {
          // Weights that were read again are recognised by their memory the next time.
          state.operations[number].inputs = inputs
          return known.output
        }
      }
      return nil
    }
  }

  // MARK: Running

  /// Computes values from other rows of the input.
  ///
  /// - Parameter rows: the input [rows, …].
  package func compute(_ targets: [Value], from rows: Tensor) -> [Tensor] {
    let operations = self.operations
    // What is needed, and by how many: results are let go of behind their last use.
    var uses: [ObjectIdentifier: Int] = [:]
    var needed = Set<Int>()
    for target in targets {
      uses[ObjectIdentifier(target), default: 0] += 1
      if let number = target.operation { needed.insert(number) }
    }
    for number in operations.indices.reversed() where needed.contains(number) {
      for case .value(let input) in operations[number].inputs {
        uses[ObjectIdentifier(input), default: 0] += 1
        if let number = input.operation { needed.insert(number) }
      }
    }
    var results: [ObjectIdentifier: Tensor] = [ObjectIdentifier(input): rows]
    func take(_ value: Value) -> Tensor {
      let key = ObjectIdentifier(value)
      guard let tensor = results[key] else { fail("TraceGraph", "a value of the trace is missing") }
      uses[key, default: 1] -= 1
      if uses[key] == 0 { results[key] = nil }
      return tensor
    }
    return noGrad {
      withoutTracer {
        for number in needed.sorted() {
          let operation = operations[number]
          let inputs = operation.inputs.map { input in
            switch input {
            case .value(let value): return take(value)
            case .constant(let tensor, let isRepeated):
              return isRepeated ? tensor.repeated(rows.shape[0]) : tensor
            }
          }
          results[ObjectIdentifier(operation.output)] = operation.body(inputs)
        }
        return targets.map(take)
      }
    }
  }

  /// Constants with numbers that a value was computed with, each once: weights and statistics.
  package func constants(behind target: Value) -> [Tensor] {
    var tensors: [Tensor] = []
    for operation in operationsBehind(target) {
      for case .constant(let tensor, _) in operation.inputs { tensors.append(tensor) }
    }
    return tensors
  }

  /// The operations that a value depends on, in their order.
  package func operationsBehind(_ target: Value) -> [Operation] {
    let operations = self.operations
    var needed = Set<Int>()
    if let number = target.operation { needed.insert(number) }
    for number in operations.indices.reversed() where needed.contains(number) {
      for case .value(let input) in operations[number].inputs {
        if let number = input.operation { needed.insert(number) }
      }
    }
    return needed.sorted().map { operations[$0] }
  }
}

extension TraceGraph.Input {
  var value: TraceGraph.Value? {
    if case .value(let value) = self { value } else { nil }
  }

  func isSame(as other: TraceGraph.Input, byBits: Bool) -> Bool {
    switch (self, other) {
    case (.value(let a), .value(let b)): a === b
    case (.constant(let a, let repeatedA), .constant(let b, let repeatedB)):
      repeatedA == repeatedB && a.isSame(as: b, besidesRows: repeatedA, byBits: byBits)
    default: false
    }
  }
}

extension Tensor {
  /// Whether both are the same numbers in the same layout: by their memory, or else by their bits (weights that were read
  /// again; numbers in formulas such as `x * 0.5`, which are new tensors every time).
  fileprivate func isSame(as other: Tensor, besidesRows isRepeated: Bool, byBits: Bool) -> Bool {
    let (a, b) = isRepeated ? (repeated(1), other.repeated(1)) : (self, other)
    guard a.dtype == b.dtype, a.shape == b.shape, a.strides == b.strides else { return false }
    if a.storage === b.storage { return a.offset == b.offset }
    let few = 16
    return (byBits || a.count <= few) && a.hasSameBits(as: b)
  }

  /// A tensor that repeats one row, with another number of rows.
  func repeated(_ rows: Int) -> Tensor {
    view(shape: [rows] + shape.dropFirst(), strides: [0] + strides.dropFirst())
  }
}
