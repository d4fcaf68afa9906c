import Foundation
import NNCore
import NNData
import NNFiles
import NNLayers

extension Checkpoint {
  /// What is not a tensor.
  private struct Header: Codable {
    var format = SavedState.checkpointFormat
    var libraryVersion: String
    var progress: FitProgress
    var metrics: Metrics
    var generators: [String: Generator.State]
    var loaders: [String: LoaderSnapshot]
    var schedulerCount: Int
    var callbacks: [CallbackEntry]
    var outputs: SavedOutputs
    var log: [EpochLog.Saved]
    var hyperparameters: String?
    var schedulePlan: SchedulePlan?
    var metricIsNew: [Bool]?
    var otherProcesses: [ProcessState]?

    func check() throws {
      try progress.check()
      try SavedState.check("schedulerCount", schedulerCount, in: 0...Checkpoint.schedulerLimit)
      try schedulePlan?.check()
    }
  }

  private struct CallbackEntry: Codable {
    var key: String
    var state: String
  }

  /// Schedulers in one checkpoint.
  static let schedulerLimit = 1_000

  /// Reads a checkpoint.
  ///
  /// - Throws: what reading the file throws, and `CheckpointError` for a file of another kind.
  public init(contentsOf path: String) throws {
    let content = try StateDict(contentsOf: path)
    guard
      let text = content.metadata["checkpoint"],
      let header = try? SavedState.decode(Header.self, from: text),
      header.format == SavedState.checkpointFormat
    else { throw CheckpointError.notACheckpoint(path) }
    self.init(model: content.part("model."))
    generators = header.generators
    loaders = header.loaders
    outputs = header.outputs
    log = header.log
    otherProcesses = header.otherProcesses ?? []
    do {
      try header.check()
      for process in processes { try process.check() }
    } catch let error as CheckpointError {
      throw error.naming(path)
    }
    optimizer = content.part("optimizer.")
    schedulers = (0..<header.schedulerCount).map { content.part("schedulers.\($0).") }
    for (place, entry) in header.callbacks.enumerated() {
      callbacks[entry.key] = CallbackState(
        json: entry.state, tensors: content.part("callbacks.\(place)."))
    }
    progress = header.progress
    metrics = header.metrics
    hyperparametersJSON = header.hyperparameters
    libraryVersion = header.libraryVersion
    schedulePlan = header.schedulePlan
    metricIsNew = header.metricIsNew ?? []
  }

  /// Writes the checkpoint: under a temporary name first, so that an older file of this name stays whole until the
  /// new one is complete on disk.
  /// - Throws: `FileError.unwritable`, which names the file.
  public func write(to path: String) throws {
    let states = callbacks.sorted { $0.key < $1.key }
    let header = Header(
      libraryVersion: libraryVersion, progress: progress, metrics: metrics, generators: generators,
      loaders: loaders, schedulerCount: schedulers.count,
      callbacks: states.map { CallbackEntry(key: $0.key, state: $0.value.json) }, outputs: outputs, log: log,
      hyperparameters: hyperparametersJSON, schedulePlan: schedulePlan, metricIsNew: metricIsNew,
      otherProcesses: otherProcesses.isEmpty ? nil : otherProcesses)
    var content = model.addingPrefix("model.")
    for (key, value) in optimizer { content["optimizer." + key] = value }
    for (place, state) in schedulers.enumerated() {
      for (key, value) in state { content["schedulers.\(place).\(key)"] = value }
    }
    for (place, state) in states.enumerated() {
      for (key, value) in state.value.tensors { content["callbacks.\(place).\(key)"] = value }
    }
    try content.write(safetensors: path, metadata: ["checkpoint": try SavedState.encode(header)])
  }
}
