/// A file that a folder or an archive of images holds and a data set leaves out.
public struct SkippedFile: Sendable, Hashable {
  public let path: String
  /// Why, in a few words: equal files have equal reasons.
  public let reason: String
}

/// By code points, as Python sorts: the same on every machine and in every language.
func isBefore(_ a: String, _ b: String) -> Bool {
  a.unicodeScalars.lexicographicallyPrecedes(b.unicodeScalars)
}
