import Foundation
import NNCore

extension Trainer {
  /// Everything that a resumed fit needs, as it is now. Exact at `onStepBoundary` and after a fit; in another hook a
  /// step is half done, and the program stops with a message. Several processes ask for it together, and get the same.
  public func checkpoint() throws -> Checkpoint {
    guard let activeFit else { fail("Trainer.checkpoint", "there was no fit yet") }
    return try activeFit.checkpoint()
  }

  /// Writes a checkpoint; see ``checkpoint()``.
  public func saveCheckpoint(to path: String) throws {
    let checkpoint = try checkpoint()
    if strategy.isWriter { try checkpoint.write(to: path) }
  }

  /// Whether the fit has written a checkpoint, or was resumed from one.
  var hasCheckpoint: Bool { callbacks.contains { ($0 as? any CheckpointWriting)?.lastPath != nil } }

  /// The checkpoint to resume from, nil to start afresh.
  func checkpoint(_ resume: Resume) throws -> Checkpoint? {
    let path: String
    switch resume {
    case .never: return nil
    case .from(let file): path = file
    case .last:
      guard let callback = callbacks.compactMap({ $0 as? any CheckpointWriting }).first else {
        throw TrainerError.nothingToResumeFrom
      }
      guard let file = try strategy.first(callback.existingLastPath) else { return nil }
      path = file
    }
    resumedFile = path
    return try readCheckpoint(path)
  }

  /// The first process's file, which the others may not have.
  private func readCheckpoint(_ path: String) throws -> Checkpoint {
    if strategy.count == 1 { return try Checkpoint(contentsOf: path) }
    if strategy.isWriter {
      let checkpoint = try Checkpoint(contentsOf: path)
      _ = try strategy.gather(Data(contentsOf: URL(fileURLWithPath: path)))
      return checkpoint
    }
    let bytes = try strategy.gather(Data())[0]
    let copy = FileManager.default.temporaryDirectory.appendingPathComponent(
      "checkpoint-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: copy) }
    try bytes.write(to: copy)
    return try Checkpoint(contentsOf: copy.path)
  }
}
