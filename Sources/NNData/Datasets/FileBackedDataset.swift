/// A data set that knows which file an element comes from, so that an error can name it.
public protocol FileBackedDataset: Dataset {
  /// Path of the file behind the element at `index`; nil if there is none.
  func file(at index: Int) -> String?
}

extension ImageFolder: FileBackedDataset {
  public func file(at index: Int) -> String? { paths.indices.contains(index) ? paths[index] : nil }
}

extension Subset: FileBackedDataset {
  public func file(at index: Int) -> String? {
    indices.indices.contains(index) ? dataset.knownFile(at: indices[index]) : nil
  }
}

extension MappedDataset: FileBackedDataset {
  public func file(at index: Int) -> String? { dataset.knownFile(at: index) }
}

extension ConcatDataset: FileBackedDataset {
  public func file(at index: Int) -> String? {
    var start = 0
    for part in datasets {
      if index < start + part.count { return part.knownFile(at: index - start) }
      start += part.count
    }
    return nil
  }
}

extension Dataset {
  /// The file of an element of any data set.
  func knownFile(at index: Int) -> String? { (self as? any FileBackedDataset)?.file(at: index) }
}
