/// What can be wrong with an image file.
public enum ImageError: Error, CustomStringConvertible, Equatable {
  /// Neither JPEG nor PNG; `found` describes the first bytes.
  case unknownFormat(file: String, found: String)
  /// The decoder refused the content.
  case damaged(file: String, reason: String)
  /// More pixels than the limit.
  case tooLarge(file: String, width: Int, height: Int, limit: Int)

  public var description: String {
    switch self {
    case .unknownFormat(let file, let found): "\(file): expected a JPEG or PNG image, found \(found)"
    case .damaged(let file, let reason): "\(file): damaged image: \(reason)"
    case .tooLarge(let file, let width, let height, let limit):
      "\(file): expected at most \(limit) pixels, found \(width)x\(height)"
    }
  }
}
