import Foundation
import NNData

/// Where image files are.
struct ImageSource {
  let tree: FileTree
  /// The shards, if images have their labels beside them in tar files.
  let shards: ShardSet?

  /// - Parameter root: a folder, an archive, or shards.
  init(_ root: String) throws {
    shards = try ShardSet(at: root)
    tree = try shards?.tree ?? FileTree(root)
  }
}

/// How the image files of a run are read.
struct FileReading {
  let source: ImageSource
  let preprocessing: Preprocessing
  /// Keeps what is made of files that are asked for more than once.
  let cache: ImageCache?

  /// - Parameter root: a folder, an archive, or shards.
  init(_ root: String, _ preprocessing: Preprocessing, _ cache: ImageCache?) throws {
    source = try ImageSource(root)
    self.preprocessing = preprocessing
    self.cache = cache
  }

  /// - Parameter classes: in the order of their numbers; by default those of the files, sorted.
  func images(_ files: [SplitFile], classes: [String]? = nil) throws -> ImageFolder {
    try ImageFolder(
      source.tree, files: files.map { (path: $0.path, label: $0.label) }, classes: classes,
      transform: preprocessing.transform,
      orientation: Image.Orientation(rawValue: preprocessing.orientation) ?? .apply,
      decoding: Image.Decoding(rawValue: preprocessing.decoding) ?? .exact, cache: cache)
  }
}

extension FileReading {
  /// Images that may have several labels, or none.
  func multiLabelImages(_ files: [SplitFile], classes: [String]) throws -> MultiLabelDataset<ImageFolder> {
    let numbers = Dictionary(uniqueKeysWithValues: zip(classes, classes.indices))
    let images = try images(files.map { SplitFile(path: $0.path, labels: [""], part: $0.part) })
    return MultiLabelDataset(
      images, classes: classes, labels: files.map { $0.labels.compactMap { numbers[$0] } })
  }
}

extension ImageCache {
  /// For a training, which asks for its files in checks, measurements and every epoch: an eighth of the machine's memory,
  /// at most 1 GiB (7,000 images of 224x224).
  static var forTraining: ImageCache {
    ImageCache(byteLimit: min(1 << 30, Int(ProcessInfo.processInfo.physicalMemory / 8)))
  }
}
