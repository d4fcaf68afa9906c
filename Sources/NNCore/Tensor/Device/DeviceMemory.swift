import Synchronization

/// A block of a device's memory.
///
/// Invariant for `@unchecked Sendable`: the address is a number here; who may write to the bytes is a matter of the
/// `Storage` that holds the block.
package struct DeviceMemory: @unchecked Sendable {
  /// Where it begins, in the address space of the device.
  package let address: UnsafeMutableRawPointer
  /// Bytes that were set aside, for whoever gives them back.
  package let capacity: Int
  /// Keeps memory of others alive, such as a mapped file; nil for memory that the device allocated.
  package let owner: AnyObject?

  package init(address: UnsafeMutableRawPointer, capacity: Int, owner: AnyObject? = nil) {
    self.address = address
    self.capacity = capacity
    self.owner = owner
  }

  /// A block that is none, for a thread whose device ran out of memory: until that is thrown nothing is done with it.
  package static func none(_ byteCount: Int) -> DeviceMemory {
    // No memory of a process or a card has such an address.
    let place = nonePlaces.add(UInt(max(byteCount, 1) + 511) & ~511, ordering: .relaxed).oldValue
    guard let address = UnsafeMutableRawPointer(bitPattern: noneBegin + place % noneBegin) else {
      fail("DeviceMemory", "an address is 0")
    }
    return DeviceMemory(address: address, capacity: byteCount)
  }

  /// Whether an address is that of a block that is none.
  package static func isNone(_ address: UnsafeMutableRawPointer) -> Bool {
    UInt(bitPattern: address) >> 61 == 1
  }

  private static let noneBegin: UInt = 1 << 61
  private static let nonePlaces = Atomic<UInt>(0)
}

/// The memory of a device: what tensors need of it before anything is computed.
package protocol MemoryDevice: AnyObject, Sendable {
  var device: Device { get }
  /// Whether its addresses are those of the host.
  var isHost: Bool { get }
  /// A block that is at least so large; its bytes are not set. Stops if there is no memory left.
  func allocate(_ byteCount: Int) -> DeviceMemory
  /// Takes back a block that `allocate` gave.
  func deallocate(_ memory: DeviceMemory)
  /// Copies bytes of the host to the device. They may be overwritten when the call returns.
  func upload(_ bytes: UnsafeRawBufferPointer, to address: UnsafeMutableRawPointer)
  /// Copies bytes of the device to the host, after all that was asked of the device before.
  func download(_ address: UnsafeMutableRawPointer, to bytes: UnsafeMutableRawBufferPointer)
  /// Returns when all that was asked of the device is done.
  func synchronize()
  /// How its memory is used, nil where that is not known: as for the CPU, whose memory the system looks after.
  var memoryUse: DeviceMemoryUse? { get }
  /// Counts the peak of its use from here.
  func resetMemoryPeak()
  /// For a training on the device: something that finds out what of it repeats; nil where nothing is won by that.
  func makeWorkRepeater() -> (any WorkRepeater)?
}

extension MemoryDevice {
  package var memoryUse: DeviceMemoryUse? { nil }
  package func resetMemoryPeak() {}
  package func makeWorkRepeater() -> (any WorkRepeater)? { nil }
}

/// How the memory of a device is used, in bytes.
package struct DeviceMemoryUse: Sendable {
  /// By this process, and at most since the peak was last reset.
  package let inUse: Int
  package let peak: Int
  /// What this process could have beside that.
  package let free: Int
  /// All that the device has.
  package let total: Int

  package init(inUse: Int, peak: Int, free: Int, total: Int) {
    (self.inUse, self.peak, self.free, self.total) = (inUse, peak, free, total)
  }
}
