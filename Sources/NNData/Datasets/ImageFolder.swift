import Foundation
import NNCore
import NNFiles

/// Images in folders, one folder per class, `torchvision.datasets.ImageFolder`:
///
/// ```text
/// root/cat/a.jpg
/// root/cat/more/b.png
/// root/dog/c.jpeg
/// ```
///
/// Classes are the folders of `root` sorted by name, images the files below them whose names end as those of images do,
/// sorted by folder and name; links are followed. Hidden files and those of systems (`.DS_Store`, `._a.jpg`,
/// `Thumbs.db`, `__MACOSX`) are neither, in difference to torchvision's; ``skipped`` has what was left out. Files are
/// opened when an image is asked for, so a damaged one is found then, by an error that names it.
///
/// **Archives.** The root may be a zip or tar file with such folders in it, from which images are read without unpacking it:
/// `photos.zip/cat/a.jpg` is the path of one. Folders that only hold one folder are passed over, as many archives begin
/// with one. A tar file packed by gzip is unpacked into memory.
///
/// Photos are turned upright as their camera noted it, in difference to torchvision's, unless `orientation` is
/// `.ignore`.
public struct ImageFolder: VisionDataset {
  public let root: String
  public let classes: [String]
  public let targets: [Int]
  /// Path of each image.
  public let paths: [String]
  /// Files that were found and left out, and why.
  public let skipped: [SkippedFile]
  /// What the pixels of a file are turned into; images with other numbers of channels make no batch.
  public let mode: Image.Mode
  /// Whether photos are turned upright.
  public var orientation: Image.Orientation
  /// Whether large photos may be decoded at a reduced size, as far as `transform` allows it.
  public var decoding: Image.Decoding
  public var transform: any Transform<Image, Tensor>
  /// Keeps what `transform` makes of the files, if it is deterministic, so that each is decoded once; nil for none.
  public var cache: ImageCache?
  /// Where the files are.
  let tree: FileTree

  /// Lists the files.
  ///
  /// - Parameters:
  ///   - mode: By default all images get three channels.
  ///   - transform: What is done to each image; images of different sizes need one that makes them equal.
  ///   - orientation: Whether the orientation that a camera noted is applied.
  ///   - decoding: Whether large photos may be decoded at a reduced size, which the resize behind it makes up for.
  ///   - allowEmpty: Whether a class may have no images.
  ///   - cache: Keeps transformed images, so that each file is decoded once.
  ///   - chosen: The classes to be read, in the order of their numbers; by default all.
  ///
  /// Throws ``DatasetError`` if there is no folder of a class or a class is empty, and `FileError`.
  public init(
    _ root: String, mode: Image.Mode = .rgb, transform: any Transform<Image, Tensor> = ToTensor(),
    orientation: Image.Orientation = .apply, decoding: Image.Decoding = .exact, allowEmpty: Bool = false,
    cache: ImageCache? = nil, choosing chosen: [String]? = nil
  ) throws {
    try self.init(
      try FileTree(root), mode: mode, transform: transform, orientation: orientation, decoding: decoding,
      allowEmpty: allowEmpty, cache: cache, choosing: chosen)
  }

  /// - Parameter root: the folder of the tree to look at; by default its root.
  package init(
    _ tree: FileTree, below root: String? = nil, mode: Image.Mode = .rgb,
    transform: any Transform<Image, Tensor> = ToTensor(), orientation: Image.Orientation = .apply,
    decoding: Image.Decoding = .exact, allowEmpty: Bool = false, cache: ImageCache? = nil,
    choosing chosen: [String]? = nil
  ) throws {
    let root = try root ?? tree.rootOfFolders()
    let found = try ImageFolder.folders(of: root, in: tree)
    guard !found.isEmpty else {
      throw DatasetError.notFound(folder: root, expected: "one folder per class")
    }
    let names = chosen ?? found
    if let missing = names.first(where: { !found.contains($0) }) {
      let near = nearestNames(to: missing, among: found, count: 3).map(quoted).joined(separator: ", ")
      throw DatasetError.mismatch(
        file: root, expected: "a folder of the class \(quoted(missing))", found: near)
    }
    try self.init(
      root, tree, classes: names, names: names, mode: mode, transform: transform, orientation: orientation,
      decoding: decoding, allowEmpty: allowEmpty)
    self.cache = cache
  }

  /// - Parameters:
  ///   - names: Folders of the classes.
  ///   - classes: What they are called.
  init(
    _ root: String, _ tree: FileTree, classes: [String], names: [String], mode: Image.Mode,
    transform: any Transform<Image, Tensor>, orientation: Image.Orientation = .apply,
    decoding: Image.Decoding = .exact, allowEmpty: Bool
  ) throws {
    var (paths, targets, skipped): ([String], [Int], [SkippedFile]) = ([], [], tree.skipped)
    for name in try tree.entries(of: root).sorted(by: isBefore) where ImageListing.isOfTheSystem(name) {
      skipped.append(SkippedFile(path: "\(root)/\(name)", reason: "hidden or of the system"))
    }
    for (label, name) in names.enumerated() {
      let files = try ImageListing("\(root)/\(name)", in: tree)
      if files.paths.isEmpty && !allowEmpty { throw DatasetError.emptyClass(folder: "\(root)/\(name)") }
      paths += files.paths
      skipped += files.skipped
      targets += Array(repeating: label, count: files.paths.count)
    }
    self.root = root
    self.tree = tree
    self.classes = classes
    self.paths = paths
    self.targets = targets
    self.skipped = skipped
    self.mode = mode
    self.orientation = orientation
    self.decoding = decoding
    self.transform = transform
  }

