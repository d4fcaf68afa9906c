import NNCore

/// What can be wrong with an image file.
public enum ImageError: Error, CustomStringConvertible, Equatable {
  /// No image; `found` describes the first bytes.
  case unknownFormat(file: String, found: String)
  /// An image in a format that is not read here.
  case unsupported(file: String, format: String)
  /// The decoder refused the content.
  case damaged(file: String, reason: String)
  /// More pixels than the limit.
  case tooLarge(file: String, width: Int, height: Int, limit: Int)

  public var description: String {
    switch self {
    case .unknownFormat(let file, let found): "\(printable(file)): expected an image, found \(found)"
    case .unsupported(let file, let format):
      "\(printable(file)): expected a JPEG or PNG image, found \(format); convert it: "
        + "magick \(printable(file)) \(printable(Self.converted(file)))"
    case .damaged(let file, let reason): "\(printable(file)): damaged image: \(printable(reason))"
    case .tooLarge(let file, let width, let height, let limit):
      "\(printable(file)): expected at most \(limit) pixels, found \(width)x\(height)"
    }
  }

  /// The name that the file would have as a JPEG.
  private static func converted(_ file: String) -> String {
    let name = file.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
    guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return file + ".jpg" }
    return file[..<dot] + ".jpg"
  }
}
