import Foundation
import NNCore
import NNFiles

/// Makes a folder and makes sure that files can be written there.
func makeWritableFolder(_ path: String) throws {
  do {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  } catch {
    throw TrainerError.unwritableFolder(path)
  }
  guard FileManager.default.isWritableFile(atPath: path) else { throw TrainerError.unwritableFolder(path) }
}

extension Trainer {
  /// Removes what processes that were killed while they wrote left in a folder, and says so.
  func removeLeftovers(in folder: String) {
    let removed = AtomicFile.removeLeftovers(in: folder)
    if removed.count == 0 { return }
    note(
      "Removed \(removed.count) unfinished file\(removed.count == 1 ? "" : "s") "
        + "(\((Double(removed.bytes) / 1e6).formatted(digits: 1)) MB) that a killed run left in \(printable(folder))."
    )
  }
}
