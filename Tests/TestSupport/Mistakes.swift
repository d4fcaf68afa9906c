import Foundation
import NNCore

/// Runs `body` on a thread of its own, so that what the library takes for a mistake of the programmer (shapes that do
/// not fit, an argument out of range) is an error here: the cases come from outside, and one bad case must not end the
/// run of the others.
public func catchingMistakes<T>(_ body: @escaping () throws -> T) throws -> T {
  // Only the other thread uses the body, and only until the outcome is there.
  nonisolated(unsafe) let body = body
  let outcome = Outcome<T>()
  let thread = Thread {
    let result = Result {
      try withMistakeHandler({ message in
        outcome.set(.failure(FixtureError(message)))
        // There is no way back out of the operation: its thread stays where it is.
        while true { Thread.sleep(forTimeInterval: 3_600) }
      }) { try body() }
    }
    outcome.set(result)
  }
  thread.stackSize = 8 << 20
  thread.start()
  return try outcome.wait().get()
}

/// What a thread hands to the one that waits for it.
private final class Outcome<T>: @unchecked Sendable {
  private let isThere = DispatchSemaphore(value: 0)
  private var result: Result<T, any Error>?

  func set(_ result: Result<T, any Error>) {
    self.result = result
    isThere.signal()
  }
  func wait() throws -> Result<T, any Error> {
    isThere.wait()
    guard let result else { throw FixtureError("the case ended without a result") }
    return result
  }
}
