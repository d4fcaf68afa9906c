import Foundation
import NNCore
import NNFiles

/// A file that grows record by record, and that a resumed fit cuts back to where its checkpoint was: what was logged
/// behind that is logged again.
final class LogFile {
  let path: String
  private var handle: FileHandle?

  init(_ path: String) { self.path = path }

  /// Bytes in the file.
  private(set) var size = 0

  /// Opens the file and keeps its first `kept` bytes. A file that has fewer (it was removed) starts anew.
  func open(keeping kept: Int) throws {
    try makeFolder()
    let descriptor = Foundation.open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw FileError.unwritable(file: path, reason: systemMessage()) }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    do {
      let length = try handle.seekToEnd()
      size = kept <= length ? kept : 0
      try handle.truncate(atOffset: UInt64(size))
    } catch {
      throw FileError.unwritable(file: path, reason: "\(error)")
    }
    self.handle = handle
  }

  /// The folder that the file lies in.
  var folder: String {
    let folder = (path as NSString).deletingLastPathComponent
    return folder.isEmpty ? "." : folder
  }

  func makeFolder() throws { if folder != "." { try makeWritableFolder(folder) } }

  /// Keeps other processes from taking the file for one that a dead process left; the system lets go of it with this
  /// one.
  func lock() {
    if let handle { flock(handle.fileDescriptor, LOCK_EX | LOCK_NB) }
  }

  /// Whether nobody holds the file that `lock` was called for.
  static func isUnlocked(_ path: String) -> Bool {
    let descriptor = Foundation.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return flock(descriptor, LOCK_EX | LOCK_NB) == 0
  }

  func append(_ bytes: Data) throws {
    if handle == nil { try open(keeping: 0) }
    do {
      try handle?.write(contentsOf: bytes)
    } catch {
      throw FileError.unwritable(file: path, reason: systemMessage())
    }
    size += bytes.count
  }
}
