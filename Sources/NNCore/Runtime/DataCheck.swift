import Foundation

// What depends on data from outside must not end the process, and Swift cannot unwind from `fatalError`. So an
// operation whose operands do not fit, inside of `checkingData`, notes that and gives a result of the right shape that
// means nothing; whoever opened the scope throws what was noted before anything is done with such results.

/// What an operation found wrong with data from outside: an image too small for the network, a class number beyond its
/// outputs.
public struct DataProblem: Error, Equatable, Sendable, CustomStringConvertible {
  /// What kind of thing is wrong, for advice.
  public enum Kind: Sendable, Equatable {
    /// Sizes that do not fit those of a layer or of another tensor.
    case shape
    /// An image smaller than a window.
    case tooSmall
    /// Another number of channels.
    case channels
    /// Another element type.
    case type
    /// A class number or an index out of range.
    case label
    /// One value per channel where a batch's statistics are to be computed.
    case singleValue
    /// Something that could be read before, and now cannot.
    case unreadable
    /// More than the memory of a device.
    case memory
  }

  public let operation: String
  public let message: String
  public let kind: Kind
  /// Which row of the batch it is, if it is one.
  public let row: Int?

  public var description: String { "\(operation): \(message)" }
}

/// Where the problems of a thread's operations are noted.
package final class DataCheck {
  /// The first one since the last `throwProblem`: later ones may follow from it.
  private(set) var problem: DataProblem?

  fileprivate static let key = "swift-nn.DataCheck"

  fileprivate static var current: DataCheck? {
    get { Thread.current.threadDictionary[key] as? DataCheck }
    set { Thread.current.threadDictionary[key] = newValue }
  }

  fileprivate func note(_ problem: DataProblem) {
    if self.problem == nil { self.problem = problem }
  }

  /// Throws what was noted, once.
  package func throwProblem() throws {
    guard let problem else { return }
    self.problem = nil
    throw problem
  }
}

/// Runs `body`, in which operations note what does not fit; inner scopes do not hide it from the caller of theirs.
///
/// - Throws: what `body` throws, or the ``DataProblem`` that was noted and not thrown: that is the cause.
package func checkingData<T>(_ body: (DataCheck) throws -> T) throws -> T {
  let former = DataCheck.current
  let check = DataCheck()
  DataCheck.current = check
  defer { DataCheck.current = former }
  do {
    let result = try body(check)
    try check.throwProblem()
    return result
  } catch {
    try check.throwProblem()
    throw error
  }
}

/// Whether a condition holds that depends on data. If not: inside of `checkingData` it is noted, and the caller gives
/// back something of the right shape; elsewhere it is a mistake of the programmer, and stops.
@inline(__always)
package func fits(
  _ condition: @autoclosure () -> Bool, _ operation: StaticString, _ kind: DataProblem.Kind,
  row: Int? = nil, _ message: @autoclosure () -> String
) -> Bool {
  if condition() { return true }
  misfit(operation, kind, row: row, message())
  return false
}

/// `fits` for sizes.
@inline(__always)
package func fits(
  _ condition: @autoclosure () -> Bool, _ operation: StaticString, _ message: @autoclosure () -> String
) -> Bool {
  fits(condition(), operation, .shape, message())
}

/// Notes that data does not fit, or stops outside of `checkingData`.
@inline(never)
package func misfit(
  _ operation: StaticString, _ kind: DataProblem.Kind, row: Int? = nil, _ message: String
) {
  guard let check = DataCheck.current else { fail(operation, message) }
  check.note(DataProblem(operation: "\(operation)", message: message, kind: kind, row: row))
}

/// What was noted on this thread and not thrown yet.
package var pendingDataProblem: DataProblem? { DataCheck.current?.problem }
