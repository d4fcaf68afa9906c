import Foundation
import NNCore

/// Runs `body` on a thread of its own for each number, and gives what came of them in their order.
package func onThreads<T: Sendable>(
  _ count: Int, _ body: @escaping @Sendable (_ number: Int) throws -> T
) -> [Result<T, any Error>] {
  let results = Results<T>()
  let group = DispatchGroup()
  for number in 0..<count {
    group.enter()
    Thread {
      results.set(Result { try body(number) }, number)
      group.leave()
    }.start()
  }
  group.wait()
  return results.inOrder
}

/// Invariant: `all` is used under the lock only.
private final class Results<T: Sendable>: @unchecked Sendable {
  private let lock = NSLock()
  private var all: [Int: Result<T, any Error>] = [:]

  func set(_ result: Result<T, any Error>, _ number: Int) { lock.withLock { all[number] = result } }
  var inOrder: [Result<T, any Error>] { lock.withLock { all.sorted { $0.key < $1.key }.map(\.value) } }
}
