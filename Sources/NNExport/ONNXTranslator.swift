import NNCore

/// Turns the operations of a trace into nodes of an ONNX graph, one after the other.
///
/// What an operation becomes stands in the file of its family, under the name that it is traced by.
/// Source: https://onnx.ai/onnx/operators/
final class ONNXTranslator {
  /// The version of the operators' definitions. Every runtime since 2023 knows it.
  static let opset = 18

  private(set) var graph: ONNXGraph
  /// The operation that is being translated.
  private(set) var operation: TraceGraph.Operation
  private var names: [ObjectIdentifier: String]
  private var integers: [[Int]: String] = [:]
  private var numbers: [Number: String] = [:]

  /// - Parameter keys: names of parameters and buffers.
  static func graph(
    of trace: WholeTrace, inputName: String, outputName: String, keys: [TensorIdentity: String]
  ) throws -> ONNXGraph {
    let input = trace.graph.input
    let graph = ONNXGraph(
      input: .init(name: inputName, rowShape: Array(input.shape.dropFirst()), dtype: input.dtype),
      outputName: outputName, keys: keys)
    let operations = trace.graph.operationsBehind(trace.output)
    guard let first = operations.first else {
      var graph = graph
      graph.finish(graph.input, as: outputName)
      return graph
    }
    let translator = ONNXTranslator(graph, input: input, first)
    for operation in operations { try translator.translate(operation) }
    let output = ONNXGraph.Value(
      name: translator.name(of: trace.output), rowShape: Array(trace.output.shape.dropFirst()),
      dtype: trace.output.dtype)
    translator.graph.finish(output, as: outputName)
    return translator.graph
  }

  private init(_ graph: ONNXGraph, input: TraceGraph.Value, _ first: TraceGraph.Operation) {
    self.graph = graph
    operation = first
    names = [ObjectIdentifier(input): graph.input.name]
  }

  private func translate(_ operation: TraceGraph.Operation) throws {
    self.operation = operation
    guard !operation.output.shape.contains(0) else { throw unsupported("its result is empty") }
    guard
      let name = try elementwise() ?? activation() ?? rearrangement() ?? convolutionOrProduct() ?? pooling()
        ?? normalization() ?? interpolation()
    else { throw unsupported("ONNX has no such operator") }
    names[ObjectIdentifier(operation.output)] = name
    graph.add(
      value: .init(
        name: name, rowShape: Array(operation.output.shape.dropFirst()), dtype: operation.output.dtype))
  }

  func unsupported(_ reason: String) -> ExportError {
    .unsupported(operation: operation.name, layer: operation.layer, reason: reason)
  }

  private func name(of value: TraceGraph.Value) -> String {
    guard let name = names[ObjectIdentifier(value)] else { fail("export", "a value has no name") }
    return name
  }

  // MARK: Operands

  /// The name of an operand.
  ///
  /// - Parameter dtype: what it is converted to; nil leaves it as it is.
  func input(_ place: Int, as dtype: DType? = nil) -> String {
    switch operation.inputs[place] {
    case .value(let value):
      return dtype.map { cast(name(of: value), from: value.dtype, to: $0) } ?? name(of: value)
    case .constant(let tensor, let isRepeated):
      // One row stands for all: operators broadcast it.
      let row =
        isRepeated ? tensor.view(shape: [1] + tensor.shape.dropFirst(), strides: tensor.strides) : tensor
      return graph.add(constant: dtype.map { row.to($0) } ?? row, layer: operation.layer)
    }
  }

  var inputs: [String] { operation.inputs.indices.map { input($0) } }

  /// The shape of an operand; 1 in the place of the batch if it is the same for all rows.
  func shape(_ place: Int) -> [Int] {
    switch operation.inputs[place] {
    case .value(let value): value.shape
    case .constant(let tensor, let isRepeated): isRepeated ? [1] + tensor.shape.dropFirst() : tensor.shape
    }
  }

  func dtype(_ place: Int) -> DType {
    switch operation.inputs[place] {
    case .value(let value): value.dtype
    case .constant(let tensor, _): tensor.dtype
    }
  }

  /// Whether an operand is one row that stands for all.
  func isRepeated(_ place: Int) -> Bool {
    if case .constant(_, let isRepeated) = operation.inputs[place] { isRepeated } else { false }
  }

  /// Sizes of the result behind the batch.
  var rowShape: [Int] { Array(operation.output.shape.dropFirst()) }

  // MARK: Nodes

  func node(
    _ type: String, _ inputs: [String], _ attributes: KeyValuePairs<String, ONNXGraph.Attribute> = [:]
  ) -> String {
    graph.add(type, inputs, attributes.map { ($0.key, $0.value) }, layer: operation.layer)
  }

  func cast(_ name: String, from: DType, to dtype: DType) -> String {
    from == dtype ? name : node("Cast", [name], ["to": .int(dtype.onnxType)])
  }

  /// Numbers that are not computed: axes, sizes.
  func constant(_ numbers: [Int]) -> String {
    if let name = integers[numbers] { return name }
    let name = graph.add(constant: Tensor(numbers), layer: "")
    integers[numbers] = name
    return name
  }

  func constant(_ tensor: Tensor) -> String { graph.add(constant: tensor, layer: operation.layer) }

  /// A number as an operand next to the result.
  func constant(_ number: Double) -> String {
    let key = Number(bits: number.bitPattern, dtype: operation.output.dtype)
    if let name = numbers[key] { return name }
    let name = graph.add(constant: Tensor.full([], number, dtype: key.dtype), layer: "")
    numbers[key] = name
    return name
  }

  private struct Number: Hashable {
    let bits: UInt64
    let dtype: DType
  }

  // MARK: Settings of the operation

  func has(_ key: String) -> Bool { operation.attributes[key] != nil }

  func flag(_ key: String) -> Bool {
    guard case .flag(let value) = operation.attributes[key] else { missing(key) }
    return value
  }
  func int(_ key: String) -> Int {
    guard case .int(let value) = operation.attributes[key] else { missing(key) }
    return value
  }
  func ints(_ key: String) -> [Int] {
    guard case .ints(let value) = operation.attributes[key] else { missing(key) }
    return value
  }
  func number(_ key: String) -> Double {
    guard case .number(let value) = operation.attributes[key] else { missing(key) }
    return value
  }
  func numbers(_ key: String) -> [Double] {
    guard case .numbers(let value) = operation.attributes[key] else { missing(key) }
    return value
  }
  func text(_ key: String) -> String {
    guard case .text(let value) = operation.attributes[key] else { missing(key) }
    return value
  }

  private func missing(_ key: String) -> Never {
    fail("export", "the operation \(operation.name) does not tell its \(key)")
  }
}

extension DType {
  /// The number of the element type in ONNX's `TensorProto.DataType`.
  var onnxType: Int {
    switch self {
    case .bool: 9
    case .uint8: 2
    case .int32: 6
    case .int64: 7
    case .bfloat16: 16
    case .float32: 1
    case .float64: 11
    }
  }
}
