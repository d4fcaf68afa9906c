import Synchronization

/// Values that nobody has asked for yet, so that what follows may be computed together with them.
package protocol DeferredValues: AnyObject, Sendable {
  /// The tensor itself, of the shape and strides that were promised for it, not recorded.
  func evaluate() -> Tensor
}

/// Tensors made from the bytes of a storage, kept until these change; see `Storage.derived(for:)`.
package struct DerivedTensors {
  /// What was made, and with which settings.
  package let key: [Int]
  /// What else it was made from. Nobody can change them while they are held here: whoever writes copies first.
  package let sources: [Tensor]
  package let tensors: [Tensor]

  package init(key: [Int], sources: [Tensor], tensors: [Tensor]) {
    self.key = key
    self.sources = sources
    self.tensors = tensors
  }
}

/// The bytes behind one or more tensors.
///
/// Invariant for `@unchecked Sendable`: bytes are written only by whoever just created the storage, or by a
/// tensor that holds the only reference to it; every other access reads. `backing` is written once, under the lock of
/// `deferred`, before `address` says that it is there.
package final class Storage: @unchecked Sendable {
  package let byteCount: Int
  private let capacity: Int
  /// Keeps foreign memory (a mapped file) alive; nil if the bytes came from the pool.
  private let owner: AnyObject?
  /// Where the bytes are, 0 as long as the values are deferred.
  private let address: Atomic<UInt>
  private let deferred: Mutex<(any DeferredValues)?>
  /// What holds the values that were deferred once.
  private var backing: Storage?
  private let path: KernelPath
  /// What an operation that is being traced knows of these bytes.
  package let trace: TracedValues?
  private let derivedTensors = Mutex<DerivedTensors?>(nil)

  package init(byteCount: Int) {
    let block = MemoryPool.shared.allocate(byteCount)
    address = Atomic(UInt(bitPattern: block.pointer))
    capacity = block.capacity
    self.byteCount = byteCount
    owner = nil
    deferred = Mutex(nil)
    path = .portable
    trace = nil
  }

  /// Wraps memory that `owner` keeps alive; it is never written to.
  package init(borrowing pointer: UnsafeRawPointer, byteCount: Int, owner: AnyObject) {
    address = Atomic(UInt(bitPattern: pointer))
    self.byteCount = byteCount
    capacity = 0
    self.owner = owner
    deferred = Mutex(nil)
    path = .portable
    trace = nil
  }

  /// Values that are computed when somebody asks for them, on the kernels that are in use now.
  package init(deferring values: any DeferredValues, byteCount: Int) {
    address = Atomic(0)
    self.byteCount = byteCount
    capacity = 0
    owner = nil
    deferred = Mutex(values)
    path = .current
    trace = values as? TracedValues
  }

  package var pointer: UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(bitPattern: address.load(ordering: .acquiring)) ?? evaluate()
  }

  /// The values that were not computed so far, if that is so.
  package var pending: (any DeferredValues)? {
    address.load(ordering: .relaxed) == 0 ? deferred.withLock { $0 } : nil
  }

  @inline(never)
  private func evaluate() -> UnsafeMutableRawPointer {
    deferred.withLock { values in
      if let values {
        let result = path.force { values.evaluate() }
        require(
          result.storage.byteCount == byteCount && result.offset == 0, "Storage",
          "deferred values fill \(result.storage.byteCount) bytes of \(byteCount)")
        backing = result.storage
        address.store(UInt(bitPattern: result.storage.pointer), ordering: .releasing)
      }
      values = nil
      guard let pointer = UnsafeMutableRawPointer(bitPattern: address.load(ordering: .relaxed)) else {
        fail("Storage", "deferred values are nowhere")
      }
      return pointer
    }
  }

  /// Whether the bytes are to stay what they are, whoever holds them.
  package var isReadOnly: Bool { owner != nil || trace != nil }

  /// What was made from these bytes and from `sources` under this key, or else what `make` gives; the last one is kept.
  package func derived(for key: [Int], from sources: [Tensor], make: () -> [Tensor]) -> [Tensor] {
    derivedTensors.withLock { kept in
      if let kept, kept.key == key, kept.sources.count == sources.count,
        zip(kept.sources, sources).allSatisfy({ $0.hasSameElements(as: $1) })
      {
        return kept.tensors
      }
      let tensors = make()
      kept = DerivedTensors(key: key, sources: sources.map { $0.detach() }, tensors: tensors)
      return tensors
    }
  }

  /// To be called before the bytes are changed.
  func forgetDerived() { derivedTensors.withLock { $0 = nil } }

  deinit {
    guard owner == nil, backing == nil,
      let pointer = UnsafeMutableRawPointer(bitPattern: address.load(ordering: .relaxed))
    else { return }
    MemoryPool.shared.deallocate(pointer, capacity: capacity)
  }
}

extension Tensor {
  /// Whether both are the same view of the same bytes.
  fileprivate func hasSameElements(as other: Tensor) -> Bool {
    storage === other.storage && offset == other.offset && shape == other.shape && strides == other.strides
  }
}
