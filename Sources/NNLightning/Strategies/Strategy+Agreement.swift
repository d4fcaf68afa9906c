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

  /// Makes sure that something is the same in all processes.
  ///
  /// - Parameter name: what it is, for the message.
  /// - Throws: ``ProcessMismatch``, the same in all.
  func agree(on name: String, _ value: @autoclosure () -> String) throws {
    if count == 1 { return }
    let values = try gathered(value())
    guard let rank = values.firstIndex(where: { $0 != values[0] }) else { return }
    throw ProcessMismatch(subject: name, rank: rank, first: values[0], found: values[rank])
  }

  /// Sets the default generator where the first process's is: orders of data are drawn from it.
  func shareRandomNumbers() throws {
    if count > 1 { Generator.default.state = try first(Generator.default.state) }
  }

  /// Random numbers of a process's own, for its steps: a mask that all processes draw is one mask. Nil if there is one process.
  func stepGenerator() throws -> Generator? {
    if count == 1 { return nil }
    try shareRandomNumbers()
    let copy = Generator()
    copy.state = Generator.default.state
    var seed = copy.nextSeed()
    for _ in 0..<rank { seed = copy.nextSeed() }
    return Generator(seed: Int(truncatingIfNeeded: seed))
  }

  /// Makes sure that all have the same parameters, to the bit.
  func checkState(of model: Module) throws {
    if count == 1 { return }
    try agree(on: "weights", String(digest(of: model.parameters().map(\.value)), radix: 16))
  }

  /// Gives the model the first process's parameters and buffers, or its buffers alone: running statistics are of the
  /// part of the data that a process has seen.
  package func shareState(of model: Module, buffersOnly: Bool = false) throws {
    if count == 1 { return }
    let parameters = buffersOnly ? [] : model.parameters()
    let buffers = model.buffers()
    let values = try broadcast(parameters.map { $0.value.detach() } + buffers.map(\.value))
    if rank == 0 { return }
    for (parameter, value) in zip(parameters, values) { parameter.value = value }
    for (buffer, value) in zip(buffers, values.dropFirst(parameters.count)) { buffer.value = value }
  }
}

/// FNV-1a of the bytes, eight at a time.
func digest(of tensors: [Tensor]) -> UInt64 {
  var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  for tensor in tensors {
    let values = tensor.detach().to(.cpu).contiguous()
    let bytes = UnsafeRawBufferPointer(
      start: values.hostPointer, count: values.count * values.dtype.byteCount)
    for place in stride(from: 0, to: bytes.count & ~7, by: 8) {
      hash = (hash ^ bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)) &* 0x100_0000_01b3
    }
    for byte in bytes[(bytes.count & ~7)...] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    withExtendedLifetime(values) {}
  }
  return hash
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
