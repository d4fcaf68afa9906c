import NNCore

/// What can go wrong with a tensor file. Each case prints as one line that names the file.
public enum FileError: Error, Equatable, CustomStringConvertible {
  /// The file cannot be opened or read.
  case unreadable(file: String, reason: String)
  /// The file cannot be written. Whatever stood at its place before is still there.
  case unwritable(file: String, reason: String)
  /// The content is not what it should be.
  case malformed(file: String, expected: String, found: String)

  public var description: String {
    switch self {
    case .unreadable(let file, let reason): "\(file): cannot be read: \(reason)"
    case .unwritable(let file, let reason): "\(file): cannot be written: \(reason)"
    case .malformed(let file, let expected, let found): "\(file): expected \(expected), found \(found)"
    }
  }

  /// Runs a parser and adds the file's name to what it throws.
  package static func naming<R>(_ file: String, _ body: () throws -> R) throws -> R {
    do {
      return try body()
    } catch let error as Malformed {
      throw FileError.malformed(file: file, expected: error.expected, found: error.found)
    } catch let error as StateDictError {
      throw FileError.malformed(file: file, expected: "keys that differ", found: "\(error)")
    }
  }
}

/// What a parser throws; whoever knows the file's name makes a `FileError` of it.
package struct Malformed: Error, Equatable {
  package let expected: String
  package let found: String

  package init(expected: String, found: String) {
    self.expected = expected
    self.found = found
  }
}

/// Text from a file, quoted, printable and shortened, for a message of one line. By code points: one `Character` may be
/// as long as the file.
package func quoted(_ text: String) -> String {
  let head = text.unicodeScalars.prefix(quotedLimit)
  let shown = head.endIndex == text.endIndex ? text : String(head) + "…"
  // Quotes and line breaks are escaped by the one, control characters beyond ASCII by the other.
  return printable(shown.debugDescription)
}

/// Characters of a text from a file that a message shows.
private let quotedLimit = 80

/// Dimensions of a tensor in a file.
let rankLimit = 64

/// Number of elements of a shape, where it and the sizes in bytes of all its parts fit in `Int`.
package func checkedCount(_ shape: [Int], of name: @autoclosure () -> String) throws -> Int {
  guard shape.count <= rankLimit else {
    throw Malformed(expected: "at most \(rankLimit) dimensions for \(name())", found: "\(shape.count)")
  }
  // Empty dimensions count as 1 here: strides and sizes of parts must fit too.
  var bound = 8
  for size in shape {
    let (product, overflow) = bound.multipliedReportingOverflow(by: Swift.max(size, 1))
    guard size >= 0, !overflow else {
      throw Malformed(expected: "a shape that fits in memory for \(name())", found: "\(shape)")
    }
    bound = product
  }
  return shape.reduce(1, *)
}
