import Foundation
import NNCore

// The calls of a communicator, made of exchanges of the thread.
extension ProcessGroup {
  public func startMean(of values: Tensor, weight: Double, wire: WireFormat) -> Exchange<Void> {
    require(
      weight >= 0 && weight.isFinite, "Communicator.startMean",
      "expected a weight of at least 0, got \(weight)")
    let memory = TensorMemory(values)
    return start { group in
      switch (wire, memory.values.dtype) {
      case (.bfloat16(let feedback), .float32):
        try group.reduce(memory.numbers(), weight: weight, owner: memory, feedback)
      case (_, .float32):
        try group.reduce(.mean, memory.numbers(of: Float.self), weight: weight, owner: memory)
      default: try group.reduce(.mean, memory.numbers(of: Double.self), weight: weight, owner: memory)
      }
    }
  }

  public func allReduce(_ values: Tensor) throws -> Tensor {
    let memory = TensorMemory(values.detach().to(.cpu).clone())
    try run { group in
      if memory.values.dtype == .float32 {
        try group.reduce(.sum, memory.numbers(of: Float.self), weight: 1, owner: memory)
      } else {
        try group.reduce(.sum, memory.numbers(of: Double.self), weight: 1, owner: memory)
      }
    }
    return memory.values.to(values.device)
  }

  public func broadcast(_ tensors: [Tensor]) throws -> [Tensor] {
    let copies = tensors.map { $0.detach().to(.cpu).contiguous().clone() }
    let parts = copies.map { values in
      let bytes = values.count * values.dtype.byteCount
      return (bytes: Bytes(values.hostPointer, bytes), owner: values.storage as AnyObject)
    }
    let held = HeldParts(parts: parts)
    try run { group in try group.broadcast(held.parts.map { (bytes: $0.bytes.pointer, owner: $0.owner) }) }
    return zip(copies, tensors).map { $0.to($1.device) }
  }

  public func allGather(_ bytes: Data) throws -> [Data] { try run { try $0.gather(bytes) } }

  public func barrier() throws { try run { _ = try $0.meet(.barrier, size: 0) } }
}

/// A piece of memory that threads hand to each other.
private struct Bytes: @unchecked Sendable {
  let pointer: UnsafeMutableRawBufferPointer
  init(_ start: UnsafeMutableRawPointer, _ count: Int) { pointer = .init(start: start, count: count) }
}

private struct HeldParts: @unchecked Sendable {
  let parts: [(bytes: Bytes, owner: AnyObject)]
}

/// The memory of a tensor while it is exchanged.
private final class TensorMemory: Sendable {
  let values: Tensor

  init(_ values: Tensor) {
    require(
      values.dtype == .float32 || values.dtype == .float64, "Communicator",
      "expected values of float32 or float64, got \(values.dtype)")
    require(
      values.device == .cpu && values.isContiguous, "Communicator",
      "expected contiguous values in the host's memory, got strides \(values.strides) on \(values.device)")
    self.values = values
  }

  func numbers<T: TensorElement>(of type: T.Type = T.self) -> UnsafeMutableBufferPointer<T> {
    UnsafeMutableBufferPointer(start: values.hostPointer(type), count: values.count)
  }
}
