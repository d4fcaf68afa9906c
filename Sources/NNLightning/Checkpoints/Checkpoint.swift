import Foundation
import NNCore
import NNLayers

/// The state of a fit in one safetensors file: tensors under `model.` and `optimizer.`, the rest as JSON in the
/// file's metadata. Nothing in it is executable.
public struct Checkpoint {
  /// Parameters and buffers of the model.
  public var model: StateDict
  /// State of the optimizer; empty if it was not kept.
  public var optimizer: StateDict
  /// Epochs that were finished.
  public var epoch: Int
  /// Optimizer steps that were taken.
  public var globalStep: Int
  /// Metrics at the time.
  public var metrics: Metrics

  private struct Header: Codable {
    var format = Checkpoint.format
    var epoch: Int
    var globalStep: Int
    var names: [String]
    var values: [Double?]
  }

  static let format = "swift-nn checkpoint 1"

  public init(
    model: StateDict, optimizer: StateDict = [:], epoch: Int = 0, globalStep: Int = 0, metrics: Metrics = [:]
  ) {
    self.model = model
    self.optimizer = optimizer
    self.epoch = epoch
    self.globalStep = globalStep
    self.metrics = metrics
  }

  /// Reads a checkpoint.
  ///
  /// - Throws: what reading the file throws, and `CheckpointError` for a file of another kind.
  public init(contentsOf path: String) throws {
    let content = try StateDict(contentsOf: path)
    guard
      let text = content.metadata["checkpoint"],
      let header = try? JSONDecoder().decode(Header.self, from: Data(text.utf8)),
      header.format == Self.format,
      header.names.count == header.values.count
    else { throw CheckpointError.notACheckpoint(path) }
    self.init(
      model: content.part("model."), optimizer: content.part("optimizer."), epoch: header.epoch,
      globalStep: header.globalStep)
    for (name, value) in zip(header.names, header.values) { metrics[name] = value ?? .nan }
  }

  /// Writes the checkpoint: under a temporary name first, so that an older file of this name stays whole until the
  /// new one is complete.
  public func write(to path: String) throws {
    let header = Header(
      epoch: epoch, globalStep: globalStep, names: metrics.names,
      values: metrics.map { $0.value.isFinite ? $0.value : nil })
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let text = String(decoding: try encoder.encode(header), as: UTF8.self)
    var content = model.addingPrefix("model.")
    for (key, value) in optimizer { content["optimizer." + key] = value }
    try content.write(safetensors: path, metadata: ["checkpoint": text])
  }
}

/// What can be wrong with a checkpoint file.
public enum CheckpointError: Error, CustomStringConvertible, Equatable {
  case notACheckpoint(String)

  public var description: String {
    switch self {
    case .notACheckpoint(let path):
      "\(path): expected a file of the format \"\(Checkpoint.format)\", found another"
    }
  }
}
