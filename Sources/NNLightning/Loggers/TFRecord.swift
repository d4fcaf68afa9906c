import Foundation

/// A Protocol Buffers message while it is written. https://protobuf.dev/programming-guides/encoding/
struct ProtobufMessage {
  private(set) var bytes = Data()

  private mutating func key(_ field: Int, _ wireType: Int) { varint(UInt64(field << 3 | wireType)) }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7f) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  private mutating func littleEndian<T: FixedWidthInteger>(_ value: T) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func add(integer field: Int, _ value: Int) {
    key(field, 0)
    varint(UInt64(bitPattern: Int64(value)))
  }

  mutating func add(double field: Int, _ value: Double) {
    key(field, 1)
    littleEndian(value.bitPattern)
  }

  mutating func add(float field: Int, _ value: Float) {
    key(field, 5)
    littleEndian(value.bitPattern)
  }

  mutating func add(bytes field: Int, _ value: Data) {
    key(field, 2)
    varint(UInt64(value.count))
    bytes.append(value)
  }

  mutating func add(text field: Int, _ value: String) { add(bytes: field, Data(value.utf8)) }
  mutating func add(message field: Int, _ value: ProtobufMessage) { add(bytes: field, value.bytes) }
  mutating func add(message field: Int, _ write: (inout ProtobufMessage) -> Void) {
    var message = ProtobufMessage()
    write(&message)
    add(message: field, message)
  }

  /// A packed list.
  mutating func add(doubles field: Int, _ values: [Double]) {
    key(field, 2)
    varint(UInt64(values.count * 8))
    for value in values { littleEndian(value.bitPattern) }
  }
}

/// One record of a TFRecord file: length, its checksum, data, its checksum.
func tfRecord(_ data: Data) -> Data {
  func bytes<T: FixedWidthInteger>(_ value: T) -> Data {
    withUnsafeBytes(of: value.littleEndian) { Data($0) }
  }
  let length = bytes(UInt64(data.count))
  return length + bytes(maskedCRC32C(length)) + data + bytes(maskedCRC32C(data))
}

/// The checksum of TFRecord files: CRC-32C (Castagnoli), rotated and shifted so that checksums of data that holds
/// checksums stay good ones.
package func maskedCRC32C(_ data: Data) -> UInt32 {
  var crc: UInt32 = 0xffff_ffff
  for byte in data { crc = crc32cTable[Int((crc ^ UInt32(byte)) & 0xff)] ^ (crc >> 8) }
  crc ^= 0xffff_ffff
  return (crc >> 15 | crc << 17) &+ 0xa282_ead8
}

private let crc32cTable: [UInt32] = (0..<256).map { index in
  (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0x82f6_3b78 : value >> 1 }
}
