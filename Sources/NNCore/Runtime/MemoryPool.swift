import Foundation
import Synchronization

/// Caching allocator behind every tensor: 64-byte aligned blocks in size buckets. A freed block is kept for the
/// next request of its bucket, so that a training step in steady state asks the system for nothing.
package final class MemoryPool: Sendable {
  package static let shared = MemoryPool()

  private struct State: ~Copyable {
    /// Free blocks by the number of their bucket.
    var free: [[UInt]] = Array(repeating: [], count: 4 * Int.bitWidth)
    var cachedBytes = 0
    var systemAllocations = 0
  }
  private let state = Mutex(State())

  /// Requests larger than a page round up to a quarter of a power of two: at most 25 % is unused.
  static func bucket(for byteCount: Int) -> Int {
    if byteCount <= 64 { return 64 }
    let power = 1 << (Int.bitWidth - 1 - (byteCount - 1).leadingZeroBitCount)
    let quarter = max(power / 4, 64)
    return (byteCount + quarter - 1) / quarter * quarter
  }

  /// Number of the bucket of this capacity: the power of two below it, and how many quarters of that are in it.
  private static func index(of capacity: Int) -> Int {
    let exponent = Int.bitWidth - 1 - capacity.leadingZeroBitCount
    return 4 * exponent + ((capacity - (1 << exponent)) >> (exponent - 2))
  }

  func allocate(_ byteCount: Int) -> (pointer: UnsafeMutableRawPointer, capacity: Int) {
    let capacity = Self.bucket(for: byteCount)
    let cached: UInt? = state.withLock { state in
      guard let address = state.free[Self.index(of: capacity)].popLast() else {
        state.systemAllocations += 1
        return nil
      }
      state.cachedBytes -= capacity
      return address
    }
    if let cached, let pointer = UnsafeMutableRawPointer(bitPattern: cached) { return (pointer, capacity) }
    var pointer: UnsafeMutableRawPointer?
    if posix_memalign(&pointer, 64, capacity) != 0 {
      trim()
      if posix_memalign(&pointer, 64, capacity) != 0 { pointer = nil }
    }
    guard let pointer else { fail("Tensor", "out of memory: \(byteCount) bytes asked for") }
    return (pointer, capacity)
  }

  func deallocate(_ pointer: UnsafeMutableRawPointer, capacity: Int) {
    state.withLock { state in
      state.free[Self.index(of: capacity)].append(UInt(bitPattern: pointer))
      state.cachedBytes += capacity
    }
  }

  /// How often memory was asked from the system since the process started.
  package var systemAllocations: Int { state.withLock { $0.systemAllocations } }

  /// Gives all unused blocks back to the system.
  package func trim() {
    let blocks = state.withLock { state in
      let all = state.free.flatMap { $0 }
      for index in state.free.indices { state.free[index] = [] }
      state.cachedBytes = 0
      return all
    }
    for address in blocks { free(UnsafeMutableRawPointer(bitPattern: address)) }
  }
}
