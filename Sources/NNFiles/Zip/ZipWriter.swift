import CZlib
import NNCore

/// Writes a zip file whose records are stored as they are, each beginning at a multiple of 64 bytes, so that readers
/// can use a mapped file in place. Sizes and offsets stay below 4 GiB.
struct ZipWriter {
  private struct Entry {
    var name: [UInt8]
    var checksum: UInt32
    var byteCount: Int
    var headerOffset: Int
  }

  private let file: AtomicFile
  private let path: String
  private var position = 0
  private var entries: [Entry] = []

  /// Writes a whole file, or nothing if `body` throws.
  static func write(_ path: String, _ body: (inout ZipWriter) throws -> Void) throws {
    try AtomicFile.write(path) { file in
      var writer = ZipWriter(file: file, path: path)
      try body(&writer)
      try writer.finish()
    }
  }

  private init(file: AtomicFile, path: String) {
    self.file = file
    self.path = path
  }

  mutating func add(_ name: String, _ bytes: [UInt8]) throws {
    try add(name, byteCount: bytes.count) { write in try bytes.withUnsafeBytes { try write($0) } }
  }

  /// Adds a record of the given size. `content` hands its bytes to a closure piece by piece; it is called twice,
  /// first for the checksum, which stands before the bytes.
  mutating func add(
    _ name: String, byteCount: Int, content: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) throws {
    var checksum: UInt = 0
    var total = 0
    try content { piece in
      total += piece.count
      // For no bytes at no address zlib would start anew.
      if piece.count > 0 {
        checksum = crc32_z(checksum, piece.baseAddress?.assumingMemoryBound(to: UInt8.self), piece.count)
      }
    }
    require(total == byteCount, "ZipWriter", "\(total) bytes for a record of \(byteCount)")
    let utf8 = Array(name.utf8)
    let limit = Int(UInt32.max)
    guard position + byteCount + 256 < limit, utf8.count <= 0x8000, entries.count < 0xFFFE else {
      throw FileError.unwritable(
        file: path, reason: "a zip file of 4 GiB or more (safetensors files can be larger)")
    }
    let entry = Entry(
      name: utf8, checksum: UInt32(truncatingIfNeeded: checksum), byteCount: byteCount, headerOffset: position
    )
    let headerSize = 30 + utf8.count + 4
    let padding = (64 - (position + headerSize) % 64) % 64
    var header = Self.little(0x0403_4B50, 4) + Self.common(entry) + Self.little(utf8.count, 2)
    header += Self.little(4 + padding, 2) + utf8
    // The field that PyTorch pads with, too.
    header += Array("FB".utf8) + Self.little(padding, 2) + Array(repeating: UInt8(ascii: "Z"), count: padding)
    try file.write(header)
    try content { try file.write($0) }
    position += header.count + byteCount
    entries.append(entry)
  }

  private mutating func finish() throws {
    var directory: [UInt8] = []
    for entry in entries {
      directory += Self.little(0x0201_4B50, 4) + Self.little(0, 2) + Self.common(entry)
      directory += Self.little(entry.name.count, 2) + Array(repeating: 0, count: 12)
      directory += Self.little(entry.headerOffset, 4) + entry.name
    }
    let end =
      Self.little(0x0605_4B50, 4) + Self.little(0, 4) + Self.little(entries.count, 2)
      + Self.little(entries.count, 2) + Self.little(directory.count, 4) + Self.little(position, 4)
      + Self.little(0, 2)
    try file.write(directory + end)
  }

  /// What local headers and the directory have in common: version, names in UTF-8, no packing, a fixed time
  /// (1980-01-01), so that equal contents give equal files.
  private static func common(_ entry: Entry) -> [UInt8] {
    little(20, 2) + little(0x800, 2) + little(0, 2) + little(0, 2) + little(0x21, 2)
      + little(Int(entry.checksum), 4) + little(entry.byteCount, 4) + little(entry.byteCount, 4)
  }

  private static func little(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}
