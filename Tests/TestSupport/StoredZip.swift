import Foundation

/// A zip file of entries that are not compressed.
public func storedZip(_ entries: [(name: String, content: [UInt8])]) -> Data {
  func number(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
  var (file, directory): ([UInt8], [UInt8]) = ([], [])
  for (name, content) in entries {
    let name = Array(name.utf8)
    let description =
      number(UInt16(20)) + [0, 0, 0, 0, 0, 0, 0, 0] + number(crc32(content)) + number(UInt32(content.count))
      + number(UInt32(content.count)) + number(UInt16(name.count)) + [0, 0]
    directory +=
      [0x50, 0x4B, 1, 2] + number(UInt16(20)) + description + [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
      + number(UInt32(file.count)) + name
    file += [0x50, 0x4B, 3, 4] + description + name + content
  }
  let end =
    [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + number(UInt16(entries.count)) + number(UInt16(entries.count))
    + number(UInt32(directory.count)) + number(UInt32(file.count)) + [0, 0]
  return Data(file + directory + end)
}

func crc32(_ bytes: [UInt8]) -> UInt32 {
  ~bytes.reduce(UInt32.max) { sum, byte in
    (0..<8).reduce(sum ^ UInt32(byte)) { sum, _ in sum >> 1 ^ (sum & 1 == 1 ? 0xEDB8_8320 : 0) }
  }
}
