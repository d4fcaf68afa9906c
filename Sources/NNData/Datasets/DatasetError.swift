import NNCore

/// A data set that is not where it was looked for, or not what it should be.
public enum DatasetError: Error, CustomStringConvertible, Equatable {
  case notFound(folder: String, expected: String)
  /// A folder of images with a class that has none.
  case emptyClass(folder: String)
  /// Files of one data set that do not belong together.
  case mismatch(file: String, expected: String, found: String)

  public var description: String {
    switch self {
    case .notFound(let folder, let expected): "\(printable(folder)): expected \(expected), found neither"
    case .emptyClass(let folder): "\(printable(folder)): expected images of this class, found none"
    case .mismatch(let file, let expected, let found):
      "\(printable(file)): expected \(expected), found \(found)"
    }
  }
}
