import Foundation

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
