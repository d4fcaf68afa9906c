import NNCore

extension FileError {
  /// The system's reason why the last call on a file failed.
  static func reading(_ file: String) -> FileError { .unreadable(file: file, reason: systemMessage()) }
  static func writing(_ file: String) -> FileError { .unwritable(file: file, reason: systemMessage()) }
}
