// Class numbers and indices that operations look at before they use them.

extension Tensor {
  /// The elements where the host may look at them without waiting: nil if they are on a device that finds wrong indices itself.
  var indicesToCheck: Tensor? {
    if storage.isHost { return self }
    if let mirrored { return mirrored }
    return backend.checksIndices ? nil : detach().to(.cpu)
  }

  /// int64, without waiting for a device where that is possible.
  var asIndices: Tensor {
    if dtype == .int64 { return detach() }
    guard let mirrored else { return detach().to(.int64) }
    return mirrored.to(.int64).to(device)
  }
}
