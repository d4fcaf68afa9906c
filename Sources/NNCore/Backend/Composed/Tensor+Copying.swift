extension Tensor {
  /// The values in the memory of a device, in the memory order of this tensor if that is dense, nothing recorded. Between
  /// two devices they go through the host.
  func copied(to target: any Backend) -> Tensor {
    if target === storage.backend { return detach() }
    if target.isHost, let mirrored { return mirrored }
    let source = isNonOverlappingAndDense ? self : backend.copy(self, strides: nil)
    let result = Tensor(uninitialized: shape, dtype: dtype, strides: source.strides, on: target)
    let (size, address) = (count * dtype.byteCount, source.storage.address + source.offset * dtype.byteCount)
    withExtendedLifetime(source) {
      if backend.isHost {
        target.upload(UnsafeRawBufferPointer(start: address, count: size), to: result.storage.address)
        if dtype.isIndex, size <= Tensor.mirrorLimit { result.storage.mirror = HostMirror(source.detach()) }
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

  /// Bytes of the largest tensor whose copy in the host's memory is kept.
  private static let mirrorLimit = 64 << 20

  /// The same elements in the host's memory, if they came from there: class numbers and indices, which operations look at, and
  /// which they could otherwise see only by waiting for the device.
  var mirrored: Tensor? {
    guard let source = storage.mirror?.tensor else { return nil }
    return source.view(shape: shape, strides: strides, offset: source.offset + offset)
  }
}

extension DType {
  /// Whether such elements are class numbers or indices.
  fileprivate var isIndex: Bool { self == .int64 || self == .int32 }
}
