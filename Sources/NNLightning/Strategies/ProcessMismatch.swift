import NNCore

/// Processes that train together do not have the same model, data or settings.
public struct ProcessMismatch: Error, CustomStringConvertible, Equatable {
  /// What differs.
  public let subject: String
  /// The process that has something else than the first one.
  public let rank: Int
  public let first: String
  public let found: String

  public var description: String {
    let (expected, other) = difference
    return
      "rank \(rank): expected the \(subject) of rank 0 (\(printable(expected))), found \(printable(other))"
  }

  /// The first line in which they differ.
  private var difference: (String, String) {
    let (a, b) = (first.split(separator: "\n"), found.split(separator: "\n"))
    let place = zip(a, b).enumerated().first { $1.0 != $1.1 }?.offset ?? min(a.count, b.count)
    func line(_ lines: [Substring]) -> String { place < lines.count ? String(lines[place]) : "no more" }
    return (line(a), line(b))
  }
}
