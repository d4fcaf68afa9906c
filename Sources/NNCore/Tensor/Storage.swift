import Synchronization

/// The bytes behind one or more tensors: a block of a device's memory, or lazy values that will fill one.
///
/// Invariant for `@unchecked Sendable`: bytes are written only by whoever just created the storage, or by a
/// tensor that holds the only reference to it; every other access reads.
package final class Storage: @unchecked Sendable {
  package let byteCount: Int
  /// The device of the bytes. Devices live as long as the process, so none is counted as a reference.
  package unowned(unsafe) let backend: any Backend
  /// Whether the bytes are in the host's memory.
  package let isHost: Bool
  private let memory: DeviceMemory?
  private let lazy: LazyCell?
  /// What the bytes are to whoever made them lazily, a trace for instance; nil for all others.
  package let origin: AnyObject?
  /// The same elements in the host's memory, where they came from; set by whoever made the storage.
  var mirror: HostMirror?
  /// Where the bytes are, 0 as long as they are lazy.
  private let location: Atomic<UInt>
  /// Whether `DerivedTensors` has something that was made from the bytes.
  let keepsDerived = Atomic(false)

  /// Memory that is not set yet.
  package init(byteCount: Int, on backend: any Backend) {
    self.byteCount = byteCount
    self.backend = backend
    isHost = backend.isHost
    let memory = backend.allocate(byteCount)
    self.memory = memory
    lazy = nil
    origin = nil
    location = Atomic(UInt(bitPattern: memory.address))
  }

  /// Memory that `owner` keeps alive; it is never written to.
  package init(borrowing pointer: UnsafeRawPointer, byteCount: Int, owner: AnyObject, on backend: any Backend)
  {
    self.byteCount = byteCount
    self.backend = backend
    isHost = backend.isHost
    memory = DeviceMemory(address: UnsafeMutableRawPointer(mutating: pointer), capacity: 0, owner: owner)
    lazy = nil
    origin = nil
    location = Atomic(UInt(bitPattern: pointer))
  }

  /// Values that are computed when somebody asks for them, on the kernels that are in use now.
  ///
  /// - Parameter origin: see there; bytes with an origin are never written to.
  package init(
    lazy values: any LazyValues, byteCount: Int, on backend: any Backend, origin: AnyObject? = nil
  ) {
    self.byteCount = byteCount
    self.backend = backend
    isHost = backend.isHost
    memory = nil
    lazy = LazyCell(values, kernels: backend.kernels)
    self.origin = origin
    location = Atomic(0)
  }

  /// Where the bytes are in the memory of the device; lazy values are computed.
  package var address: UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(bitPattern: location.load(ordering: .acquiring)) ?? fill()
  }

  /// The values that were not computed so far; nil if the bytes are there.
  package var pending: (any LazyValues)? {
    location.load(ordering: .relaxed) == 0 ? lazy?.pending : nil
  }

  @inline(never)
  private func fill() -> UnsafeMutableRawPointer {
    guard let lazy else { fail("Storage", "there is neither memory nor a lazy value") }
    let address = lazy.fill(self)
    location.store(UInt(bitPattern: address), ordering: .releasing)
    return address
  }

  /// Whether there was no memory left for the bytes.
  var hasNoMemory: Bool {
    memory.map { DeviceMemory.isNone($0.address) } ?? lazy.map { _ in DeviceMemory.isNone(address) } ?? false
  }

  /// Whether the bytes are to stay what they are, whoever holds them.
  package var isReadOnly: Bool { origin != nil || memory?.owner != nil }

  /// To be called before the bytes are changed.
  package func willChange() {
    if mirror != nil { mirror = nil }
    if keepsDerived.load(ordering: .relaxed) { DerivedTensors.forget(self) }
  }

  deinit {
    if keepsDerived.load(ordering: .relaxed) { DerivedTensors.forget(self) }
    if let memory, memory.owner == nil { backend.deallocate(memory) }
  }
}

/// Elements of the host that another device has a copy of. Nobody changes them while they are held here: whoever writes copies
/// first.
final class HostMirror: Sendable {
  let tensor: Tensor

  init(_ tensor: Tensor) { self.tensor = tensor }
}

extension Tensor {
  /// Whether there was no memory left for the tensor, see `DeviceMemory.none`: nothing that lasts may be made of it.
  package var hasNoMemory: Bool { storage.hasNoMemory }
}
