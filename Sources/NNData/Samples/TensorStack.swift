import NNCore

/// The memory of a batch, filled element by element.
package struct TensorStack {
  private let count: Int
  private var batch: Tensor?
  private var filled = 0

  package init(count: Int) { self.count = count }

  package mutating func append(_ element: Tensor) throws {
    try append(shape: element.shape, dtype: element.dtype) { bytes in
      element.detach().to(.cpu).contiguous().withHostBytes {
        bytes.copyMemory(from: UnsafeRawBufferPointer($0))
      }
    }
  }

  /// Adds an element that `write` puts into its place, in row-major order.
  mutating func append(
    shape: [Int], dtype: DType, write: (UnsafeMutableRawBufferPointer) -> Void
  ) throws {
    let target = batch ?? Tensor(uninitialized: [count] + shape, dtype: dtype)
    batch = target
    if target.shape.dropFirst() != shape[...] || target.dtype != dtype {
      throw CollateError.different(
        position: filled, expected: "\(target.dtype) \(Array(target.shape.dropFirst()))",
        found: "\(dtype) \(shape)")
    }
    let size = shape.reduce(1, *) * dtype.byteCount
    target.withHostBytes {
      write(UnsafeMutableRawBufferPointer(rebasing: $0[filled * size..<(filled + 1) * size]))
    }
    filled += 1
  }

  package func finished() throws -> Tensor {
    guard let batch, filled == count else { throw CollateError.empty }
    return batch
  }
}

extension Tensor {
  /// Hands out the memory of a contiguous tensor on the host, which others may share: to be written by whoever made the
  /// tensor alone. The one place of this module that asks for an address without a type.
  func withHostBytes<R>(_ body: (UnsafeMutableRawBufferPointer) throws -> R) rethrows -> R {
    try withExtendedLifetime(self) {
      try body(UnsafeMutableRawBufferPointer(start: hostPointer, count: count * dtype.byteCount))
    }
  }
}
