import Foundation

/// Stops the program with a message, in release builds too (`precondition` drops its text there).
/// For mistakes of the programmer: shapes, element types, axes.
@inline(never)
package func fail(_ operation: StaticString, _ message: String) -> Never {
  // What was noted before is the cause.
  let cause = pendingDataProblem.map { " (after \($0))" } ?? ""
  let text = "\(operation): \(message)\(cause)"
  if let handler = Thread.current.threadDictionary[mistakeHandlerKey] as? MistakeHandler {
    handler.body(text)
  }
  fatalError(text)
}

/// Stops with a message naming the operation unless the condition holds.
@inline(__always)
package func require(
  _ condition: @autoclosure () -> Bool, _ operation: StaticString, _ message: @autoclosure () -> String
) {
  if !condition() { fail(operation, message()) }
}

/// Runs `body`; its mistakes on this thread are told to `handler`, which must not return, instead of ending the
/// process. For tests whose cases come from outside: Swift cannot unwind from the place of the mistake, so only a thread
/// that may be given up can run such a body.
package func withMistakeHandler<T>(
  _ handler: @escaping (String) -> Never, _ body: () throws -> T
) rethrows -> T {
  let former = Thread.current.threadDictionary[mistakeHandlerKey]
  Thread.current.threadDictionary[mistakeHandlerKey] = MistakeHandler(body: handler)
  defer { Thread.current.threadDictionary[mistakeHandlerKey] = former }
  return try body()
}

private let mistakeHandlerKey = "swift-nn.MistakeHandler"

private final class MistakeHandler {
  let body: (String) -> Never
  init(body: @escaping (String) -> Never) { self.body = body }
}
