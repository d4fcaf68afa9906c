import CArchive
import Foundation
import NNCore
import NNFiles

/// The files of a zip or tar archive, read where they lie: nothing is unpacked, and threads may ask for any of them at any
/// time.
///
/// The archive is mapped and gone through once, by its headers alone. A tar file that gzip packed as a whole has no places
/// to jump to: it is unpacked into memory, up to a bound. Nothing is ever written, so that a name which leads outside is
/// harmless; such entries, links and devices are left out.
package final class FileArchive: Sendable {
  package let path: String
  /// Names of the files, in the order of the archive.
  package let names: [String]
  /// Entries that were left out, and why.
  package let skipped: [SkippedFile]
  private let places: [String: Int]
  /// What is in each folder, sorted; that of the archive itself is "".
  private let folders: [String: [String]]
  private let content: Content
  /// Size and time of the archive.
  package let state: String

  private enum Content: Sendable {
    case zip(ZipArchive, [ZipArchive.Entry])
    case tar(FileSlice, [Range<Int>])
  }

  /// Memory that the content of a tar file packed by gzip may take, in bytes.
  package static let packedTarLimit = 4 << 30

  /// - Parameters:
  ///   - isStored: refuses a packed tar file, of which many would not fit into memory.
  ///   - packedLimit: bytes that a packed tar file may unpack to.
  ///
  /// Throws ``ArchiveError`` or `FileError`.
  package init(_ path: String, isStored: Bool = false, packedLimit: Int = packedTarLimit) throws {
    self.path = path
    var status = stat()
    guard stat(path, &status) == 0 else { throw FileError.reading(path) }
    state = "\(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
    var bytes = try FileBytes(mapping: path).whole
    var listing = Listing(path)
    if ZipArchive.matches(bytes) {
      let zip = try FileError.naming(path) { try ZipArchive(bytes) }
      var entries: [ZipArchive.Entry] = []
      for entry in zip.entries {
        if entry.name.utf8.last == UInt8(ascii: "/") {
          listing.addFolder(entry.name)
        } else if try listing.addFile(entry.name) {
          entries.append(entry)
        }
      }
      content = .zip(zip, entries)
    } else {
      if bytes.hasPrefix([0x1F, 0x8B]) {
        guard !isStored else {
          throw FileError.malformed(
            file: path,
            expected: "a tar file that is not packed, which images can be taken from in any order",
            found: "gzip")
        }
        bytes = try Self.unpacked(
          path, limit: min(packedLimit, Int(ProcessInfo.processInfo.physicalMemory / 4)))
      } else if let name = Self.unreadName(bytes) {
        throw FileError.malformed(file: path, expected: "a zip, tar or tar.gz archive", found: name)
      }
      content = .tar(bytes, try TarIndex.files(of: bytes, path, &listing))
    }
    (names, places, folders, skipped) = (listing.names, listing.places, listing.sorted, listing.skipped)
  }

  /// Whether a file begins as an archive that is read here does, or as one that people take for such.
  package static func matches(_ path: String) -> Bool {
    guard let bytes = try? FileBytes(mapping: path).whole else { return false }
    return ZipArchive.matches(bytes) || bytes.hasPrefix([0x1F, 0x8B]) || unreadName(bytes) != nil
      || bytes.hasPrefix(Array("ustar".utf8), at: 257)
  }

  /// What the first bytes say of archives that cannot be read in any order.
  private static func unreadName(_ bytes: FileSlice) -> String? {
    let kinds: [(start: [UInt8], name: String)] = [
      ([0x28, 0xB5, 0x2F, 0xFD], "zstd"), ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "xz"),
      (Array("BZh".utf8), "bzip2"), ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "7z"), (Array("Rar!".utf8), "rar"),
    ]
    return kinds.first { bytes.hasPrefix($0.start) }?.name
  }

  private static func unpacked(_ path: String, limit: Int) throws -> FileSlice {
    let gzip = try GzipStream(path)
    // Pieces, since the size is known at the end only.
    var pieces: [[UInt8]] = []
    var total = 0
    try gzip.forEachBlock(maximumBytes: limit, limit: "\(limit) bytes of memory (unpack it first)") {
      total += $0.count
      pieces.append(Array($0))
    }
    return FileBytes(count: total) { target in
      var place = 0
      for number in pieces.indices {
        UnsafeMutableRawBufferPointer(rebasing: target[place..<place + pieces[number].count])
          .copyBytes(from: pieces[number])
        place += pieces[number].count
        pieces[number] = []
      }
    }.whole
  }

  // MARK: Content

  /// Whether there is a file of this name.
  package func hasFile(_ name: String) -> Bool { places[name] != nil }

  /// Whether there is a folder of this name, "" for the archive itself.
  package func hasFolder(_ name: String) -> Bool { folders[name] != nil }

  /// Names of what is in a folder, sorted by code points; nil if there is none.
  package func entries(of folder: String) -> [String]? { folders[folder] }

  /// The bytes of a file. Throws a `FileError` that names it if it is damaged, or not there.
  package func bytes(of name: String) throws -> FileSlice {
    let file = "\(path)/\(printable(name))"
    guard let place = places[name] else {
      throw FileError.unreadable(file: file, reason: "there is no such file in the archive")
    }
    return try FileError.naming(file) {
      switch content {
      case .zip(let zip, let entries): try zip.content(entries[place])
      case .tar(let bytes, let ranges): try bytes.part(ranges[place])
      }
    }
  }
}

