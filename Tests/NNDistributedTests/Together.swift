import Foundation
import NNDistributed
import NNLightning
import TestSupport

/// Runs `body` on a thread for each of some processes' communicators.
func together<T: Sendable>(
  _ count: Int, patience: ProcessGroup.Patience = ProcessGroup.Patience(),
  _ body: @escaping @Sendable (ProcessGroup) throws -> T
) throws -> [Result<T, any Error>] {
  let groups = try ProcessGroup.threads(count, patience: patience)
  return onThreads(count) { rank in
    let group = groups[rank]
    defer { group.close() }
    do {
      return try body(group)
    } catch {
      // As a Trainer does.
      group.abort("\(error)")
      throw error
    }
  }
}
