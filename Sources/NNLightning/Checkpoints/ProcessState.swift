import NNCore
import NNData

/// What each of several processes has of its own at a boundary of a fit; all else is the same in all.
struct ProcessState: Codable, Sendable {
  var generators: [String: Generator.State]
  var loaders: [String: LoaderSnapshot]
  var outputs: SavedOutputs
  var log: [EpochLog.Saved]

  func check() throws {
    try outputs.check()
    for (name, loader) in loaders {
      let counts = 0...SavedState.greatestCount
      try SavedState.check("epoch of the loader \(printable(name))", loader.position.epoch, in: counts)
      try SavedState.check("position of the loader \(printable(name))", loader.position.position, in: counts)
    }
  }
}

extension Checkpoint {
  /// Of each process that wrote it, by rank.
  var processes: [ProcessState] {
    get {
      [ProcessState(generators: generators, loaders: loaders, outputs: outputs, log: log)] + otherProcesses
    }
    set {
      guard let first = newValue.first else { return }
      (generators, loaders, outputs, log) = (first.generators, first.loaders, first.outputs, first.log)
      otherProcesses = Array(newValue.dropFirst())
    }
  }
}
