import Foundation
import NNCore

/// Writes a whole file or nothing: into a temporary file of the same folder, which takes the place of the
/// target only when all of it is on disk. The temporary file is locked as long as it is written, so that one whose writer
/// was killed is told from one that is under way.
package struct AtomicFile {
  private let target: String
  private let temporary: String
  private let descriptor: Int32

  /// Writes a file through a closure; whatever it throws leaves the target as it was.
  package static func write(_ path: String, _ body: (AtomicFile) throws -> Void) throws {
    let file = try AtomicFile(path)
    do {
      defer { close(file.descriptor) }
      try body(file)
      try file.check(fsync(file.descriptor) == 0)
      try file.check(rename(file.temporary, file.target) == 0)
    } catch {
      unlink(file.temporary)
      throw error
    }
    // Makes the new name durable; file systems that cannot do this for folders say so and lose nothing.
    let folder = open(folderAndName(file.target).folder + ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if folder >= 0 {
      fsync(folder)
      close(folder)
    }
  }

  private init(_ path: String) throws {
    // A link stays a link: the file that it points to is replaced.
    target = realPath(path) ?? path
    let (folder, name) = folderAndName(target)
    let start = String(decoding: name.utf8.prefix(50), as: UTF8.self)
    var opened: Int32 = -1
    var candidate = ""
    for _ in 0..<100 where opened < 0 {
      let tag = String(UInt64.random(in: .min ... .max), radix: 36)
      candidate = "\(folder).\(start).\(tag)\(AtomicFile.suffix)"
      opened = open(candidate, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      if opened < 0, errno != EEXIST { break }
      // Who cleans up may have found the file before it was locked: then it is gone, and another one is made.
      if opened >= 0, !AtomicFile.lock(opened) || !AtomicFile.isLinked(opened) {
        close(opened)
        opened = -1
      }
    }
    guard opened >= 0 else { throw FileError.unwritable(file: path, reason: systemMessage()) }
    temporary = candidate
    descriptor = opened
  }

  private static let suffix = ".nn-tmp"

  /// Waits for a lock. File systems without locks say so, and their files are never cleaned up.
  private static func lock(_ descriptor: Int32) -> Bool {
    while flock(descriptor, LOCK_EX) != 0 {
      if errno != EINTR { return errno == EOPNOTSUPP || errno == ENOLCK || errno == EINVAL }
    }
    return true
  }

  private static func isLinked(_ descriptor: Int32) -> Bool {
    var status = stat()
    return fstat(descriptor, &status) == 0 && status.st_nlink > 0
  }

  /// Removes the temporary files of writers that were killed; what is still written, or cannot be removed, stays.
  ///
  /// - Returns: how many files, and how large they were together.
  package static func removeLeftovers(in folder: String) -> (count: Int, bytes: Int) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    var (count, bytes) = (0, 0)
    for name in names where name.hasPrefix(".") && name.hasSuffix(suffix) {
      let path = "\(folder)/\(name)"
      let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
      guard descriptor >= 0 else { continue }
      defer { close(descriptor) }
      var status = stat()
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, fstat(descriptor, &status) == 0,
        status.st_mode & S_IFMT == S_IFREG, status.st_nlink > 0, unlink(path) == 0
      else { continue }
      (count, bytes) = (count + 1, bytes + Int(status.st_size))
    }
    return (count, bytes)
  }

  private func check(_ succeeded: Bool) throws {
    if !succeeded { throw FileError.unwritable(file: target, reason: systemMessage()) }
  }

  package func write(_ bytes: UnsafeRawBufferPointer) throws {
    var done = 0
    while done < bytes.count {
      let written = Foundation.write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
      if written < 0, errno == EINTR { continue }
      try check(written > 0)
      done += written
    }
  }

  package func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }
}

private func realPath(_ path: String) -> String? {
  guard let resolved = realpath(path, nil) else { return nil }
  defer { free(resolved) }
  return String(cString: resolved)
}
