import Foundation
import NNCore
import NNFiles

/// Photographs in files, by the parts of a published data set.
public enum PublishedPart: String, Sendable, CaseIterable {
  case train, validation, test
}

/// A file that a data set of photographs was published in.
package struct PublishedArchive: Sendable {
  /// Where it is on the net.
  package var url: String
  /// What it is called on disk.
  let name: String
  let md5: String

  package init(_ url: String, name: String? = nil, md5: String) {
    self.url = url
    self.name = name ?? folderAndName(url).name
    self.md5 = md5
  }

  /// Bound in bytes: the largest, that of Food-101, has 5.0 GB.
  package static let archiveLimit = 6 << 30
  /// Bounds of what one unpacks to.
  package static let contentLimit = 8 << 30
  package static let entryLimit = 200_000

  /// Downloads it into a folder, unless it is there. Returns its path.
  @discardableResult
  package func download(into folder: String, _ progress: ((DownloadProgress) -> Void)?) throws -> String {
    try FileError.makeFolder(folder)
    let path = "\(folder)/\(name)"
    try Downloader().download(
      url, to: path, checksum: .md5(md5), maximumBytes: Self.archiveLimit, progress: progress)
    return path
  }

  /// Downloads it and unpacks it beside itself.
  func install(into folder: String, _ progress: ((DownloadProgress) -> Void)?) throws {
    let path = try download(into: folder, progress)
    try TarArchive.extract(
      path, into: folder, limits: .init(totalBytes: Self.contentLimit, entries: Self.entryLimit))
  }

  /// The folder that torchvision unpacks a zip file into, or else the zip file, which is read where it lies.
  ///
  /// - Parameters:
  ///   - folder: where both are.
  ///   - unpacked: what torchvision's download leaves in it.
  ///   - download: whether the zip file is downloaded if neither is there.
  func tree(
    in folder: String, unpacked: String, download: Bool, _ progress: ((DownloadProgress) -> Void)?
  ) throws -> FileTree {
    let path = "\(folder)/\(name)"
    if !isFolder("\(folder)/\(unpacked)") {
      // What is there is opened whatever its checksum.
      if download, !FileManager.default.fileExists(atPath: path) { try self.download(into: folder, progress) }
      if FileManager.default.fileExists(atPath: path) { return try FileTree(path) }
      throw DatasetError.notFound(folder: folder, expected: "\(unpacked) or \(name)")
    }
    return try FileTree(folder)
  }
}

extension PublishedArchive {
  /// Makes sure that a folder is there, by downloading and unpacking this archive if that is allowed.
  ///
  /// - Parameters:
  ///   - folder: what the archive unpacks to.
  ///   - target: where it is unpacked.
  func provide(
    _ folder: String, in target: String, download: Bool, _ progress: ((DownloadProgress) -> Void)?
  ) throws {
    if isFolder(folder) { return }
    if download { try install(into: target, progress) }
    guard isFolder(folder) else {
      throw DatasetError.notFound(folder: target, expected: "\(folderAndName(folder).name) or a download")
    }
  }
}

/// Whether there is a folder.
func isFolder(_ path: String) -> Bool {
  var isFolder: ObjCBool = false
  return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
}

/// The lists that data sets come with.
package enum PublishedList {
  /// Largest list that is read, in bytes: those of Food-101 have 3 MB.
  package static let sizeLimit = 1 << 26

  static func bytes(_ path: String, in tree: FileTree) throws -> [UInt8] {
    try tree.bytes(of: path, smallest: 1 << 20).withBytes { bytes in
      guard bytes.count <= sizeLimit else {
        throw FileError.malformed(
          file: path, expected: "a list of at most \(sizeLimit) bytes", found: "\(bytes.count)")
      }
      return Array(bytes)
    }
  }

  /// The lines that are not empty, with their numbers from 1.
  static func lines(_ path: String) throws -> [(number: Int, text: String)] {
    let bytes = try bytes(path, in: FileTree((path as NSString).deletingLastPathComponent))
    return bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
      .map { ($0 + 1, String(decoding: $1, as: UTF8.self).trimmingCharacters(in: .whitespaces)) }
      .map { ($0.0, $0.1.hasSuffix("\r") ? String($0.1.dropLast()) : $0.1) }
      .filter { !$0.1.isEmpty }
  }

  static func malformed(_ path: String, _ line: Int, _ expected: String, _ found: String) -> FileError {
    .malformed(file: "\(path):\(line)", expected: expected, found: quoted(found))
  }
}
