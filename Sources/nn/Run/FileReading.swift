import Foundation
import NNData

/// How the image files of a run are read.
struct FileReading {
  /// The folder that relative paths start from.
  let root: String
  let preprocessing: Preprocessing
  /// Keeps what is made of files that are asked for more than once.
  let cache: ImageCache?

  init(_ root: String, _ preprocessing: Preprocessing, _ cache: ImageCache?) {
    self.root = root
    self.preprocessing = preprocessing
    self.cache = cache
  }

  /// - Parameter classes: in the order of their numbers; by default those of the files, sorted.
  func images(_ files: [SplitFile], classes: [String]? = nil) throws -> ImageFolder {
    try ImageFolder(
      root, files: files.map { (path: $0.path, label: $0.label) }, classes: classes,
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
