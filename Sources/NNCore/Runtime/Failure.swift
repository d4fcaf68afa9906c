/// Stops the program with a message, in release builds too (`precondition` drops its text there).
/// For mistakes of the programmer: shapes, element types, axes.
@inline(never)
package func fail(_ operation: StaticString, _ message: String) -> Never {
  // What was noted before is the cause.
  let cause = pendingDataProblem.map { " (after \($0))" } ?? ""
  fatalError("\(operation): \(message)\(cause)")
}

/// Stops with a message naming the operation unless the condition holds.
@inline(__always)
package func require(
  _ condition: @autoclosure () -> Bool, _ operation: StaticString, _ message: @autoclosure () -> String
) {
  if !condition() { fail(operation, message()) }
}
