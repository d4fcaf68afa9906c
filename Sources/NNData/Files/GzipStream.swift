import CArchive
import Foundation
import NNCore
import NNFiles

/// Single files packed with gzip.
enum GzipFile {
  /// Unpacks a file, whole or not at all. Throws ``ArchiveError`` or `FileError`.
  ///
  /// - Parameter maximumBytes: What it may unpack to; a small file can hold gigabytes.
  static func unpack(_ packed: String, to path: String, maximumBytes: Int) throws {
    let gzip = try GzipStream(packed)
    try AtomicFile.write(path) { file in
      try gzip.forEachBlock(maximumBytes: maximumBytes, limit: "\(maximumBytes) bytes") { try file.write($0) }
    }
  }
}

/// The decompressed bytes of a gzip file, block by block, with the two checks in its trailer that libarchive
/// leaves out: CRC-32 and length.
final class GzipStream {
  private(set) var failure: (any Error)?
  private let file: String
  private let gzip: OpaquePointer
  private var buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
  private var crc = CRC32()
  private var length: UInt32 = 0

  init(_ path: String) throws {
    file = path
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError.reading(path) }
    defer { close(descriptor) }
    var magic: [UInt8] = [0, 0]
    guard read(descriptor, &magic, 2) == 2, magic == [0x1f, 0x8b] else {
      throw ArchiveError.damaged(file: path, reason: "it does not start as a gzip file does")
    }
    guard let gzip = archive_read_new() else {
      throw ArchiveError.damaged(file: path, reason: "out of memory")
    }
    self.gzip = gzip
    archive_read_support_filter_gzip(gzip)
    archive_read_support_format_raw(gzip)
    var entry: OpaquePointer?
    guard archive_read_open_filename(gzip, path, 1 << 18) == ARCHIVE_OK,
      archive_read_next_header(gzip, &entry) == ARCHIVE_OK
    else { throw ArchiveError.damaged(file: path, reason: TarArchive.message(gzip)) }
  }

  deinit {
    archive_read_free(gzip)
    buffer.deallocate()
  }

  /// Hands out the next block; 0 at the end, negative after a failure.
  func next(_ block: inout UnsafeRawPointer?) -> Int {
    let got = archive_read_data(gzip, buffer.baseAddress, buffer.count)
    if got < 0 {
      failure = ArchiveError.damaged(file: file, reason: TarArchive.message(gzip))
      return -1
    }
    crc.update(UnsafeRawBufferPointer(rebasing: buffer[0..<got]))
    length &+= UInt32(truncatingIfNeeded: got)
    block = UnsafeRawPointer(buffer.baseAddress)
    return got
  }

  /// Hands on all that is left, and compares with the trailer.
  ///
  /// - Parameter limit: what more than `maximumBytes` is too much for, for the message.
  func forEachBlock(
    maximumBytes: Int, limit: String, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var total = 0
    var block: UnsafeRawPointer?
    while true {
      let count = next(&block)
      if count <= 0 { break }
      total += count
      guard total <= maximumBytes else { throw ArchiveError.tooLarge(file: file, limit: limit) }
      try body(UnsafeRawBufferPointer(start: block, count: count))
    }
    try finish()
  }

  /// Reads to the end and compares with the trailer.
  func finish() throws {
    var block: UnsafeRawPointer?
    while next(&block) > 0 {}
    if let failure { throw failure }
    let descriptor = open(file, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError.reading(file) }
    defer { close(descriptor) }
    var trailer = [UInt8](repeating: 0, count: 8)
    guard lseek(descriptor, -8, SEEK_END) >= 0, read(descriptor, &trailer, 8) == 8 else {
      throw FileError.reading(file)
    }
    func number(_ start: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(trailer[start + $1]) << (8 * $1) } }
    guard number(0) == crc.value, number(4) == length else {
      throw ArchiveError.damaged(file: file, reason: "its CRC-32 or length differs from what its end says")
    }
  }
}

/// The checksum of gzip and PNG (polynomial 0xedb88320).
private struct CRC32 {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 != 0 ? value >> 1 ^ 0xedb8_8320 : value >> 1 }
  }
  private var state: UInt32 = 0xffff_ffff
  var value: UInt32 { ~state }

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    CRC32.table.withUnsafeBufferPointer { table in
      for byte in bytes { state = table[Int(UInt8(truncatingIfNeeded: state) ^ byte)] ^ state >> 8 }
    }
  }
}
