import Foundation
import NNCore
import NNData
import NNLayers

/// The state of a fit in one safetensors file: tensors under `model.`, `optimizer.`, `schedulers.` and `callbacks.`,
/// the rest as JSON in the file's metadata. Nothing in it is executable.
public struct Checkpoint: Sendable {
  /// Parameters and buffers of the model.
  public var model: StateDict
  /// State of the optimizer.
  public var optimizer: StateDict = [:]
  /// States of the schedules, in the order of `configureSchedulers`.
  public var schedulers: [StateDict] = []
  /// States of the callbacks by their keys.
  public var callbacks: [String: CallbackState] = [:]
  public var progress = FitProgress()
  /// Metrics at the time.
  public var metrics: Metrics = [:]
  /// Random generators; the default one is called `default`.
  public var generators: [String: Generator.State] = [:]
  /// Positions of the loaders `train` and `validation`.
  public var loaders: [String: LoaderSnapshot] = [:]
  /// The model's hyperparameters as JSON, nil if it has none.
  public var hyperparametersJSON: String?
  /// Version of the library that wrote it.
  public internal(set) var libraryVersion = NNCore.libraryVersion
  /// Outputs of the training steps of the epoch under way.
  var outputs = SavedOutputs([])
  /// What was logged in it.
  var log: [EpochLog.Saved] = []
  /// What the second and further processes of the fit have of their own.
  var otherProcesses: [ProcessState] = []
  var schedulePlan: SchedulePlan?
  /// For each schedule whether its metric is new to it.
  var metricIsNew: [Bool] = []

  /// Epochs that were finished.
  public var epoch: Int { progress.epoch }
  /// Optimizer steps that were taken.
  public var globalStep: Int { progress.globalStep }

  public init(model: StateDict) { self.model = model }

  /// The hyperparameters of a model that has them; nil if the checkpoint has none.
  /// - Throws: `CheckpointError.invalid` if they are others.
  public func hyperparameters<Value: Decodable>(as type: Value.Type) throws -> Value? {
    guard let text = hyperparametersJSON else { return nil }
    do {
      return try Checkpoint.decode(type, from: text)
    } catch {
      throw CheckpointError.invalid("hyperparameters of the type \(type)", quoted(text))
    }
  }
}

/// A model whose settings travel with its checkpoints and are shown by loggers.
public protocol HasHyperparameters: Module {
  associatedtype Hyperparameters: Codable
  var hyperparameters: Hyperparameters { get }
}

/// What a callback keeps in a checkpoint: a value that can be encoded, and tensors.
public struct CallbackState: Sendable {
  let json: String
  public let tensors: StateDict

  public init(_ value: some Encodable, tensors: StateDict = [:]) throws {
    json = try Checkpoint.encode(value)
    self.tensors = tensors
  }

  init(json: String, tensors: StateDict) {
    self.json = json
    self.tensors = tensors
  }

  /// The value that was encoded.
  /// - Throws: `CheckpointError.invalid` if it is of another type.
  public func value<Value: Decodable>(as type: Value.Type = Value.self) throws -> Value {
    do {
      return try Checkpoint.decode(type, from: json)
    } catch {
      throw CheckpointError.invalid("a state of the type \(type)", quoted(json))
    }
  }
}

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
      "\(path): expected a file of the format \"\(Checkpoint.format)\", found another"
    case .doesNotFit(let file, let differences):
      "\(file): expected a checkpoint of this model and set-up, found another: "
        + differences.joined(separator: "; ")
    case .invalid(let expected, let found): "checkpoint: expected \(expected), found \(found)"
    }
  }
}

/// What each of several processes has of its own at a boundary of a fit; all else is the same in all.
struct ProcessState: Codable, Sendable {
  var generators: [String: Generator.State]
  var loaders: [String: LoaderSnapshot]
  var outputs: SavedOutputs
  var log: [EpochLog.Saved]

  func check() throws {
    try outputs.check()
    for (name, loader) in loaders {
      let counts = 0...Checkpoint.greatestCount
      try Checkpoint.check("epoch of the loader \(printable(name))", loader.position.epoch, in: counts)
      try Checkpoint.check("position of the loader \(printable(name))", loader.position.position, in: counts)
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

/// Step outputs by column, with the bits of their values.
struct SavedOutputs: Codable, Sendable {
  private struct Column: Codable, Sendable {
    var name: String
    var dtype: Int32
    /// Nil where an output lacks the name.
    var bits: [UInt64?]
  }

  private var columns: [Column] = []
  private var batchSizes: [Int?]

  init(_ outputs: [StepOutput]) {
    batchSizes = outputs.map(\.batchSize)
    for (place, output) in outputs.enumerated() {
      for (name, value) in output.entries {
        var column = columns.firstIndex { $0.name == name }
        if column == nil {
          columns.append(Column(name: name, dtype: value.dtype.rawValue, bits: []))
          column = columns.count - 1
        }
        guard let column else { continue }
        let missing = place - columns[column].bits.count
        columns[column].bits += Array(repeating: nil, count: missing)
        columns[column].bits.append(value.item().bitPattern)
      }
    }
  }

  /// Refuses sizes whose sum could leave the range of `Int`.
  func check() throws {
    var sum = 0
    for size in batchSizes.compactMap({ $0 }) {
      try Checkpoint.check("size of a batch", size, in: 0...Checkpoint.greatestCount)
      sum += size
      try Checkpoint.check("samples of the epoch", sum, in: 0...Checkpoint.greatestCount)
    }
  }

  var outputs: [StepOutput] {
    batchSizes.enumerated().map { place, size in
      let entries = columns.compactMap { column -> (name: String, value: Tensor)? in
        guard place < column.bits.count, let bits = column.bits[place] else { return nil }
        let value = Tensor(Double(bitPattern: bits))
        return (name: column.name, value: value.to(DType(rawValue: column.dtype) ?? .float64))
      }
      return StepOutput(entries, batchSize: size)
    }
  }
}
