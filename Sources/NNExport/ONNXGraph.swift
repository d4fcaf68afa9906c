import NNCore

/// The nodes, constants and values of an ONNX model while they are put together.
struct ONNXGraph {
  enum Attribute {
    case int(Int)
    case ints([Int])
    case float(Double)
    case text(String)
  }

  struct Node {
    let type: String
    let name: String
    /// Names of values; "" stands for an optional one that is left out.
    var inputs: [String]
    var output: String
    let attributes: [(name: String, value: Attribute)]
  }

  /// A value that is another for each batch.
  struct Value {
    var name: String
    /// Without the batch, which comes first.
    let rowShape: [Int]
    let dtype: DType
  }

  private(set) var nodes: [Node] = []
  /// The constants, each under a name of its own.
  private(set) var initializers: [(name: String, tensor: Tensor)] = []
  /// The results of operations, apart from the last one.
  private(set) var values: [Value] = []
  let input: Value
  private(set) var output: Value?
  private var names: Set<String>
  private var described: Set<String> = []
  private let keys: [TensorIdentity: String]
  private var known: [TensorIdentity: String] = [:]

  /// - Parameter keys: names of the tensors that have one, the parameters and buffers of a network.
  init(input: Value, outputName: String, keys: [TensorIdentity: String]) {
    self.input = input
    self.keys = keys
    names = [input.name, outputName]
  }

  /// The wished name, or that with the next number if there is one already.
  private mutating func unique(_ name: String) -> String {
    var candidate = name
    var number = 1
    while !names.insert(candidate).inserted {
      candidate = "\(name)_\(number)"
      number += 1
    }
    return candidate
  }

  /// Adds a node and gives the name of its result, which is that of the node.
  mutating func add(
    _ type: String, _ inputs: [String], _ attributes: [(name: String, value: Attribute)], layer: String
  ) -> String {
    let name = unique(layer.isEmpty ? type : "\(layer)/\(type)")
    nodes.append(Node(type: type, name: name, inputs: inputs, output: name, attributes: attributes))
    return name
  }

  /// The name of a constant, which is added if it is not there yet.
  mutating func add(constant tensor: Tensor, layer: String) -> String {
    let identity = TensorIdentity(tensor)
    if let name = known[identity] { return name }
    let name = unique(keys[identity] ?? (layer.isEmpty ? "constant" : "\(layer)/constant"))
    known[identity] = name
    initializers.append((name, tensor))
    return name
  }

  mutating func add(value: Value) {
    if value.name != input.name, described.insert(value.name).inserted { values.append(value) }
  }

  /// Names a value the output of the model.
  mutating func finish(_ value: Value, as name: String) {
    if let place = nodes.firstIndex(where: { $0.output == value.name }) {
      nodes[place].output = name
      for index in nodes.indices {
        nodes[index].inputs = nodes[index].inputs.map { $0 == value.name ? name : $0 }
      }
      values.removeAll { $0.name == value.name }
    } else {
      nodes.append(
        Node(type: "Identity", name: unique("Identity"), inputs: [value.name], output: name, attributes: []))
    }
    output = Value(name: name, rowShape: value.rowShape, dtype: value.dtype)
  }
}

/// Which bytes a tensor shows, and how. Good as long as somebody holds the tensor.
struct TensorIdentity: Hashable {
  private let storage: ObjectIdentifier
  private let offset: Int
  private let shape: [Int]
  private let strides: [Int]

  init(_ tensor: Tensor) {
    storage = ObjectIdentifier(tensor.storage)
    (offset, shape, strides) = (tensor.offset, tensor.shape, tensor.strides)
  }
}
