import Foundation
import NNCore

/// Images in folders, one folder per class, `torchvision.datasets.ImageFolder`:
///
///     root/cat/a.jpg
///     root/cat/more/b.png
///     root/dog/c.jpeg
///
/// Classes are the folders of `root` sorted by name, images the JPEG and PNG files below them sorted by folder and
/// name; links are followed. Files are opened when an image is asked for, so a damaged one is found then.
public struct ImageFolder: VisionDataset {
  public let root: String
  public let classes: [String]
  public let targets: [Int]
  /// Path of each image.
  public let paths: [String]
  /// What the pixels of a file are turned into; images with other numbers of channels make no batch.
  public let mode: Image.Mode
  public var transform: any Transform<Image, Tensor>

  /// Lists the files.
  ///
  /// - Parameters:
  ///   - mode: By default all images get three channels.
  ///   - transform: What is done to each image; images of different sizes need one that makes them equal.
  ///   - allowEmpty: Whether a class may have no images.
  ///
  /// Throws ``DatasetError`` if there is no folder of a class, a class is empty, or there are images of formats that
  /// are not read (`.ppm`, `.bmp`, `.pgm`, `.tif`, `.tiff`, `.webp`), and `FileError`.
  public init(
    _ root: String, mode: Image.Mode = .rgb, transform: any Transform<Image, Tensor> = ToTensor(),
    allowEmpty: Bool = false
  ) throws {
    let names = try ImageFolder.folders(of: root)
    guard !names.isEmpty else {
      throw DatasetError.notFound(folder: root, expected: "one folder per class")
    }
    try self.init(
      root, classes: names, names: names, mode: mode, transform: transform, allowEmpty: allowEmpty)
  }

  /// - Parameters:
  ///   - names: Folders of the classes.
  ///   - classes: What they are called.
  init(
    _ root: String, classes: [String], names: [String], mode: Image.Mode,
    transform: any Transform<Image, Tensor>, allowEmpty: Bool
  ) throws {
    var (paths, targets): ([String], [Int]) = ([], [])
    for (label, name) in names.enumerated() {
      var files: [(folder: String, name: String)] = []
      var visited: Set<String> = []
      try ImageFolder.collect("\(root)/\(name)", into: &files, &visited)
      if files.isEmpty && !allowEmpty { throw DatasetError.emptyClass(folder: "\(root)/\(name)") }
      files.sort {
        $0.folder == $1.folder ? isBefore($0.name, $1.name) : isBefore($0.folder, $1.folder)
      }
      paths += files.map { "\($0.folder)/\($0.name)" }
      targets += Array(repeating: label, count: files.count)
    }
    self.root = root
    self.classes = classes
    self.paths = paths
    self.targets = targets
    self.mode = mode
    self.transform = transform
  }

  /// Label of each class.
  public var classToIndex: [String: Int] {
    Dictionary(zip(classes, classes.indices), uniquingKeysWith: { first, _ in first })
  }

  public func image(at index: Int) throws -> Image {
    require(paths.indices.contains(index), "image(at:)", "index \(index) is outside 0..<\(paths.count)")
    return try Image(contentsOfFile: paths[index], mode: mode)
  }

  static func folders(of root: String) throws -> [String] {
    try entries(of: root).filter { isFolder("\(root)/\($0)") }.sorted(by: isBefore)
  }

  private static let decoded: Set<String> = ["jpg", "jpeg", "png"]
  /// Formats that torchvision reads besides: to leave their images out without a word would change the data set.
  private static let others: Set<String> = ["ppm", "bmp", "pgm", "tif", "tiff", "webp"]

  private static func collect(
    _ folder: String, into files: inout [(folder: String, name: String)], _ visited: inout Set<String>
  ) throws {
    // A link to a folder above would never end.
    let real = URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
    guard visited.insert(real).inserted else { return }
    for name in try entries(of: folder) {
      let path = "\(folder)/\(name)"
      if isFolder(path) {
        try collect(path, into: &files, &visited)
        continue
      }
      let ending = name.split(separator: ".", omittingEmptySubsequences: false).last?.lowercased() ?? ""
      if decoded.contains(ending) {
        files.append((folder, name))
      } else if others.contains(ending) {
        throw DatasetError.unsupported(file: path)
      }
    }
  }

  private static func entries(of folder: String) throws -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: folder)
    } catch {
      throw FileError.unreadable(file: folder, reason: "the folder cannot be listed")
    }
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }
}

/// By code points, as Python sorts: the same on every machine and in every language.
private func isBefore(_ a: String, _ b: String) -> Bool {
  a.unicodeScalars.lexicographicallyPrecedes(b.unicodeScalars)
}
