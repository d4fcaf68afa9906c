import Foundation

/// One entry of a tar archive.
public struct TarEntry: Sendable {
  public var name: [UInt8]
  public var content: [UInt8]
  /// `0` a file, `1` a hard link, `2` a symbolic link, `3` a device, `5` a folder, `6` a pipe.
  public var kind: Character
  public var target: String

  public init(_ name: String, content: String = "", kind: Character = "0", target: String = "") {
    self.init(bytes: Array(name.utf8), content: Array(content.utf8), kind: kind, target: target)
  }

  public init(bytes name: [UInt8], content: [UInt8] = [], kind: Character = "0", target: String = "") {
    (self.name, self.content, self.kind, self.target) = (name, content, kind, target)
  }
}

/// A tar archive.
public func storedTar(_ entries: [TarEntry]) -> [UInt8] {
  func octal(_ value: Int, _ width: Int) -> [UInt8] {
    let digits = String(value, radix: 8)
    return Array((String(repeating: "0", count: width - 1 - digits.count) + digits).utf8) + [0]
  }
  func field(_ bytes: [UInt8], _ width: Int) -> [UInt8] {
    Array(bytes.prefix(width)) + Array(repeating: 0, count: max(0, width - bytes.count))
  }
  var tar: [UInt8] = []
  for entry in entries {
    var header = field(entry.name, 100) + octal(0o644, 8) + octal(0, 8) + octal(0, 8)
    header += octal(entry.content.count, 12) + octal(0, 12) + Array(repeating: 32, count: 8)
    header += Array(String(entry.kind).utf8) + field(Array(entry.target.utf8), 100)
    header += Array("ustar\u{0}00".utf8) + Array(repeating: 0, count: 247)
    let sum = octal(header.reduce(0) { $0 + Int($1) }, 7) + [32]
    header.replaceSubrange(148..<156, with: sum)
    tar += header + entry.content + Array(repeating: 0, count: (512 - entry.content.count % 512) % 512)
  }
  return tar + Array(repeating: 0, count: 1024)
}

/// A gzip file whose content is not compressed.
public func storedGzip(_ content: [UInt8]) -> Data {
  func number(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
  var file: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]
  var rest = content[...]
  repeat {
    let block = rest.prefix(0xFFFF)
    rest = rest.dropFirst(block.count)
    file += [rest.isEmpty ? 1 : 0] + number(UInt16(block.count)) + number(~UInt16(block.count)) + block
  } while !rest.isEmpty
  return Data(file + number(crc32(content)) + number(UInt32(truncatingIfNeeded: content.count)))
}
