import Synchronization

/// Values that nobody has asked for yet, so that what follows may be computed together with them.
package protocol LazyValues: AnyObject, Sendable {
  /// The tensor itself, of the shape and strides that were promised for it, not recorded.
  func evaluate() -> Tensor
}

/// Computes lazy values once, whoever asks first.
///
/// Invariant for `@unchecked Sendable`: `filled` is written once, under the lock of `values`.
final class LazyCell: @unchecked Sendable {
  private let values: Mutex<(any LazyValues)?>
  /// Which kernels the thread that made the values had asked for.
  private let kernels: Int32
  /// What holds the values when they are there.
  private var filled: Storage?

  init(_ values: any LazyValues, kernels: Int32) {
    self.values = Mutex(values)
    self.kernels = kernels
  }

  /// What was not computed so far.
  var pending: (any LazyValues)? { values.withLock { $0 } }

  /// Where the values are.
  func fill(_ storage: Storage) -> UnsafeMutableRawPointer {
    values.withLock { pending in
      if let source = pending {
        let result = storage.backend.usingKernels(kernels) { source.evaluate() }
        require(
          result.storage.byteCount == storage.byteCount && result.offset == 0
            && result.storage.backend === storage.backend, "Storage",
          "lazy values fill \(result.storage.byteCount) bytes of \(storage.byteCount)")
        filled = result.storage
      }
      pending = nil
      guard let filled else { fail("Storage", "lazy values are nowhere") }
      return filled.address
    }
  }
}
