import Foundation
import NNCore

/// Read-only bytes: a mapped file or memory of our own. They live as long as the object.
///
/// Invariant for `@unchecked Sendable`: the bytes are not changed after initialisation.
package final class FileBytes: @unchecked Sendable {
  package let buffer: UnsafeRawBufferPointer
  private let isMapped: Bool

  /// Maps a file. It must not be made shorter by others while it is read.
  ///
  /// - Parameter smallest: Files of fewer bytes are read instead, which is faster than changing the process's map.
  package init(mapping path: String, smallest: Int = 0) throws {
    // Without O_NONBLOCK, opening a named pipe would wait for a writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw FileError.unreadable(file: path, reason: systemMessage()) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw FileError.unreadable(file: path, reason: systemMessage())
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw FileError.unreadable(file: path, reason: "it is not a regular file")
    }
    let size = Int(status.st_size)
    isMapped = size >= smallest || size == 0
    guard size > 0 else {
      buffer = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard isMapped else {
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
      var done = 0
      while done < size {
        let got = read(descriptor, memory.baseAddress.map { $0 + done }, size - done)
        if got < 0, errno == EINTR { continue }
        guard got > 0 else {
          let reason = got < 0 ? systemMessage() : "it became shorter while it was read"
          memory.deallocate()
          throw FileError.unreadable(file: path, reason: reason)
        }
        done += got
      }
      buffer = UnsafeRawBufferPointer(memory)
      return
    }
    guard let base = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
      throw FileError.unreadable(file: path, reason: systemMessage())
    }
    buffer = UnsafeRawBufferPointer(start: base, count: size)
  }

  /// Memory of the given size, filled by a closure.
  package init(count: Int, filling body: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
    isMapped = false
    buffer = UnsafeRawBufferPointer(memory)
    try body(memory)
  }

  /// A copy of bytes in memory.
  package convenience init(_ bytes: [UInt8]) {
    self.init(count: bytes.count) { $0.copyBytes(from: bytes) }
  }

  deinit {
    if !isMapped {
      buffer.deallocate()
    } else if let base = buffer.baseAddress {
      munmap(UnsafeMutableRawPointer(mutating: base), buffer.count)
    }
  }

  package var whole: FileSlice { FileSlice(owner: self, range: 0..<buffer.count) }
}

/// Part of a file's bytes; keeps them alive.
package struct FileSlice: Sendable {
  private let owner: FileBytes
  private let range: Range<Int>

  fileprivate init(owner: FileBytes, range: Range<Int>) {
    self.owner = owner
    self.range = range
  }

  package var count: Int { range.count }

  /// The bytes; the pointer must not leave the closure.
  package func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try withExtendedLifetime(owner) { try body(UnsafeRawBufferPointer(rebasing: owner.buffer[range])) }
  }

  /// Bytes counted from the start of this slice.
  package func part(_ part: Range<Int>) throws -> FileSlice {
    guard part.lowerBound >= 0, part.upperBound <= count else {
      throw Malformed(expected: "bytes \(part)", found: "an end after \(count) bytes")
    }
    let start = range.lowerBound
    return FileSlice(owner: owner, range: start + part.lowerBound..<start + part.upperBound)
  }

  /// The bytes in place, as memory that is never written to; nil if they are fewer than `minimum` or do not begin at
  /// a multiple of `alignment`.
  func borrowed(minimum: Int, alignment: Int) -> Storage? {
    guard count >= minimum, let base = owner.buffer.baseAddress.map({ $0 + range.lowerBound }),
      Int(bitPattern: base) % alignment == 0
    else { return nil }
    return Storage(borrowing: base, byteCount: count, owner: owner)
  }

  package func hasPrefix(_ prefix: some Collection<UInt8>, at place: Int = 0) -> Bool {
    guard place >= 0, count - place >= prefix.count else { return false }
    return withBytes { $0[place..<place + prefix.count].elementsEqual(prefix) }
  }
}

/// The system's text for the last failed call.
package func systemMessage(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }

/// Reads forward through bytes; running past the end throws.
struct ByteReader {
  let slice: FileSlice
  private(set) var position: Int
  private let what: String

  /// `what` names the content in messages: "the pickle".
  init(_ slice: FileSlice, _ what: String, at position: Int = 0) {
    self.slice = slice
    self.position = position
    self.what = what
  }

  var remaining: Int { slice.count - position }

  mutating func take(_ count: Int) throws -> FileSlice {
    guard count >= 0, count <= remaining else {
      throw Malformed(expected: "\(count) more bytes in \(what)", found: "\(remaining)")
    }
    defer { position += count }
    return try slice.part(position..<position + count)
  }

  mutating func skip(_ count: Int) throws { _ = try take(count) }

  /// A little-endian integer.
  mutating func integer<T: FixedWidthInteger>(_ type: T.Type = T.self) throws -> T {
    let size = MemoryLayout<T>.size
    guard size <= remaining else {
      throw Malformed(expected: "\(size) more bytes in \(what)", found: "\(remaining)")
    }
    defer { position += size }
    return slice.withBytes { T(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: T.self)) }
  }

  /// A little-endian unsigned length that fits in `Int`.
  mutating func length<T: FixedWidthInteger & UnsignedInteger>(_ type: T.Type) throws -> Int {
    let value = try integer(T.self)
    guard let length = Int(exactly: value), length <= remaining else {
      throw Malformed(expected: "\(value) more bytes in \(what)", found: "\(remaining)")
    }
    return length
  }

  mutating func text(_ count: Int) throws -> String { try take(count).text(what) }

  /// Longest line of text, in bytes.
  private static let lineLimit = 1024

  /// The text up to the next line break, which is consumed.
  mutating func line() throws -> String {
    let window = Swift.min(remaining, Self.lineLimit)
    let end = slice.withBytes { bytes in
      bytes[position..<position + window].firstIndex(of: UInt8(ascii: "\n"))
    }
    guard let end else { throw Malformed(expected: "a line of text in \(what)", found: "no line break") }
    let line = try text(end - position)
    position += 1
    return line
  }
}

extension FileSlice {
  /// The bytes as UTF-8.
  func text(_ what: @autoclosure () -> String) throws -> String {
    guard let text = withBytes({ String(validating: $0, as: UTF8.self) }) else {
      throw Malformed(expected: "UTF-8 text in \(what())", found: "other bytes")
    }
    return text
  }
}
