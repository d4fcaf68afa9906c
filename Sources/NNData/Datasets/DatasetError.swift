import NNCore

/// A data set that is not where it was looked for, or not what it should be.
public enum DatasetError: Error, CustomStringConvertible, Equatable {
  case notFound(folder: String, expected: String)
  /// A folder of images with a class that has none.
  case emptyClass(folder: String)
  /// An image that becomes a tensor of another shape than the others of its batch.
  case differentShape(image: String, expected: String, found: String)
  /// Files of one data set that do not belong together.
  case mismatch(file: String, expected: String, found: String)

  public var description: String {
    switch self {
    case .notFound(let folder, let expected): "\(printable(folder)): expected \(expected), found neither"
    case .emptyClass(let folder): "\(printable(folder)): expected images of this class, found none"
    case .differentShape(let image, let expected, let found):
      "\(printable(image)): expected \(expected) as the first image of its batch gives, found \(found); images of "
        + "different sizes need a Resize in the transform"
    case .mismatch(let file, let expected, let found):
      "\(printable(file)): expected \(expected), found \(found)"
    }
  }
}