extension FileArchive {
  /// The names in an archive, as they are found.
  struct Listing {
    let archive: String
    private(set) var names: [String] = []
    private(set) var places: [String: Int] = [:]
    private(set) var skipped: [SkippedFile] = []
    private var folders: [String: [String]] = ["": []]

    init(_ archive: String) { self.archive = archive }

    /// Contents of folders, sorted.
    var sorted: [String: [String]] { folders.mapValues { $0.sorted(by: isBefore) } }

    mutating func skip(_ name: String, _ reason: String) {
      skipped.append(SkippedFile(path: "\(archive)/\(name)", reason: reason))
    }

    /// Notes a file, unless its name leads outside. Throws if there is one already.
    mutating func addFile(_ name: String) throws -> Bool {
      guard let parts = componentsBelow(name), let last = parts.last else {
        skip(name, "a path that leads out of the archive")
        return false
      }
      let path = parts.joined(separator: "/")
      guard places[path] == nil, folders[path] == nil else {
        throw ArchiveError.refused(file: archive, entry: name, reason: "is there twice")
      }
      let folder = parts.dropLast().joined(separator: "/")
      guard add(folder: folder) else {
        throw ArchiveError.refused(file: archive, entry: name, reason: "is in a file")
      }
      places[path] = names.count
      names.append(path)
      folders[folder, default: []].append(last)
      return true
    }

    mutating func addFolder(_ name: String) {
      guard let parts = componentsBelow(name) else {
        return skip(name, "a path that leads out of the archive")
      }
      _ = add(folder: parts.joined(separator: "/"))
    }

    /// Notes a folder and those above it. False if one of them is a file.
    private mutating func add(folder path: String) -> Bool {
      if folders[path] != nil { return true }
      if places[path] != nil { return false }
      let (above, name) = folderAndName(path)
      let parent = String(above.dropLast())
      guard add(folder: parent) else { return false }
      folders[parent, default: []].append(name)
      folders[path] = []
      return true
    }
  }
}

/// Where the files of a tar archive lie.
private enum TarIndex {
  /// The bytes of each file, whose names go into `listing`.
  static func files(
    of bytes: FileSlice, _ path: String, _ listing: inout FileArchive.Listing
  ) throws -> [Range<Int>] {
    guard let tar = archive_read_new() else {
      throw ArchiveError.damaged(file: path, reason: "out of memory")
    }
    defer { archive_read_free(tar) }
    archive_read_support_format_tar(tar)
    return try bytes.withBytes { memory in
      guard archive_read_open_memory(tar, memory.baseAddress, memory.count) == ARCHIVE_OK else {
        throw ArchiveError.damaged(file: path, reason: printable(TarArchive.message(tar)))
      }
      var ranges: [Range<Int>] = []
      // Where the next header begins if the place of the content before it was right.
      var expected: Int?
      while true {
        var entry: OpaquePointer?
        let status = archive_read_next_header(tar, &entry)
        if status == ARCHIVE_EOF { break }
        guard status == ARCHIVE_OK || status == ARCHIVE_WARN, let entry else {
          throw ArchiveError.damaged(file: path, reason: printable(TarArchive.message(tar)))
        }
        let raw =
          archive_entry_pathname_utf8(entry).map { UnsafePointer($0) } ?? archive_entry_pathname(entry)
        guard let name = raw.flatMap({ String(validatingCString: $0) }) else {
          throw ArchiveError.refused(
            file: path, entry: raw.map { String(cString: $0) } ?? "", reason: "expected a name in UTF-8")
        }
        let isLink = archive_entry_hardlink(entry) != nil || archive_entry_symlink(entry) != nil
        let size = Int(archive_entry_size(entry))
        let start = Int(archive_filter_bytes(tar, -1))
        if let expected, expected != Int(archive_read_header_position(tar)) {
          throw ArchiveError.refused(file: path, entry: name, reason: "the file before it has holes")
        }
        expected = nil
        if isLink {
          listing.skip(name, "a link")
        } else if archive_entry_filetype(entry) == S_IFDIR {
          listing.addFolder(name)
        } else if archive_entry_filetype(entry) != S_IFREG {
          listing.skip(name, "neither a file nor a folder")
        } else {
          guard size >= 0, start >= 0, size <= memory.count - start else {
            throw ArchiveError.damaged(file: path, reason: "\(quoted(name)) goes beyond its end")
          }
          guard archive_entry_sparse_count(entry) == 0 else {
            throw ArchiveError.refused(file: path, entry: name, reason: "has holes")
          }
          if try listing.addFile(name) { ranges.append(start..<start + size) }
          expected = start + (size + 511) / 512 * 512
        }
      }
      return ranges
    }
  }
}
