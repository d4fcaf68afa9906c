/// The bytes behind one or more tensors.
///
/// Invariant for `@unchecked Sendable`: bytes are written only by whoever just created the storage, or by a
/// tensor that holds the only reference to it; every other access reads.
package final class Storage: @unchecked Sendable {
  package let pointer: UnsafeMutableRawPointer
  package let byteCount: Int
  private let capacity: Int
  /// Keeps foreign memory (a mapped file) alive; nil if the bytes came from the pool.
  private let owner: AnyObject?

  package init(byteCount: Int) {
    let block = MemoryPool.shared.allocate(byteCount)
    pointer = block.pointer
    capacity = block.capacity
    self.byteCount = byteCount
    owner = nil
  }

  /// Wraps memory that `owner` keeps alive; it is never written to.
  package init(borrowing pointer: UnsafeRawPointer, byteCount: Int, owner: AnyObject) {
    self.pointer = UnsafeMutableRawPointer(mutating: pointer)
    self.byteCount = byteCount
    capacity = 0
    self.owner = owner
  }

  package var isBorrowed: Bool { owner != nil }

  deinit {
    if owner == nil { MemoryPool.shared.deallocate(pointer, capacity: capacity) }
  }
}
