import Foundation
import NNCore
import NNFiles

/// Tar files in the format of WebDataset: each sample is an image `KEY.jpg` with a label in `KEY.cls` or `KEY.json` in the
/// same tar file.
package struct ShardSet: Sendable {
  /// An image in a shard.
  package struct Item: Sendable, Hashable {
    /// Below the folder of the shards: `train-000.tar/0001.jpg`.
    package var path: String
    /// Path of the shard below that folder.
    package var shard: String
    /// One, unless there may be several.
    package var labels: [String]
  }

  /// The folder that paths of images start from.
  package let root: String
  private let archives: [FileArchive]

  /// Shards that braces may stand for.
  package static let shardLimit = 100_000
  /// Bytes of a label that are read.
  package static let labelLimit = 1 << 20

  /// The shards that a text means; nil if it means something else.
  ///
  /// - Parameter text: a folder that has tar files in it, or folders for the parts that do; the path of a tar file whose
  ///   images have labels beside them; or a pattern with braces, such as `train-{000..009}.tar` or `{a,b}.tar`.
  ///
  /// Throws ``ArchiveError``, ``DatasetError`` or `FileError`.
  package init?(at text: String) throws {
    let manager = FileManager.default
    var isFolder: ObjCBool = false
    let isThere = manager.fileExists(atPath: text, isDirectory: &isFolder)
    if isThere, isFolder.boolValue {
      let paths = Self.tarFiles(in: text)
      if paths.isEmpty { return nil }
      root = text
      archives = try paths.map { try FileArchive($0, isStored: true) }
    } else if isThere {
      guard text.lowercased().hasSuffix(".tar") else { return nil }
      let archive = try FileArchive(text)
      guard Self.hasLabels(archive) else { return nil }
      root = Self.folder(of: text)
      archives = [archive]
    } else {
      guard text.utf8.contains(UInt8(ascii: "{")) else { return nil }
      let paths = try Self.expanded(text)
      // The folder that all are below.
      var folder = Self.folder(of: paths[0])
      while !paths.allSatisfy({ $0.hasPrefix(folder + "/") }), folder.contains("/") {
        folder = Self.folder(of: folder)
      }
      root = paths.allSatisfy { $0.hasPrefix(folder + "/") } ? folder : "."
      let start = root == "." ? "./" : ""
      archives = try paths.map { try FileArchive(start + $0, isStored: true) }
    }
  }

  /// Where the images are.
  package var tree: FileTree { FileTree(root, archives) }

  /// Paths of the shards below the root, in order.
  package var names: [String] { archives.map { String($0.path.dropFirst(root.utf8.count + 1)) } }

  private static func folder(of path: String) -> String {
    let (folder, _) = folderAndName(path)
    return folder.isEmpty ? "." : folder == "/" ? "" : String(folder.dropLast())
  }

  /// The tar files of a folder and of those in it, sorted, if there is nothing else but texts.
  private static func tarFiles(in root: String) -> [String] {
    guard let tree = try? FileTree(root) else { return [] }
    var paths: [String] = []
    let names = ((try? tree.entries(of: root)) ?? []).filter { !ImageListing.isOfTheSystem($0) }
    for name in names.sorted(by: isBefore) {
      let path = "\(root)/\(name)"
      if tree.isFolder(path) {
        let inner = ((try? tree.entries(of: path)) ?? []).filter { !ImageListing.isOfTheSystem($0) }
        guard !inner.contains(where: { Image.Format(ending: $0) != nil || tree.isFolder("\(path)/\($0)") })
        else { return [] }
        paths += inner.filter(isTar).sorted(by: isBefore).map { "\(path)/\($0)" }
      } else if isTar(name) {
        paths.append(path)
      }
    }
    return paths
  }

  private static func isTar(_ name: String) -> Bool { name.lowercased().hasSuffix(".tar") }

  private static func hasLabels(_ archive: FileArchive) -> Bool {
    archive.names.contains { name in
      guard let key = imageKey(name) else { return false }
      return labelEndings.contains { archive.hasFile("\(key).\($0)") }
    }
  }

  private static let labelEndings = ["cls", "json"]

  /// What the members of an image's sample begin with, nil for other files: all up to the first dot of the name.
  private static func imageKey(_ name: String) -> String? {
    let (folder, file) = folderAndName(name)
    guard let dot = file.firstIndex(of: "."), dot > file.startIndex, !ImageListing.isOfTheSystem(file) else {
      return nil
    }
    let ending = file[file.index(after: dot)...]
    guard !ending.contains("."), Image.Format(ending: file) != nil else { return nil }
    return folder + file[..<dot]
  }

  // MARK: Samples

  /// The images of all shards and their labels, in the order of the shards and of the images in each.
  ///
  /// - Parameters:
  ///   - labelField: the field of `KEY.json` that has the label; by default `KEY.cls`, or else the field that a
  ///     ``LabelTable`` would look for.
  ///   - severalLabels: whether an image may have several labels, or none: a list, or `cat|dog`.
  ///
  /// Throws ``DatasetError`` or `FileError`, which name shard and image.
  package func items(labelField: String? = nil, severalLabels: Bool = false) throws -> [Item] {
    var items: [Item] = []
    for (archive, shard) in zip(archives, names) {
      var keys: Set<String> = []
      for name in archive.names {
        guard let key = Self.imageKey(name) else { continue }
        guard keys.insert(key).inserted else {
          throw DatasetError.mismatch(
            file: "\(archive.path)/\(name)", expected: "one image named \(quoted(key))", found: "another")
        }
        let labels = try Self.labels(of: key, in: archive, labelField, severalLabels)
        items.append(Item(path: "\(shard)/\(name)", shard: shard, labels: labels))
      }
      if keys.isEmpty {
        throw DatasetError.notFound(folder: archive.path, expected: "images such as 0001.jpg beside 0001.cls")
      }
    }
    return items
  }

  private static func labels(
    of key: String, in archive: FileArchive, _ field: String?, _ severalLabels: Bool
  ) throws -> [String] {
    var texts: [String]?
    var file = "\(archive.path)/\(printable(key))"
    if field == nil, archive.hasFile(key + ".cls") {
      file += ".cls"
      texts = [String(decoding: try bytes(of: key + ".cls", in: archive), as: UTF8.self)]
    } else if archive.hasFile(key + ".json") {
      file += ".json"
      let bytes = try bytes(of: key + ".json", in: archive)
      guard let object = (try? JSONSerialization.jsonObject(with: Data(bytes))) as? [String: Any] else {
        throw FileError.malformed(
          file: file, expected: "a JSON object", found: quoted(String(decoding: bytes, as: UTF8.self)))
      }
      let names = object.keys.sorted(by: isBefore)
      let name = names.first { name in
        field.map { name == $0 } ?? LabelTable.labelNames.contains(name.lowercased())
      }
      guard let name, let value = object[name] else {
        throw FileError.malformed(
          file: file, expected: field.map { "a field \(quoted($0))" } ?? "a field \"label\"",
          found: names.prefix(8).map(quoted).joined(separator: ", "))
      }
      let items = value as? [Any] ?? (value is NSNull ? [] : [value])
      let found = items.compactMap(LabelRecords.text)
      guard found.count == items.count else {
        throw FileError.malformed(
          file: file, expected: "texts or numbers in \(quoted(name))", found: "other values")
      }
      texts = found
    }
    guard var labels = texts?.map({ $0.trimmingCharacters(in: .whitespacesAndNewlines) }) else {
      throw DatasetError.mismatch(
        file: file,
        expected: field == nil ? "a label beside it in .cls or .json" : "a label beside it in .json",
        found: "none")
    }
    if severalLabels {
      if labels.count == 1 { labels = LabelTable.split(labels[0]) }
      labels = labels.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }
    let isRight = severalLabels || labels.count == 1
    guard isRight, labels.allSatisfy({ !$0.isEmpty && !$0.contains("\n") }) else {
      throw DatasetError.mismatch(
        file: file, expected: severalLabels ? "labels" : "one label",
        found: labels.isEmpty ? "none" : labels.prefix(3).map(quoted).joined(separator: ", "))
    }
    return labels
  }

  private static func bytes(of name: String, in archive: FileArchive) throws -> [UInt8] {
    try archive.bytes(of: name).withBytes { bytes in
      guard bytes.count <= labelLimit else {
        throw FileError.malformed(
          file: "\(archive.path)/\(printable(name))", expected: "a label of at most \(labelLimit) bytes",
          found: "\(bytes.count)")
      }
      return Array(bytes)
    }
  }

  // MARK: Braces

  /// The texts that a pattern with braces stands for, in order: `{000..009}` for numbers, with as many digits, and `{a,b}`
  /// for words; braces may stand in braces' lists no deeper than one.
  ///
  /// Throws ``DatasetError`` for a pattern that cannot be read.
  package static func expanded(_ pattern: String) throws -> [String] {
    var results = [""]
    var rest = Substring(pattern)
    func refuse(_ found: String) -> DatasetError {
      .mismatch(file: pattern, expected: "braces such as {000..009} or {a,b}", found: found)
    }
    while let open = rest.firstIndex(of: "{") {
      guard let close = rest[open...].firstIndex(of: "}") else { throw refuse("one that is not closed") }
      let start = rest[..<open]
      let inner = rest[rest.index(after: open)..<close]
      guard !inner.contains("{") else { throw refuse("braces in braces") }
      let choices = try choices(inner) ?? { throw refuse("{\(printable(String(inner)))}") }()
      guard results.count <= shardLimit / choices.count else {
        throw DatasetError.mismatch(file: pattern, expected: "at most \(shardLimit) files", found: "more")
      }
      results = results.flatMap { result in choices.map { result + start + $0 } }
      rest = rest[rest.index(after: close)...]
    }
    return results.map { $0 + rest }
  }

  private static func choices(_ inner: Substring) throws -> [String]? {
    if inner.contains(",") {
      return inner.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    let ends = inner.split(separator: ".", omittingEmptySubsequences: false)
    guard ends.count == 3, ends[1].isEmpty,
      (ends[0] + ends[2]).utf8.allSatisfy({ (0x30...0x39).contains($0) }), let first = Int(ends[0]),
      let last = Int(ends[2]),
      first <= last, last - first < shardLimit
    else { return nil }
    let width = ends[0].utf8.count
    return (first...last).map { number in
      let digits = "\(number)"
      return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
  }
}
