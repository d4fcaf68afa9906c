extension Tensor {
  /// The values in the memory of a device, in the memory order of this tensor if that is dense, nothing recorded. Between
  /// two devices they go through the host.
  func copied(to target: any Backend) -> Tensor {
    if target === backend { return detach() }
    let source = isNonOverlappingAndDense ? self : backend.copy(self, strides: nil)
    let result = Tensor(uninitialized: shape, dtype: dtype, strides: source.strides, on: target)
    let (size, address) = (count * dtype.byteCount, source.storage.address + source.offset * dtype.byteCount)
    withExtendedLifetime(source) {
      if backend.isHost {
        target.upload(UnsafeRawBufferPointer(start: address, count: size), to: result.storage.address)
      } else if target.isHost {
        backend.download(
          address, to: UnsafeMutableRawBufferPointer(start: result.storage.address, count: size))
      } else {
        withUnsafeTemporaryAllocation(byteCount: size, alignment: 64) { bytes in
          backend.download(address, to: bytes)
          target.upload(UnsafeRawBufferPointer(bytes), to: result.storage.address)
        }
      }
    }
    return result
  }
}
