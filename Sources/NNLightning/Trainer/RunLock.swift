import Foundation
import NNCore
import NNFiles

/// Keeps a run's folder to one process at a time.
///
///     let lock = try RunLock("runs/a")  // throws if another process trains there
///     defer { lock.release() }
///
/// The system drops the lock with the process, however that ends, so a run that was killed is in nobody's way.
public final class RunLock {
  /// The folder, as it was given.
  public let folder: String
  private let path: String
  private var descriptor: Int32

  /// Name of the file in the folder; it holds the number of the process.
  public static let fileName = ".run-lock"

  /// Takes the folder, which is made if it is not there.
  ///
  /// - Throws: `RunLockError.held` if another process (or another lock of this one) has it, `TrainerError
  ///   .unwritableFolder`, and `FileError.unwritable`.
  public init(_ folder: String) throws {
    try makeWritableFolder(folder)
    self.folder = folder
    path = folder + "/" + Self.fileName
    while true {
      let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
      guard descriptor >= 0 else { throw FileError.unwritable(file: path, reason: systemMessage()) }
      if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
        let (reason, owner) = (errno, Self.owner(descriptor))
        let message = systemMessage()
        close(descriptor)
        if reason == EINTR { continue }
        guard reason == EWOULDBLOCK else { throw FileError.unwritable(file: path, reason: message) }
        throw RunLockError.held(folder: folder, process: owner)
      }
      // The one before may have removed the file between the two calls: then the lock is on nothing.
      if Self.isFile(path, descriptor) {
        self.descriptor = descriptor
        break
      }
      close(descriptor)
    }
    let text = Array("\(getpid())\n".utf8)
    ftruncate(descriptor, 0)
    _ = text.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
  }

  deinit { release() }

  /// Gives the folder free, and removes the lock's file. Does nothing the second time.
  public func release() {
    guard descriptor >= 0 else { return }
    unlink(path)
    close(descriptor)
    descriptor = -1
  }

  private static func owner(_ descriptor: Int32) -> Int? {
    var bytes = [UInt8](repeating: 0, count: 20)
    let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
    guard count > 0 else { return nil }
    return Int(String(decoding: bytes[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
  }

  private static func isFile(_ path: String, _ descriptor: Int32) -> Bool {
    var (named, opened) = (stat(), stat())
    return lstat(path, &named) == 0 && fstat(descriptor, &opened) == 0 && named.st_ino == opened.st_ino
      && named.st_dev == opened.st_dev
  }
}

/// Why a folder cannot be had.
public enum RunLockError: Error, Equatable, CustomStringConvertible {
  /// Another process writes a run there; its number if it could be read.
  case held(folder: String, process: Int?)

  public var description: String {
    switch self {
    case .held(let folder, let process):
      "\(printable(folder)): expected a folder that no other run writes to, found it in use by "
        + (process.map { "process \($0)" } ?? "another process") + "; wait for it, or choose another name"
    }
  }
}
