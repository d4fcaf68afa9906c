import Foundation
import NNCore
import NNFiles

extension FileError {
  /// The system's reason why the last call on a file failed.
  package static func reading(_ file: String) -> FileError {
    .unreadable(file: file, reason: systemMessage())
  }
  package static func writing(_ file: String) -> FileError {
    .unwritable(file: file, reason: systemMessage())
  }

  /// Makes a folder and those above it, unless it is there.
  package static func makeFolder(_ path: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw FileError.unwritable(file: path, reason: "the folder cannot be made")
    }
  }
}
