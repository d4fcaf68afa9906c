import Foundation
import NNCore
import NNData
import NNFiles
import NNLightning

/// An image file of a run.
struct SplitFile: Equatable {
  /// Below the folder of the images, or absolute.
  var path: String
  /// One, unless images may have several.
  var labels: [String]
  /// Nil for a file that the run leaves out.
  var part: SplitPart?

  /// The label of a file that has one.
  var label: String { labels.first ?? "" }
}

/// The image files of a run and the part of each: found in folders or a table of labels, or kept by a run.
struct SplitFiles {
  /// In the order in which training images are numbered.
  private(set) var files: [SplitFile]
  /// Names of the classes, by code points.
  private(set) var classes: [String] = []
  /// Where the parts come from.
  private(set) var origins: [SplitPart: String] = [:]
  /// What is left out and why.
  private(set) var notes: [String] = []
  /// Parts that have a folder of their own.
  private var laidOut: Set<SplitPart> = []
  /// Whether an image may have several labels, or none.
  private let isMultiLabel: Bool
  /// Files that cannot be read, if that was asked for.
  private var damaged: Set<String> = []

  // MARK: A new split

  /// Finds the files, and cuts out the parts that have no folder of their own.
  init(_ settings: RunConfiguration, _ reading: FileReading) throws {
    files = []
    isMultiLabel = settings.multiLabel
    try find(settings, reading.source)
    if settings.skipDamaged { try leaveDamagedOut(reading) }
    classes = Set(files.filter { !damaged.contains($0.path) }.flatMap(\.labels)).sorted(by: isOrdered)
    let given = laidOut.union(files.compactMap(\.part))
    var cutting: [SplitPart] = []
    if !given.contains(.validation) { cutting.append(.validation) }
    // Whoever laid out training and validation images wants all of them for that.
    if !given.contains(.test), given.count <= 1 { cutting.append(.test) }
    let cut = files.indices.filter {
      (files[$0].part == nil || files[$0].part == .train) && !damaged.contains(files[$0].path)
    }
    if !cutting.isEmpty {
      let labels = Dictionary(uniqueKeysWithValues: zip(classes, classes.indices))
      let cutter = SplitCut(share: settings.validationShare, seed: settings.seed)
      let numbers = cut.map { files[$0].labels.compactMap { labels[$0] } }
      let parts =
        isMultiLabel
        ? cutter.parts(ofLabels: numbers, cutting: cutting)
        : cutter.parts(numbers.map { $0.first ?? 0 }, cutting: cutting, isStratified: true)
      let source = origins[.train] ?? settings.root
      for (index, part) in zip(cut, parts) { files[index].part = part }
      for part in cutting {
        origins[part] =
          "cut out of \(source), \(String(format: "%g", settings.validationShare * 100)) % of each class, "
          + "seed \(settings.seed)"
      }
    }
    for index in files.indices where damaged.contains(files[index].path) { files[index].part = nil }
    let order = Generator(seed: settings.seed).randperm(files.count)
    files = order.map { files[$0] }
  }

