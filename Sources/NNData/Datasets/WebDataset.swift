import NNCore
import NNFiles

/// Images in tar files in the format of WebDataset (https://github.com/webdataset/webdataset): each sample is an image
/// `KEY.jpg` (or of another format) with its class in `KEY.cls`, or as `label` in `KEY.json`.
///
/// The files are not unpacked: they are gone through once by their headers, and images are then read where they lie, in any
/// order and by any number of threads.
///
///     let photos = try WebDataset.open("shards/train-{000..009}.tar")
public enum WebDataset {
  /// Opens shards.
  ///
  /// - Parameters:
  ///   - shards: a pattern such as `train-{000..009}.tar` or `{a,b}.tar`, one tar file, or a folder of them.
  ///   - labelField: the field of `KEY.json` that has the label; by default `KEY.cls` is taken, or else `label`.
  ///   - classes: names of the classes in the order of their numbers, if samples have numbers; by default the names, or the
  ///     numbers themselves, that were found, sorted.
  ///   - transform: what is done to each image; it must bring them to one size.
  ///   - orientation: whether the orientation that a camera noted is applied.
  ///   - decoding: whether large photos may be decoded at a reduced size.
  ///   - cache: keeps transformed images, so that each is decoded once.
  ///
  /// Images stand in the order of the shards, and as they stand in each. Throws ``DatasetError``, ``ArchiveError`` or
  /// `FileError`.
  public static func open(
    _ shards: String, labelField: String? = nil, classes: [String]? = nil, mode: Image.Mode = .rgb,
    transform: any Transform<Image, Tensor> = ToTensor(), orientation: Image.Orientation = .apply,
    decoding: Image.Decoding = .exact, cache: ImageCache? = nil
  ) throws -> ImageFolder {
    guard let set = try ShardSet(at: shards) else {
      throw DatasetError.mismatch(
        file: shards, expected: "tar files of images such as 0001.jpg beside 0001.cls", found: "none")
    }
    let items = try set.items(labelField: labelField)
    let numbers = items.map { Int($0.labels[0]) }
    let areNumbers = numbers.allSatisfy { $0 != nil }
    var names = classes
    var labels = items.map { $0.labels[0] }
    if areNumbers {
      if let classes {
        labels = try zip(items, numbers).map { item, number in
          guard let number, classes.indices.contains(number) else {
            throw DatasetError.mismatch(
              file: "\(set.root)/\(item.path)", expected: "a class in 0..<\(classes.count)",
              found: item.labels[0])
          }
          return classes[number]
        }
      } else {
        // 10 comes after 9.
        labels = numbers.map { "\($0 ?? 0)" }
        names = Set(numbers.compactMap(\.self)).sorted().map(String.init)
      }
    }
    return try ImageFolder(
      set.tree, files: zip(items, labels).map { ($0.path, $1) }, classes: names, mode: mode,
      transform: transform, orientation: orientation, decoding: decoding, cache: cache)
  }
}
