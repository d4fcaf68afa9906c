/// A data set that is not where it was looked for.
public enum DatasetError: Error, CustomStringConvertible, Equatable {
  case notFound(folder: String, expected: String)

  public var description: String {
    switch self {
    case .notFound(let folder, let expected): "\(folder): expected \(expected), found neither"
    }
  }
}
