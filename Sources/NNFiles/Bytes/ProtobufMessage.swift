import Foundation

/// A Protocol Buffers message while it is written. https://protobuf.dev/programming-guides/encoding/
package struct ProtobufMessage {
  /// The encoded message in pieces; large ones are the caller's memory, not copies of it.
  package private(set) var parts: [Data] = []
  /// Size of the encoded message.
  package private(set) var byteCount = 0
  /// Whether the last piece is one of our own that may grow.
  private var isOpen = false

  package init() {}

  /// The encoded message.
  package var bytes: Data { parts.reduce(into: Data()) { $0.append($1) } }

  private mutating func append(_ data: Data) {
    let large = 1 << 12
    byteCount += data.count
    if data.count >= large {
      parts.append(data)
      isOpen = false
    } else if isOpen {
      parts[parts.count - 1].append(data)
    } else {
      // A copy: growing must not write behind somebody's memory.
      parts.append(Data(Array(data)))
      isOpen = true
    }
  }

  private mutating func key(_ field: Int, _ wireType: Int) { varint(UInt64(field << 3 | wireType)) }

  private mutating func varint(_ value: UInt64) {
    var encoded = Data()
    var rest = value
    while rest >= 0x80 {
      encoded.append(UInt8(rest & 0x7f) | 0x80)
      rest >>= 7
    }
    encoded.append(UInt8(rest))
    append(encoded)
  }

  private mutating func littleEndian<T: FixedWidthInteger>(_ value: T) {
    append(withUnsafeBytes(of: value.littleEndian) { Data($0) })
  }

  package mutating func add(integer field: Int, _ value: Int) {
    key(field, 0)
    varint(UInt64(bitPattern: Int64(value)))
  }

  package mutating func add(double field: Int, _ value: Double) {
    key(field, 1)
    littleEndian(value.bitPattern)
  }

  package mutating func add(float field: Int, _ value: Float) {
    key(field, 5)
    littleEndian(value.bitPattern)
  }

  package mutating func add(bytes field: Int, _ value: Data) {
    key(field, 2)
    varint(UInt64(value.count))
    append(value)
  }

  package mutating func add(text field: Int, _ value: String) { add(bytes: field, Data(value.utf8)) }

  package mutating func add(message field: Int, _ value: ProtobufMessage) {
    key(field, 2)
    varint(UInt64(value.byteCount))
    for part in value.parts { append(part) }
  }

  package mutating func add(message field: Int, _ write: (inout ProtobufMessage) -> Void) {
    var message = ProtobufMessage()
    write(&message)
    add(message: field, message)
  }

  /// A packed list.
  package mutating func add(doubles field: Int, _ values: [Double]) {
    key(field, 2)
    varint(UInt64(values.count * 8))
    for value in values { littleEndian(value.bitPattern) }
  }

  /// A list that is not packed.
  package mutating func add(integers field: Int, _ values: [Int]) {
    for value in values { add(integer: field, value) }
  }
}
