import CArchive
import Foundation
import NNCore
import NNFiles

/// What can be wrong with an archive.
public enum ArchiveError: Error, CustomStringConvertible, Equatable {
  /// Not a gzip-compressed tar archive, or a broken one.
  case damaged(file: String, reason: String)
  /// An entry that has no place in an archive of data: a link, a device, a path that leads outside.
  case refused(file: String, entry: String, reason: String)
  /// More than the archive may unpack to.
  case tooLarge(file: String, limit: String)

  public var description: String {
    switch self {
    case .damaged(let file, let reason): "\(file): expected an archive, found a damaged one: \(reason)"
    case .refused(let file, let entry, let reason):
      "\(file): refused entry \(quoted(entry)): \(reason)"
    case .tooLarge(let file, let limit): "\(file): expected at most \(limit) in the archive, found more"
    }
  }
}

/// Gzip-compressed tar archives from strangers: only regular files and folders below the target are unpacked.
public enum TarArchive {
  /// How much an archive may unpack to.
  public struct Limits: Sendable {
    /// All files together, in bytes.
    public var totalBytes: Int
    /// Number of files and folders.
    public var entries: Int

    public init(totalBytes: Int = 8 << 30, entries: Int = 1_000_000) {
      self.totalBytes = totalBytes
      self.entries = entries
    }
  }

  /// Unpacks into `folder`, which must not hold anything of the same name yet.
  ///
  /// Throws ``ArchiveError`` or `FileError`; then nothing of the archive is in `folder`.
  public static func extract(_ archive: String, into folder: String, limits: Limits = Limits()) throws {
    try withExtracted(archive, beside: folder, limits: limits) { temporary in
      let names = try FileManager.default.contentsOfDirectory(atPath: temporary)
      for name in names where isThere("\(folder)/\(name)") {
        throw FileError.unwritable(file: "\(folder)/\(name)", reason: "is already there")
      }
      for (place, name) in names.enumerated() {
        do {
          try move("\(temporary)/\(name)", to: "\(folder)/\(name)")
        } catch {
          for moved in names[..<place] { rename("\(folder)/\(moved)", "\(temporary)/\(moved)") }
          throw error
        }
      }
    }
  }

  /// Unpacks into a new folder inside `folder`, on the same file system, lets `body` look at it and move out of it
  /// what it wants, and removes the rest.
  static func withExtracted<R>(
    _ archive: String, beside folder: String, limits: Limits = Limits(), _ body: (String) throws -> R
  ) throws -> R {
    var template = Array("\(folder)/.extracting.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw FileError.writing(folder) }
    let temporary = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { try? FileManager.default.removeItem(atPath: temporary) }
    try unpack(archive, into: temporary, limits)
    return try body(temporary)
  }

  /// Whether there is anything of this name, be it a link that leads nowhere.
  private static func isThere(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  /// Renames, and never onto something that is there.
  static func move(_ path: String, to target: String) throws {
    guard rename(path, target) == 0 else { throw FileError.writing(target) }
  }

  private static func unpack(_ archive: String, into folder: String, _ limits: Limits) throws {
    let gzip = try GzipStream(archive)
    guard let tar = archive_read_new() else {
      throw ArchiveError.damaged(file: archive, reason: "out of memory")
    }
    defer { archive_read_free(tar) }
    archive_read_support_format_tar(tar)
    // What went wrong, in the order in which it is closest to the cause.
    func damage() -> any Error {
      gzip.failure ?? ArchiveError.damaged(file: archive, reason: message(tar))
    }
    let status = archive_read_open(
      tar, Unmanaged.passUnretained(gzip).toOpaque(), nil,
      { _, stream, block in
        guard let stream, let block else { return -1 }
        return Unmanaged<GzipStream>.fromOpaque(stream).takeUnretainedValue().next(&block.pointee)
      }, nil)
    guard status == ARCHIVE_OK else { throw damage() }

    var seen: Set<String> = []
    var remaining = limits.totalBytes
    while true {
      var entry: OpaquePointer?
      let status = archive_read_next_header(tar, &entry)
      if status == ARCHIVE_EOF { break }
      guard status == ARCHIVE_OK, let entry else { throw damage() }
      guard let raw = archive_entry_pathname(entry) else {
        throw ArchiveError.refused(file: archive, entry: "", reason: "expected a name in ASCII")
      }
      let name = String(cString: raw)
      func refuse(_ reason: String) -> ArchiveError { .refused(file: archive, entry: name, reason: reason) }
      guard seen.count < limits.entries else {
        throw ArchiveError.tooLarge(file: archive, limit: "\(limits.entries) entries")
      }
      guard archive_entry_hardlink(entry) == nil, archive_entry_symlink(entry) == nil else {
        throw refuse("is a link")
      }
      guard let parts = componentsBelow(name) else {
        throw refuse("expected a path inside the target folder")
      }
      let type = archive_entry_filetype(entry)
      if type == S_IFDIR {
        seen.insert(parts.joined(separator: "/"))
        try makeFolders(folder, parts[...])
        continue
      }
      guard type == S_IFREG else { throw refuse("expected a file or a folder") }
      guard !parts.isEmpty, seen.insert(parts.joined(separator: "/")).inserted else {
        throw refuse("is there twice")
      }
      let size = Int(archive_entry_size(entry))
      guard size >= 0, size <= remaining else {
        throw ArchiveError.tooLarge(file: archive, limit: "\(limits.totalBytes) bytes")
      }
      remaining -= size
      try makeFolders(folder, parts.dropLast())
      try write(tar, size: size, to: "\(folder)/\(parts.joined(separator: "/"))", damage)
    }
    try gzip.finish()
    guard !seen.isEmpty else { throw ArchiveError.damaged(file: archive, reason: "it holds no files") }
  }

  private static func makeFolders(_ folder: String, _ parts: ArraySlice<String>) throws {
    var path = folder
    for part in parts {
      path += "/\(part)"
      if mkdir(path, 0o777) != 0 && errno != EEXIST { throw FileError.writing(path) }
    }
  }

  private static func write(_ tar: OpaquePointer, size: Int, to path: String, _ damage: () -> any Error)
    throws
  {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw FileError.writing(path) }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    var total = 0
    while true {
      let got = archive_read_data(tar, &buffer, buffer.count)
      guard got >= 0, total + got <= size else { throw damage() }
      if got == 0 { break }
      total += got
      var done = 0
      while done < got {
        let put = buffer.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress! + done, got - done) }
        if put < 0 && errno == EINTR { continue }
        guard put > 0 else { throw FileError.writing(path) }
        done += put
      }
    }
    guard total == size else { throw damage() }
  }

  static func message(_ archive: OpaquePointer?) -> String {
    archive_error_string(archive).map { String(cString: $0) } ?? "unexpected end"
  }
}