  /// Reads all images, and remembers those that cannot be read.
  private mutating func leaveDamagedOut(_ reading: FileReading) throws {
    let images = try reading.images(files)
    let paths = images.paths
    let progress = ProgressLine(label: "Checking images", total: paths.count, unit: "image")
    var done = 0
    let findings = ImageScan.unreadable(images) { count in
      progress.update(by: count - done)
      done = count
    }
    progress.finish()
    if findings.isEmpty { return }
    let reasons = Dictionary(findings.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
    for (file, path) in zip(files, paths) where reasons[path] != nil { damaged.insert(file.path) }
    notes.append("left out: \(findings.count) damaged:")
    notes += findings.map { "  \($0)" }
  }

  private mutating func find(_ settings: RunConfiguration, _ source: ImageSource) throws {
    let chosen = settings.classes?.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    if let table = settings.labels {
      try readTable(table, settings, source.tree)
    } else if let pattern = settings.labelPattern {
      try readNames(FileNamePattern(pattern), source.tree)
    } else if let shards = source.shards {
      try readShards(shards, settings)
    } else {
      for (name, isGiven) in [("labelColumn", settings.labelColumn != nil), ("multiLabel", isMultiLabel)]
      where isGiven {
        throw CommandError("\(name): expected a table (--labels) or shards, found folders of classes")
      }
      try findFolders(source.tree, chosen)
    }
    if let chosen { try keep(chosen) }
  }

  /// Leaves the images of other classes out.
  private mutating func keep(_ chosen: [String]) throws {
    let found = Set(files.flatMap(\.labels))
    if let missing = chosen.first(where: { !found.contains($0) }) {
      let near = nearestNames(to: missing, among: found.sorted(by: isOrdered), count: 3).map(quoted)
      throw CommandError(
        "classes: expected classes of the images, found \(quoted(missing)); there are \(near.joined(separator: ", "))"
          + (found.count > near.count ? ", …" : ""))
    }
    let count = files.count
    for index in files.indices where isMultiLabel {
      files[index].labels.removeAll { !chosen.contains($0) }
    }
    if !isMultiLabel { files.removeAll { !chosen.contains($0.label) } }
    if files.count < count { notes.append("left out: \(count - files.count) images of other classes") }
  }

  /// Labels in the names of files.
  private mutating func readNames(_ pattern: FileNamePattern, _ tree: FileTree) throws {
    let root = tree.root
    let (paths, skipped) = try ImageFolder.listing(of: tree)
    var others: [String] = []
    for path in paths.map({ Self.relative($0, to: root) }) {
      if let label = pattern.label(of: path) {
        files.append(SplitFile(path: path, labels: [label], part: nil))
      } else {
        others.append(path)
      }
    }
    if files.isEmpty {
      throw CommandError(
        "\(printable(root)): expected images with names such as \(printable(pattern.description)), found "
          + (others.isEmpty ? "no images" : some(others.map(printable))))
    }
    if !others.isEmpty {
      notes.append(
        "left out: \(others.count) (not named \(printable(pattern.description))): \(some(others.map(printable)))"
      )
    }
    notes += skippedNotes(skipped)
    origins[.train] = root
  }

  /// `root/train` and its like, or else one folder per class in `root`.
  private mutating func findFolders(_ tree: FileTree, _ chosen: [String]?) throws {
    func hasFolders(_ path: String) -> Bool {
      ((try? tree.entries(of: path)) ?? []).contains { !$0.hasPrefix(".") && tree.isFolder("\(path)/\($0)") }
    }
    let root = try tree.rootOfFolders()
    let folders = (try? tree.entries(of: root)) ?? []
    var named: [SplitPart: String] = [:]
    // Classes may be called as parts are; parts are folders of folders, at least that of the training.
    let areParts = folders.contains { SplitPart(named: $0) == .train && hasFolders("\(root)/\($0)") }
    for folder in folders.sorted(by: isOrdered) {
      let path = "\(root)/\(folder)"
      guard let part = SplitPart(named: folder), tree.isFolder(path), areParts || hasFolders(path) else {
        continue
      }
      if let other = named[part] {
        throw CommandError(
          "\(printable(root)): expected one folder for \(part.rawValue), found \(other) and \(folder)")
      }
      named[part] = folder
    }
    if named.isEmpty {
      let images = try ImageFolder(tree, choosing: chosen)
      add(images, root: tree.root, part: nil)
      origins[.train] = root
    } else {
      guard named[.train] != nil else {
        throw CommandError(
          "\(printable(root)): expected a folder train beside \(named.values.sorted().joined(separator: ", ")), "
            + "found none")
      }
      for part in SplitPart.allCases {
        guard let folder = named[part] else { continue }
        let path = "\(root)/\(folder)"
        // A part may lack a class.
        let present = chosen?.filter { part == .train || tree.isFolder("\(path)/\($0)") }
        let images = try ImageFolder(tree, below: path, allowEmpty: part != .train, choosing: present)
        add(images, root: tree.root, part: part)
        origins[part] = path
        laidOut.insert(part)
      }
      let others = folders.filter {
        !named.values.contains($0) && !$0.hasPrefix(".") && tree.isFolder("\(root)/\($0)")
      }
      if !others.isEmpty {
        notes.append(
          "left out: folders beside \(named[.train] ?? ""): "
            + some(others.sorted(by: isOrdered).map(printable)))
      }
    }
  }

  private mutating func add(_ images: ImageFolder, root: String, part: SplitPart?) {
    for (path, target) in zip(images.paths, images.targets) {
      files.append(
        SplitFile(path: Self.relative(path, to: root), labels: [images.classes[target]], part: part))
    }
    notes += skippedNotes(images.skipped)
  }

  private static func relative(_ path: String, to root: String) -> String {
    let prefix = root.hasSuffix("/") ? root : root + "/"
    return path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path
  }

  // MARK: Shards

  /// Images with their labels beside them, of the parts that the names of shards say.
  private mutating func readShards(_ shards: ShardSet, _ settings: RunConfiguration) throws {
    let parts = shards.names.map(Self.part)
    if let without = zip(shards.names, parts).first(where: { $0.1 == nil }),
      parts.contains(where: { $0 != nil })
    {
      throw CommandError(
        "\(printable(settings.root)): expected train, validation or test in the names of all shards or of none, found "
          + printable(without.0))
    }
    let part = Dictionary(zip(shards.names, parts), uniquingKeysWith: { first, _ in first })
    for item in try shards.items(labelField: settings.labelColumn, severalLabels: isMultiLabel) {
      files.append(SplitFile(path: item.path, labels: item.labels, part: part[item.shard] ?? nil))
    }
    let named = Dictionary(grouping: parts.compactMap(\.self)) { $0 }
    for (part, shards) in named {
      origins[part] = "\(settings.root), \(shards.count) shard\(shards.count == 1 ? "" : "s")"
      laidOut.insert(part)
    }
    if named.isEmpty { origins[.train] = settings.root }
    guard named.isEmpty || named[.train] != nil else {
      throw CommandError(
        "\(printable(settings.root)): expected shards named train beside the others, found none")
    }
  }

  /// The part that a word of a shard's name or folder says.
  private static func part(_ name: String) -> SplitPart? {
    name.split { !$0.isLetter }.lazy.compactMap { SplitPart(named: String($0)) }.first
  }

  // MARK: Tables

  /// File names, labels and, in a third column, parts.
  private mutating func readTable(
    _ table: String, _ settings: RunConfiguration, _ tree: FileTree
  ) throws {
    let content = try LabelTable(
      contentsOf: table, tree: tree, severalLabels: isMultiLabel,
      labelColumn: settings.labelColumn)
    if !content.unusedColumns.isEmpty {
      notes.append("not used: columns \(some(content.unusedColumns.map(printable))) of \(printable(table))")
    }
    for row in content.rows {
      var part: SplitPart?
      if let name = row.split, !name.isEmpty {
        part = SplitPart(named: name)
        if part == nil {
          throw CommandError(
            "\(printable(table)):\(row.line): expected train, validation or test as split, found \(quoted(name))"
          )
        }
      }
      files.append(SplitFile(path: row.path, labels: row.labels, part: part))
    }
    origins[.train] = table
    for part in Set(files.compactMap(\.part)) { origins[part] = "\(table), column split" }
  }

  // MARK: The split that a run keeps

  private static let columns = ["file", "label", "split"]
  private static let unused = "unused"

  /// The split of a run as it was made, whatever is in the folder now.
  ///
  /// - Parameter isMultiLabel: whether an image may have several labels, or none.
  init(kept path: String, isMultiLabel: Bool = false) throws {
    self.isMultiLabel = isMultiLabel
    files = try LabelTable(contentsOf: path, root: nil, severalLabels: isMultiLabel).rows.map { row in
      let part = row.split.flatMap(SplitPart.init(named:))
      guard part != nil || row.split == Self.unused else {
        throw CommandError(
          "\(printable(path)):\(row.line): expected a part of the split, found \(quoted(row.split ?? ""))")
      }
      return SplitFile(path: row.path, labels: row.labels, part: part)
    }
    classes = Set(files.filter { $0.part != nil }.flatMap(\.labels)).sorted(by: isOrdered)
    for part in Set(files.compactMap(\.part)) { origins[part] = "\(path), the run's own split" }
  }

  /// Tells which images came and went since the run began, and leaves out those that went.
  mutating func compareWithFolder(_ settings: RunConfiguration, _ source: ImageSource) throws {
    var now = self
    now.files = []
    try now.find(settings, source)
    let known = Set(files.map(\.path))
    let present = Set(now.files.map(\.path))
    let new = now.files.map(\.path).filter { !known.contains($0) }
    let missing = files.filter { $0.part != nil && !present.contains($0.path) }.map(\.path)
    if !new.isEmpty {
      notes.append("new since the run began, in no part: \(new.count): \(some(new.map(printable)))")
    }
    if !missing.isEmpty {
      notes.append("missing since the run began: \(missing.count): \(some(missing.map(printable)))")
      let gone = Set(missing)
      files.removeAll { gone.contains($0.path) }
    }
  }

  /// Writes the split down, a table that `--labels` reads as well.
  static func write(_ files: [SplitFile], to path: String) throws {
    let rows =
      [columns] + files.map { [$0.path, $0.labels.joined(separator: "|"), $0.part?.rawValue ?? unused] }
    let text = rows.map { $0.map(csvCell).joined(separator: ",") + "\n" }.joined()
    try AtomicFile.write(path) { try $0.write(Array(text.utf8)) }
  }
}
