import Foundation
import NNCore
import NNFiles

/// The file in which a download gathers, locked against other processes.
///
/// Invariant for `@unchecked Sendable`: used by one thread at a time; a transfer's callbacks run one after the other
/// while the thread that started it waits.
final class PartFile: @unchecked Sendable {
  let path: String
  private let descriptor: Int32
  private let keepsUnfinished: Bool
  private var isPublished = false
  private(set) var size = 0

  init(_ path: String, keepsUnfinished: Bool) throws {
    self.path = path
    self.keepsUnfinished = keepsUnfinished
    descriptor = try PartFile.locked(path)
    if keepsUnfinished {
      size = max(0, Int(lseek(descriptor, 0, SEEK_END)))
    } else {
      try truncate()
    }
  }

  /// Opens the file and locks it, once the name still means what was locked: the process that had the lock may have
  /// published or removed the file in between, and what is open then is not the part any more.
  private static func locked(_ path: String) throws -> Int32 {
    while true {
      let descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else { throw FileError.writing(path) }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        Foundation.close(descriptor)
        throw DownloadError.busy(file: path)
      }
      var (opened, named) = (stat(), stat())
      if fstat(descriptor, &opened) == 0, lstat(path, &named) == 0, opened.st_ino == named.st_ino,
        opened.st_dev == named.st_dev
      {
        return descriptor
      }
      Foundation.close(descriptor)
    }
  }

  func truncate() throws {
    guard ftruncate(descriptor, 0) == 0, lseek(descriptor, 0, SEEK_SET) == 0 else {
      throw FileError.writing(path)
    }
    size = 0
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws {
    var done = 0
    while done < bytes.count, let base = bytes.baseAddress {
      let put = write(descriptor, base + done, bytes.count - done)
      if put < 0 && errno == EINTR { continue }
      guard put > 0 else { throw FileError.writing(path) }
      done += put
      size += put
    }
  }

  func publish(as target: String) throws {
    guard fsync(descriptor) == 0, rename(path, target) == 0 else { throw FileError.writing(target) }
    isPublished = true
  }

  /// Leaves the part only if it is worth taking up again.
  func close() {
    if !isPublished && (!keepsUnfinished || size == 0) { unlink(path) }
    Foundation.close(descriptor)
  }
}
