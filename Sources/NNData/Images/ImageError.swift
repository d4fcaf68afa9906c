import NNCore

/// What can be wrong with an image file.
public enum ImageError: Error, CustomStringConvertible, Equatable {
  /// No image; `found` describes the first bytes.
  case unknownFormat(file: String, found: String)
  /// A known format that is not read, or a kind of image of a format that is read otherwise.
  case unsupported(file: String, format: String)
  /// The decoder refused the content.
  case damaged(file: String, reason: String)
  /// More pixels than the limit.
  case tooLarge(file: String, width: Int, height: Int, limit: Int)

  public var description: String {
    switch self {
    case .unknownFormat(let file, let found):
      "\(printable(file)): expected a \(Image.Format.list) image, found \(found)"
    case .unsupported(let file, let format):
      "\(printable(file)): expected a \(Image.Format.list) image, found \(format); "
        + UnreadFormat.remedy(for: file)
    case .damaged(let file, let reason): "\(printable(file)): damaged image: \(printable(reason))"
    case .tooLarge(let file, let width, let height, let limit):
      "\(printable(file)): expected at most \(limit) pixels, found \(width)x\(height)"
    }
  }
}
