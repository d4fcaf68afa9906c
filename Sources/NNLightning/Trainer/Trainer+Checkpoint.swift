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
    return try Checkpoint(contentsOf: path)
  }
}
