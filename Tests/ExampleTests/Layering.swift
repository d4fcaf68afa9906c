import Foundation

/// Which folder of a target uses which names of which other one.
///
/// A name belongs to a folder if no other folder of the target declares it, nor a target or a C header below it, nor
/// Swift: others (`shape`, `count`) say nothing about whom they are of.
struct Layering {
  struct File {
    let path: String
    let folder: String
    let source: SwiftSource
  }

  /// A name of a folder that one below it uses.
  struct UpwardUse: CustomStringConvertible {
    let path: String
    let line: Int
    let name: String
    let from: String
    let to: String

    var edge: String { "\(from) > \(to)" }
    var description: String { "\(path):\(line): \(from) uses `\(name)` of \(to), which lies above it" }
  }

  let files: [File]
  let order: [String]
  /// The folder of each name that is of one folder alone.
  let owners: [String: String]

  /// - Parameters:
  ///   - files: path inside the target, and text.
  ///   - order: folders from lowest to highest; a folder inside of one of them is part of it. `.` is the target's own.
  ///   - foreign: names that lower targets declare.
  init(files: [(path: String, source: SwiftSource)], order: [String], foreign: Set<String> = []) {
    self.order = order
    self.files = files.map { path, source in
      File(path: path, folder: Self.folder(of: path, order), source: source)
    }
    var folders: [String: Set<String>] = [:]
    for file in self.files {
      for name in file.source.declared { folders[name, default: []].insert(file.folder) }
    }
    owners = folders.filter {
      $0.value.count == 1 && !foreign.contains($0.key) && !Self.swift.contains($0.key)
    }
    .compactMapValues(\.first)
  }

  private static func folder(of path: String, _ order: [String]) -> String {
    let folders = path.split(separator: "/").dropLast()
    for count in stride(from: folders.count, to: 0, by: -1) {
      let folder = folders.prefix(count).joined(separator: "/")
      if order.contains(folder) { return folder }
    }
    return folders.isEmpty ? "." : folders.joined(separator: "/")
  }

  /// Folders that the order does not name.
  var unnamed: Set<String> { Set(files.map(\.folder)).subtracting(order) }
  /// Folders of the order without a file.
  var empty: Set<String> { Set(order).subtracting(files.map(\.folder)) }

  /// The first use of each name by each file.
  var upwardUses: [UpwardUse] {
    let heights = Dictionary(uniqueKeysWithValues: zip(order, order.indices))
    return files.flatMap { file -> [UpwardUse] in
      var seen: Set<String> = []
      return file.source.uses.compactMap { use in
        guard let owner = owners[use.name], let height = heights[owner], let own = heights[file.folder],
          height > own, seen.insert(use.name).inserted
        else { return nil }
        return UpwardUse(path: file.path, line: use.line, name: use.name, from: file.folder, to: owner)
      }
    }
  }

  /// Names that Swift and Foundation have as well.
  static let swift = Set(
    """
    abs advanced all allocate allSatisfy any append array bool bytes clamped contains count current deallocate decode decoded
    description distance dropFirst dropLast duration elements encode encoded end endIndex enumerated error exact failure file
    filter find finish first flush folder forEach format hash hasPrefix hasSuffix id index indices infinity insert inverse
    isEmpty isEqual isFinite isInfinite isNaN isSubset joined key keys kind last length load makeIterator map max maximum
    merge merging min minimum minus move name next none now offset open path paths pointee prefix random range rawValue read
    reduce remainder remove removeAll repeated replace reversed rounded seconds seek shuffle shuffled some sort sorted split
    starts start startIndex stride subtract sum suffix swap text title type union unique update url value values version
    write zip
    """.split { $0 == " " || $0 == "\n" }.map(String.init))
}

extension Layering {
  /// The lines `NNData: Files < Images < …` of a page's section "Layout"; lines that are indented go on with the one before.
  static func layout(_ page: String) -> [String: [String]] {
    guard let section = page.components(separatedBy: "\n## Layout\n").dropFirst().first else { return [:] }
    let block = section.components(separatedBy: "```").dropFirst().first ?? ""
    let lines = block.replacingOccurrences(of: "\n ", with: " ").split(separator: "\n")
    return lines.reduce(into: [:]) { layout, line in
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2 else { return }
      layout[String(parts[0])] = parts[1].split(separator: "<").map {
        $0.trimmingCharacters(in: .whitespaces)
      }
    }
  }

  /// The Swift files below a folder by their paths in it, sorted.
  static func sources(in folder: URL) throws -> [(path: String, source: SwiftSource)] {
    let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted()
    return try paths.filter { $0.hasSuffix(".swift") }.map { path in
      (path, SwiftSource(try String(contentsOf: folder.appendingPathComponent(path), encoding: .utf8)))
    }
  }

  /// All names that stand in the C headers below a folder.
  static func headerNames(in folder: URL) throws -> Set<String> {
    let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
    return try paths.filter { $0.hasSuffix(".h") }.reduce(into: []) { names, path in
      let text = try String(contentsOf: folder.appendingPathComponent(path), encoding: .utf8)
      names.formUnion(text.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init))
    }
  }
}
