import NNCore

/// What can be wrong with a checkpoint.
public enum CheckpointError: Error, CustomStringConvertible, Equatable {
  /// A tensor file, but no checkpoint.
  case notACheckpoint(String)
  /// A checkpoint of another model or another set-up: everything that differs.
  case doesNotFit(file: String, differences: [String])
  /// A part that is not what it should be.
  case invalid(_ expected: String, _ found: String)

  /// The error of a part with the name of the file that it is in.
  func naming(_ path: String) -> CheckpointError {
    guard case .invalid(let expected, let found) = self else { return self }
    return .invalid("\(expected) in \(printable(path))", found)
  }

  public var description: String {
    switch self {
    case .notACheckpoint(let path):
      "\(path): expected a file of the format \"\(SavedState.checkpointFormat)\", found another"
    case .doesNotFit(let file, let differences):
      "\(file): expected a checkpoint of this model and set-up, found another: "
        + differences.joined(separator: "; ")
    case .invalid(let expected, let found): "checkpoint: expected \(expected), found \(found)"
    }
  }
}
