import Foundation
import NNCore
import NNFiles

/// What stands in an ONNX file, read by code of the tests' own.
package struct ONNXFile {
  package struct Node {
    package var type = ""
    package var name = ""
    package var inputs: [String] = []
    package var outputs: [String] = []
    /// Integers of `INT` and `INTS` attributes.
    package var integers: [String: [Int]] = [:]
  }

  package struct Value: Equatable {
    package let name: String
    package let elementType: Int
    /// Sizes, or names of dimensions.
    package let shape: [String]

    package init(name: String, elementType: Int, shape: [String]) {
      (self.name, self.elementType, self.shape) = (name, elementType, shape)
    }
  }

  package struct Constant {
    package let elementType: Int
    package let shape: [Int]
    package let bytes: Data
  }

  package var irVersion = 0
  package var opset = 0
  package var producer: [String] = []
  package var metadata: [String: String] = [:]
  package var name = ""
  package var nodes: [Node] = []
  package var constants: [String: Constant] = [:]
  package var inputs: [Value] = []
  package var outputs: [Value] = []

  package init(_ path: String) throws {
    for field in try fields(Data(contentsOf: URL(fileURLWithPath: path))) {
      switch field.number {
      case 1: irVersion = field.integer
      case 2, 3: producer.append(field.text)
      case 7: try read(graph: field.bytes)
      case 8: opset = try fields(field.bytes).first { $0.number == 2 }?.integer ?? 0
      case 14:
        let entry = try fields(field.bytes)
        metadata[entry[0].text] = entry[1].text
      default: throw Malformed(expected: "a field of ModelProto", found: "\(field.number)")
      }
    }
  }

  private mutating func read(graph: Data) throws {
    for field in try fields(graph) {
      switch field.number {
      case 1: nodes.append(try Node(field.bytes))
      case 2: name = field.text
      case 5:
        let parts = try fields(field.bytes)
        let name = parts.first { $0.number == 8 }?.text ?? ""
        constants[name] = Constant(
          elementType: parts.first { $0.number == 2 }?.integer ?? 0,
          shape: parts.filter { $0.number == 1 }.map(\.integer),
          bytes: parts.first { $0.number == 9 }?.bytes ?? Data())
      case 11: inputs.append(try Value(field.bytes))
      case 12: outputs.append(try Value(field.bytes))
      case 13: _ = try Value(field.bytes)
      default: throw Malformed(expected: "a field of GraphProto", found: "\(field.number)")
      }
    }
  }
}

extension ONNXFile.Node {
  fileprivate init(_ data: Data) throws {
    for field in try fields(data) {
      switch field.number {
      case 1: inputs.append(field.text)
      case 2: outputs.append(field.text)
      case 3: name = field.text
      case 4: type = field.text
      case 5:
        let parts = try fields(field.bytes)
        let numbers = parts.filter { $0.number == 3 || $0.number == 8 }.map(\.integer)
        integers[parts.first { $0.number == 1 }?.text ?? ""] = numbers
      default: throw Malformed(expected: "a field of NodeProto", found: "\(field.number)")
      }
    }
  }
}

extension ONNXFile.Value {
  fileprivate init(_ data: Data) throws {
    let parts = try fields(data)
    let type = try fields(fields(parts[1].bytes)[0].bytes)
    self.init(
      name: parts[0].text, elementType: type[0].integer,
      shape: try fields(type[1].bytes).map { dimension in
        let size = try fields(dimension.bytes)[0]
        return size.number == 1 ? "\(size.integer)" : size.text
      })
  }
}

/// A field of a Protocol Buffers message.
private struct Field {
  let number: Int
  var integer = 0
  var bytes = Data()
  var text: String { String(decoding: bytes, as: UTF8.self) }
}

private func fields(_ data: Data) throws -> [Field] {
  var place = data.startIndex
  func take(_ count: Int) throws -> Data {
    guard count >= 0, place + count <= data.endIndex else {
      throw Malformed(expected: "\(count) more bytes", found: "\(data.endIndex - place)")
    }
    defer { place += count }
    return data[place..<place + count]
  }
  func varint() throws -> Int {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte = try take(1)
      value |= UInt64(byte[byte.startIndex] & 0x7f) << shift
      if byte[byte.startIndex] < 0x80 { return Int(Int64(bitPattern: value)) }
      shift += 7
    }
  }
  var result: [Field] = []
  while place < data.endIndex {
    let key = try varint()
    var field = Field(number: key >> 3)
    switch key & 7 {
    case 0: field.integer = try varint()
    case 1: field.bytes = try take(8)
    case 2: field.bytes = try take(varint())
    case 5: field.bytes = try take(4)
    default: throw Malformed(expected: "a wire type", found: "\(key & 7)")
    }
    result.append(field)
  }
  return result
}
