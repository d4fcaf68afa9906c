import Foundation
import NNCore

// The messages of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, whose field numbers stand here.

extension ONNXModel {
  /// `ModelProto`.
  var encoded: ProtobufMessage {
    var opset = ProtobufMessage()
    opset.add(text: 1, "")
    opset.add(integer: 2, ONNXTranslator.opset)
    var model = ProtobufMessage()
    model.add(integer: 1, 8)  // the version of the format that came with opset 18
    model.add(text: 2, "swift-nn")
    model.add(text: 3, libraryVersion)
    model.add(message: 7, graph.encoded(name: name))
    model.add(message: 8, opset)
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
      var entry = ProtobufMessage()
      entry.add(text: 1, key)
      entry.add(text: 2, value)
      model.add(message: 14, entry)
    }
    return model
  }
}

extension ONNXGraph {
  /// `GraphProto`.
  fileprivate func encoded(name: String) -> ProtobufMessage {
    var graph = ProtobufMessage()
    for node in nodes { graph.add(message: 1, node.encoded) }
    graph.add(text: 2, name)
    for (name, tensor) in initializers { graph.add(message: 5, tensor.encoded(name: name)) }
    graph.add(message: 11, input.encoded)
    if let output { graph.add(message: 12, output.encoded) }
    for value in values { graph.add(message: 13, value.encoded) }
    return graph
  }
}

extension ONNXGraph.Node {
  /// `NodeProto`.
  fileprivate var encoded: ProtobufMessage {
    var node = ProtobufMessage()
    for input in inputs { node.add(text: 1, input) }
    node.add(text: 2, output)
    node.add(text: 3, name)
    node.add(text: 4, type)
    for (name, value) in attributes { node.add(message: 5, value.encoded(name: name)) }
    return node
  }
}

extension ONNXGraph.Attribute {
  /// `AttributeProto`.
  fileprivate func encoded(name: String) -> ProtobufMessage {
    var attribute = ProtobufMessage()
    attribute.add(text: 1, name)
    switch self {
    case .float(let value):
      attribute.add(float: 2, Float(value))
      attribute.add(integer: 20, 1)
    case .int(let value):
      attribute.add(integer: 3, value)
      attribute.add(integer: 20, 2)
    case .text(let value):
      attribute.add(text: 4, value)
      attribute.add(integer: 20, 3)
    case .ints(let values):
      attribute.add(integers: 8, values)
      attribute.add(integer: 20, 7)
    }
    return attribute
  }
}

extension ONNXGraph.Value {
  /// `ValueInfoProto`, the batch being a dimension with a name.
  fileprivate var encoded: ProtobufMessage {
    var shape = ProtobufMessage()
    var batch = ProtobufMessage()
    batch.add(text: 2, "batch")
    shape.add(message: 1, batch)
    for size in rowShape {
      var dimension = ProtobufMessage()
      dimension.add(integer: 1, size)
      shape.add(message: 1, dimension)
    }
    var tensor = ProtobufMessage()
    tensor.add(integer: 1, dtype.onnxType)
    tensor.add(message: 2, shape)
    var type = ProtobufMessage()
    type.add(message: 1, tensor)
    var value = ProtobufMessage()
    value.add(text: 1, name)
    value.add(message: 2, type)
    return value
  }
}

extension Tensor {
  /// `TensorProto`, with the elements as they lie in memory: little-endian, like every machine that this library runs on.
  fileprivate func encoded(name: String) -> ProtobufMessage {
    var message = ProtobufMessage()
    message.add(integers: 1, shape)
    message.add(integer: 2, dtype.onnxType)
    message.add(text: 8, name)
    message.add(bytes: 9, detach().to(.cpu).contiguous().borrowedBytes)
    return message
  }

  /// The bytes without a copy: they hold the tensor, and whoever writes to it meanwhile copies first.
  private var borrowedBytes: Data {
    Data(
      bytesNoCopy: hostPointer, count: count * dtype.byteCount,
      deallocator: .custom { _, _ in withExtendedLifetime(self) {} })
  }
}
