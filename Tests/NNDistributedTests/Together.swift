import Foundation
import NNDistributed
import NNLightning

/// Runs `body` on a thread for each of some processes' communicators.
func together<T: Sendable>(
  _ count: Int, patience: ProcessGroup.Patience = ProcessGroup.Patience(),
  _ body: @escaping @Sendable (ProcessGroup) throws -> T
) throws -> [Result<T, any Error>] {
  let groups = try ProcessGroup.threads(count, patience: patience)
  let results = Results<T>()
  let done = DispatchGroup()
  for group in groups {
    done.enter()
    Thread {
      let result = Result { try body(group) }
      // As a Trainer does.
      if case .failure(let error) = result { group.abort("\(error)") }
      results.set(result, group.rank)
      group.close()
      done.leave()
    }.start()
  }
  done.wait()
  return results.inOrder
}

private final class Results<T: Sendable>: @unchecked Sendable {
  private let lock = NSLock()
  private var all: [Int: Result<T, any Error>] = [:]

  func set(_ result: Result<T, any Error>, _ rank: Int) { lock.withLock { all[rank] = result } }
  var inOrder: [Result<T, any Error>] { lock.withLock { all.sorted { $0.key < $1.key }.map(\.value) } }
}
