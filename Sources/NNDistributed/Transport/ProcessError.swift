import NNCore

/// Why processes can no longer work together. Each names the process that is the cause.
public enum ProcessError: Error, Equatable, CustomStringConvertible {
  /// A process ended its part with an error.
  case failed(rank: Int, reason: String)
  /// A process gave no sign of life for so many seconds.
  case silent(rank: Int, seconds: Int)
  /// A process lives, and did not come to where it was waited for within so many seconds.
  case late(rank: Int, seconds: Int)
  /// A process wants something else than this one: another program, or other data.
  case mismatch(rank: Int, expected: String, found: String)
  /// What the library below says of messages between this process and others.
  case transport(rank: Int, String)

  public var description: String {
    switch self {
    case .failed(let rank, let reason):
      // What comes from another process begins with its rank already.
      reason.hasPrefix("rank ") ? reason : "rank \(rank): \(reason)"
    case .silent(let rank, let seconds):
      "rank \(rank): expected a sign of life, found none for \(seconds) s; it hangs, was stopped, or its machine is gone"
    case .late(let rank, let seconds):
      "rank \(rank): expected it at a common exchange, found it elsewhere for \(seconds) s; NN_PROCESS_PATIENCE sets how "
        + "long it is waited for"
    case .mismatch(let rank, let expected, let found):
      "rank \(rank): expected \(expected), found \(found)"
    case .transport(let rank, let text): "rank \(rank): \(text)"
    }
  }
}