  /// Images that are named one by one, in this order.
  ///
  ///     let table = try LabelTable(contentsOf: "photos/labels.csv", root: "photos")
  ///     let images = try ImageFolder("photos", files: table.rows.map { ($0.path, $0.label) }, transform: transform)
  ///
  /// - Parameters:
  ///   - root: the folder or archive that relative paths start from.
  ///   - files: path and class of each image.
  ///   - classes: names of the classes in the order of their numbers; by default those of the files, sorted.
  ///   - cache: keeps transformed images, so that each file is decoded once.
  ///
  /// Throws ``DatasetError`` if a file has a class that is not among `classes`. Files are opened when they are asked for.
  public init(
    _ root: String, files: [(path: String, label: String)], classes: [String]? = nil, mode: Image.Mode = .rgb,
    transform: any Transform<Image, Tensor> = ToTensor(), orientation: Image.Orientation = .apply,
    decoding: Image.Decoding = .exact, cache: ImageCache? = nil
  ) throws {
    try self.init(
      try FileTree(root), files: files, classes: classes, mode: mode, transform: transform,
      orientation: orientation, decoding: decoding, cache: cache)
  }

  package init(
    _ tree: FileTree, files: [(path: String, label: String)], classes: [String]? = nil,
    mode: Image.Mode = .rgb, transform: any Transform<Image, Tensor> = ToTensor(),
    orientation: Image.Orientation = .apply, decoding: Image.Decoding = .exact, cache: ImageCache? = nil
  ) throws {
    let classes = classes ?? Set(files.map(\.label)).sorted(by: isBefore)
    let numbers = Dictionary(zip(classes, classes.indices), uniquingKeysWith: { first, _ in first })
    root = tree.root
    self.tree = tree
    self.classes = classes
    targets = try files.map { file in
      guard let number = numbers[file.label] else {
        throw DatasetError.mismatch(
          file: file.path, expected: "one of \(classes.count) classes", found: quoted(file.label))
      }
      return number
    }
    paths = files.map { isAbsolutePath($0.path) ? $0.path : "\(tree.root)/\($0.path)" }
    skipped = []
    self.mode = mode
    self.orientation = orientation
    self.decoding = decoding
    self.transform = transform
    self.cache = cache
  }

  /// Label of each class.
  public var classToIndex: [String: Int] {
    Dictionary(zip(classes, classes.indices), uniquingKeysWith: { first, _ in first })
  }

  /// All pixels of an image, upright if `orientation` is `.apply`.
  public func image(at index: Int) throws -> Image {
    require(paths.indices.contains(index), "image(at:)", "index \(index) is outside 0..<\(paths.count)")
    return try Image(paths[index], in: tree, reading: reading.exact, for: transform)
  }

  public func imageToTransform(at index: Int) throws -> Image {
    try Image(paths[index], in: tree, reading: reading, for: transform)
  }

  private var reading: Image.Reading {
    Image.Reading(mode: mode, orientation: orientation, decoding: decoding)
  }

  public func element(at index: Int, context: SampleContext) throws -> Sample {
    sample(try reader(index, context), at: index)
  }

  public func batch(at indices: [Int], contexts: [SampleContext]) throws -> Sample {
    try batch(at: indices, contexts: contexts, of: reader)
  }

  /// Gives images for the network, from the cache if they are there. What all keys share is described once.
  var reader: (_ index: Int, _ context: SampleContext) throws -> PreparedTensor {
    guard let cache, transform.isDeterministic else { return prepared }
    let recipe = recipe
    return { index, context in
      guard paths.indices.contains(index) else { return try prepared(index, context) }
      let key = ImageCache.Key(path: paths[index], recipe: recipe)
      return try cache.image(key) { try prepared(index, context) }
    }
  }

  /// How files are read and transformed.
  var recipe: String { "\(mode) | \(orientation) | \(decoding) | \(transform)" }

  /// Image files below a folder or in an archive by their names, sorted, and what was left out.
  public static func listing(of folder: String) throws -> (paths: [String], skipped: [SkippedFile]) {
    try listing(of: FileTree(folder))
  }

  package static func listing(of tree: FileTree) throws -> (paths: [String], skipped: [SkippedFile]) {
    let listing = try ImageListing(tree.root, in: tree)
    return (listing.paths, tree.skipped + listing.skipped)
  }

  static func folders(of root: String, in tree: FileTree) throws -> [String] {
    try tree.entries(of: root)
      .filter { !ImageListing.isOfTheSystem($0) && tree.isFolder("\(root)/\($0)") }
      .sorted(by: isBefore)
  }
}
