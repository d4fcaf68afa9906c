import Foundation

// Tensors in the host's memory. Whoever uses an address of here computes on the CPU, or reads and writes bytes for others
// (files, readers, random numbers); a tensor of another device is refused.

extension Tensor {
  /// A new tensor in the host's memory whose elements are not set yet.
  package init(uninitialized shape: [Int], dtype: DType, strides: [Int]? = nil) {
    self.init(uninitialized: shape, dtype: dtype, strides: strides, on: CPUBackend.shared)
  }

  /// Address of the first element in the host's memory.
  package var hostPointer: UnsafeMutableRawPointer {
    storage.hostAddress + offset * dtype.byteCount
  }

  /// Typed address of the first element in the host's memory. `T` must be the element type.
  package func hostPointer<T: TensorElement>(_ type: T.Type = T.self) -> UnsafeMutablePointer<T> {
    require(T.dtype == dtype, "Tensor.hostPointer", "element type is \(dtype), asked for \(T.dtype)")
    return hostPointer.assumingMemoryBound(to: T.self)
  }
}

extension Storage {
  /// Memory of the host that is not set yet.
  package convenience init(byteCount: Int) { self.init(byteCount: byteCount, on: CPUBackend.shared) }

  /// Memory of the host that `owner` keeps alive; it is never written to.
  package convenience init(borrowing pointer: UnsafeRawPointer, byteCount: Int, owner: AnyObject) {
    self.init(borrowing: pointer, byteCount: byteCount, owner: owner, on: CPUBackend.shared)
  }

  /// Where the bytes are in the host's memory.
  package var hostAddress: UnsafeMutableRawPointer {
    require(
      isHost, "Tensor",
      "the values are on \(backend.device), this needs them on the CPU: copy them with to(.cpu)")
    return address
  }
}

extension Tensor {
  /// Whether both are of one type and shape and hold the same bits, in whatever order of memory.
  package func hasSameBits(as other: Tensor) -> Bool {
    guard dtype == other.dtype, shape == other.shape else { return false }
    let isSameLayout = strides == other.strides
    if storage === other.storage, offset == other.offset, isSameLayout { return true }
    var (a, b) = (copied(to: CPUBackend.shared), other.copied(to: CPUBackend.shared))
    if !isSameLayout || a.strides != b.strides || !a.isNonOverlappingAndDense {
      (a, b) = (a.rowMajor, b.rowMajor)
    }
    return withExtendedLifetime((a, b)) {
      memcmp(a.hostPointer, b.hostPointer, count * dtype.byteCount) == 0
    }
  }
}
