import Foundation
import NNCore
import NNFiles

/// Where the files of a data set are: in folders, or in archives, whose content is found below the archive's own path as if
/// that were a folder: `photos.zip/cat/1.jpg`.
package struct FileTree: Sendable {
  /// The folder or the archive that relative paths start from.
  package let root: String
  /// The archives whose content can be asked for, by their paths.
  private let archives: [String: FileArchive]

  /// A folder, or one archive.
  ///
  /// Throws ``ArchiveError`` or `FileError` for a file that is no archive.
  package init(_ root: String) throws {
    var isFolder: ObjCBool = false
    let isThere = FileManager.default.fileExists(atPath: root, isDirectory: &isFolder)
    try self.init(root, isThere && !isFolder.boolValue ? [FileArchive(root)] : [])
  }

  package init(_ root: String, _ archives: [FileArchive]) {
    self.root = root
    self.archives = Dictionary(archives.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Whether the root is an archive.
  package var isArchive: Bool { archives[root] != nil }

  /// Entries of the archive at the root that were left out, and why.
  package var skipped: [SkippedFile] { archives[root]?.skipped ?? [] }

  /// The archive that a path leads into, and what it is called in there.
  private func inside(_ path: String) -> (archive: FileArchive, name: String)? {
    if archives.isEmpty { return nil }
    if let archive = archives[path] { return (archive, "") }
    let bytes = path.utf8
    for place in bytes.indices where bytes[place] == UInt8(ascii: "/") {
      if let archive = archives[String(path[..<place])] {
        return (archive, String(path[bytes.index(after: place)...]))
      }
    }
    return nil
  }

  /// Names of what is in a folder, in any order. Throws `FileError`.
  package func entries(of folder: String) throws -> [String] {
    let unlisted = FileError.unreadable(file: folder, reason: "the folder cannot be listed")
    if let (archive, name) = inside(folder) {
      guard let entries = archive.entries(of: name) else { throw unlisted }
      return entries
    }
    guard let entries = try? FileManager.default.contentsOfDirectory(atPath: folder) else { throw unlisted }
    return entries
  }

  package func isFolder(_ path: String) -> Bool {
    if let (archive, name) = inside(path) { return archive.hasFolder(name) }
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }

  package func isFile(_ path: String) -> Bool {
    if let (archive, name) = inside(path) { return archive.hasFile(name) }
    return FileManager.default.fileExists(atPath: path) && !isFolder(path)
  }

  /// The content of a file. Throws `FileError`.
  ///
  /// - Parameter smallest: files of fewer bytes are read instead of mapped.
  package func bytes(of path: String, smallest: Int) throws -> FileSlice {
    if let (archive, name) = inside(path) { return try archive.bytes(of: name) }
    return try FileBytes(mapping: path, smallest: smallest).whole
  }

  /// What changes when a file is replaced: its size and time, or those of its archive.
  func state(of path: String) throws -> String {
    if let (archive, _) = inside(path) { return archive.state }
    var status = stat()
    guard stat(path, &status) == 0 else { throw FileError.reading(path) }
    return "\(status.st_size)\n\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
  }
}
