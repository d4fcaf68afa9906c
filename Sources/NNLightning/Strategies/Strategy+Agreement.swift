import Foundation
import NNCore
import NNLayers

// What the loops ask for, made of what a strategy can do. All processes come to each of these together.
extension Strategy {
  /// The values of all processes, by rank.
  func gathered<Value: Codable>(_ value: Value) throws -> [Value] {
    // A value that goes nowhere needs no encoding.
    if count == 1 { return [value] }
    // In a list, since JSON has no nil by itself.
    let texts = try gather(Data(SavedState.encode([value]).utf8))
    let values = try texts.flatMap {
      try SavedState.decode([Value].self, from: String(decoding: $0, as: UTF8.self))
    }
    require(values.count == count, "Strategy", "gather gave \(values.count) values of \(count) processes")
    return values
  }

  /// The first process's value.
  func first<Value: Codable>(_ value: Value) throws -> Value { try gathered(value)[0] }

  /// Gives the model the first process's parameters and buffers, or its buffers alone: running statistics are of the
  /// part of the data that a process has seen.
  func shareState(of model: Module, buffersOnly: Bool = false) throws {
    if count == 1 { return }
    let parameters = buffersOnly ? [] : model.parameters()
    let buffers = model.buffers()
    let values = try broadcast(parameters.map { $0.value.detach() } + buffers.map(\.value))
    if rank == 0 { return }
    for (parameter, value) in zip(parameters, values) { parameter.value = value }
    for (buffer, value) in zip(buffers, values.dropFirst(parameters.count)) { buffer.value = value }
  }
}

/// What a pass over all processes' batches gave.
struct PassResults {
  /// Of each batch, by rank.
  let outputs: [StepOutput]
  let log: EpochLog

  private struct Saved: Codable {
    var outputs: SavedOutputs
    var log: [EpochLog.Saved]
  }

  /// Brings together what the processes have.
  init(_ outputs: [StepOutput], _ log: EpochLog, _ strategy: any Strategy) throws {
    if strategy.count == 1 {
      (self.outputs, self.log) = (outputs, log)
      return
    }
    let all = try strategy.gathered(Saved(outputs: SavedOutputs(outputs), log: log.saved()))
    self.outputs = all.flatMap(\.outputs.outputs)
    self.log = try log.merged(all.map(\.log))
  }
}
