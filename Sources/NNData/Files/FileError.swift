import Foundation
import NNCore

extension FileError {
  static func reading(_ file: String) -> FileError {
    .unreadable(file: file, reason: String(cString: strerror(errno)))
  }
  static func writing(_ file: String) -> FileError {
    .unwritable(file: file, reason: String(cString: strerror(errno)))
  }
}

/// Whole files in one go.
enum FileBytes {
  /// The content of a file. Throws `FileError.unreadable`, also for a folder.
  static func read(_ path: String) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError.reading(path) }
    defer { close(descriptor) }
    var info = stat()
    guard fstat(descriptor, &info) == 0 else { throw FileError.reading(path) }
    guard info.st_mode & S_IFMT == S_IFREG else {
      throw FileError.unreadable(file: path, reason: "not a regular file")
    }
    let size = Int(info.st_size)
    return try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      while count < size, let base = buffer.baseAddress {
        let got = Foundation.read(descriptor, base + count, size - count)
        if got < 0 && errno == EINTR { continue }
        guard got >= 0 else { throw FileError.reading(path) }
        if got == 0 { break }
        count += got
      }
    }
  }

  /// Writes beside the target and renames, so that a file is there whole or not at all.
  static func write(_ bytes: UnsafeRawBufferPointer, to path: String) throws {
    let temporary = "\(path).\(getpid()).\(UInt32.random(in: 0...UInt32.max)).tmp"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw FileError.writing(path) }
    var done = 0
    var failure: FileError?
    while done < bytes.count, let base = bytes.baseAddress {
      let put = Foundation.write(descriptor, base + done, bytes.count - done)
      if put < 0 && errno == EINTR { continue }
      guard put > 0 else {
        failure = FileError.writing(path)
        break
      }
      done += put
    }
    if close(descriptor) != 0, failure == nil { failure = FileError.writing(path) }
    if failure == nil, rename(temporary, path) != 0 { failure = FileError.writing(path) }
    if let failure {
      unlink(temporary)
      throw failure
    }
  }
}
