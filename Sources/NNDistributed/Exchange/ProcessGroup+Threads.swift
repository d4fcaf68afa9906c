import Foundation

extension ProcessGroup {
  /// Communicators of threads of this process, by rank: what processes do, for tests and for trying out. Each is for one
  /// thread.
  public static func threads(_ count: Int, patience: Patience = Patience()) throws -> [ProcessGroup] {
    let box = LetterBox(count)
    return try (0..<count).map { rank in
      try ProcessGroup(patience: patience) { ThreadTransport(box, rank: rank) }
    }
  }
}
