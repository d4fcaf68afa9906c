/// A data set that is not where it was looked for, or not what it should be.
public enum DatasetError: Error, CustomStringConvertible, Equatable {
  case notFound(folder: String, expected: String)
  /// A folder of images with a class that has none.
  case emptyClass(folder: String)
  /// An image in a format that is not read.
  case unsupported(file: String)
  /// Files of one data set that do not belong together.
  case mismatch(file: String, expected: String, found: String)

  public var description: String {
    switch self {
    case .notFound(let folder, let expected): "\(folder): expected \(expected), found neither"
    case .emptyClass(let folder): "\(folder): expected JPEG or PNG images of this class, found none"
    case .unsupported(let file): "\(file): expected a JPEG or PNG image, found a file of another format"
    case .mismatch(let file, let expected, let found): "\(file): expected \(expected), found \(found)"
    }
  }
}
