extension Tensor {
  /// The value of a tensor with one element.
  public func item() -> Double {
    require(count == 1, "item", "needs one element, the shape is \(shape)")
    if !storage.isHost { return to(.cpu).item() }
    switch dtype {
    case .bool: return hostPointer(Bool.self).pointee ? 1 : 0
    case .uint8: return Double(hostPointer(UInt8.self).pointee)
    case .int32: return Double(hostPointer(Int32.self).pointee)
    case .int64: return Double(hostPointer(Int64.self).pointee)
    case .bfloat16: return Double(Float(hostPointer(BFloat16.self).pointee))
    case .float32: return Double(hostPointer(Float.self).pointee)
    case .float64: return hostPointer(Double.self).pointee
    }
  }

  /// The elements in row-major order, converted to `T` where the tensor holds another type.
  public func array<T: TensorElement>(of type: T.Type = T.self) -> [T] {
    let dense = detach().to(.cpu).to(T.dtype).contiguous()
    return Array(UnsafeBufferPointer(start: dense.hostPointer(T.self), count: dense.count))
  }

  /// Reads the elements in row-major order without copying where they lie so.
  public func withElements<T: TensorElement, R>(
    of type: T.Type = T.self, _ body: (UnsafeBufferPointer<T>) throws -> R
  ) rethrows -> R {
    let dense = detach().to(.cpu).contiguous()
    return try withExtendedLifetime(dense) {
      try body(UnsafeBufferPointer(start: dense.hostPointer(T.self), count: dense.count))
    }
  }

  /// Changes the elements in row-major order; memory that others share is copied first. Nothing is recorded, and
  /// a leaf stays the leaf it is.
  public mutating func withMutableElements<T: TensorElement, R>(
    of type: T.Type = T.self, _ body: (UnsafeMutableBufferPointer<T>) throws -> R
  ) rethrows -> R {
    if !storage.isHost {
      let leaf = node.flatMap { $0.isLeaf ? $0 : nil }
      var copy = detach().to(.cpu)
      defer {
        self = copy.to(device)
        node = leaf
      }
      return try copy.withMutableElements(of: type, body)
    }
    makeUnique()
    return try body(UnsafeMutableBufferPointer(start: hostPointer(T.self), count: count))
  }

  /// Makes sure that the elements lie in row-major order in memory that nobody else holds, so that it may be changed.
  /// Nothing is recorded, and a leaf stays the leaf it is.
  package mutating func makeUnique() {
    let leaf = node.flatMap { $0.isLeaf ? $0 : nil }
    node = nil
    if !isContiguous || storage.isReadOnly || !isKnownUniquelyReferenced(&storage) {
      let copy = backend.copy(self, strides: nil)
      // Where there is no memory left nothing will be written either.
      if !copy.hasNoMemory { self = copy }
    }
    storage.willChange()
    node = leaf
  }
}
