import Foundation
import NNCore
import NNData
import NNFiles
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
      return try SavedState.decode(type, from: text)
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
    json = try SavedState.encode(value)
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
      return try SavedState.decode(type, from: json)
    } catch {
      throw CheckpointError.invalid("a state of the type \(type)", quoted(json))
    }
  }
}
