import NNCore
import Synchronization

/// Caching allocator over a card's memory, which is asked for in segments and given out in blocks. A block that is given
/// back is used again at once: everything runs in the order of one stream, so whoever gets it writes after all who read it.
///
/// Small blocks (1 MiB and less) share segments of 2 MiB. Larger ones are cut from segments of 20 MiB, or have one of their
/// own from 10 MiB on, of whole 2 MiB. Of the free blocks that are large enough the smallest is taken; what is left of it
/// is a free block again, and free neighbours become one.
package final class DeviceMemoryPool: Sendable {
  /// Bytes asked from the card, bytes in blocks that are given out, and the most of these so far.
  package struct Statistics: Sendable, Equatable {
    package var held = 0
    package var inUse = 0
    package var peak = 0
    /// How often the card was asked for memory.
    package var driverAllocations = 0
  }

  private let driver: any CUDADriver
  private let state = Mutex(BlockTable())

  package init(_ driver: any CUDADriver) { self.driver = driver }

  deinit {
    // Blocks that are still given out belong to storages that outlive the pool only at the end of the process.
    state.withLock { table in
      for segment in table.removeFreeSegments() { driver.free(segment) }
    }
  }

  package var statistics: Statistics { state.withLock { $0.statistics } }

  /// Counts the peak from here.
  package func resetPeak() {
    state.withLock { $0.statistics.peak = $0.statistics.inUse }
  }

  /// A block that is at least so large; stops with what is held and in use if the card has no more memory.
  package func allocate(_ byteCount: Int) -> DeviceMemory {
    guard let memory = allocateIfPossible(byteCount) else { fail("GPU", shortage(of: byteCount)) }
    return memory
  }

  /// The same, or nil if the card has no more memory, after all free segments were given back to it.
  package func allocateIfPossible(_ byteCount: Int) -> DeviceMemory? {
    let size = BlockTable.blockSize(for: byteCount)
    return state.withLock { table in
      if let memory = table.take(size) { return memory }
      var segment = BlockTable.segmentSize(for: size)
      var address = driver.allocate(segment)
      if address == nil {
        for unused in table.removeFreeSegments() { driver.free(unused) }
        address = driver.allocate(segment)
      }
      if address == nil, segment > BlockTable.granularity {
        segment = size.rounded(upTo: BlockTable.granularity)
        address = driver.allocate(segment)
      }
      guard let address else { return nil }
      table.addSegment(address, byteCount: segment, for: size)
      return table.take(size)
    }
  }

  /// Takes back a block that `allocate` gave.
  package func deallocate(_ memory: DeviceMemory) {
    let isKnown = state.withLock { $0.put(memory.address) }
    require(isKnown, "DeviceMemoryPool", "a block was given back that is not in use")
  }

  /// Gives the segments that nobody uses back to the card.
  package func trim() {
    state.withLock { table in
      for segment in table.removeFreeSegments() { driver.free(segment) }
    }
  }

  /// Why there are not so many bytes left, in one line.
  package func shortage(of byteCount: Int) -> String {
    let (statistics, memory, card) = (statistics, driver.memory, driver.card)
    return
      "out of memory on \(printable(card.name)) (number \(card.index)): \(Self.text(byteCount)) asked for, "
      + "\(Self.text(statistics.held)) held here, of which \(Self.text(statistics.inUse)) in use "
      + "(\(Self.text(statistics.peak)) at most), \(Self.text(memory.free)) of \(Self.text(memory.total)) free on the card"
  }

  static func text(_ byteCount: Int) -> String {
    let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
    guard let (name, unit) = units.first(where: { byteCount >= $0.1 }) else { return "\(byteCount) bytes" }
    let tenths = byteCount / (unit / 10)
    return "\(tenths / 10).\(tenths % 10) \(name)"
  }

  // MARK: Arenas

  /// An own set of segments. A recorded graph writes to the addresses it was recorded with whenever it runs, so nobody else
  /// may get them in between.
  package struct Arena: Sendable, Hashable { fileprivate let number: Int }

  /// Lets all blocks come from a new arena until `closeArena`. Blocks go back to where they came from at any time.
  package func openArena() -> Arena {
    state.withLock { table in
      require(table.arena == 0, "DeviceMemoryPool", "an arena is open already")
      return Arena(number: table.openArena())
    }
  }

  package func closeArena() { state.withLock { $0.arena = 0 } }

  /// Gives the arena's memory to everybody.
  package func releaseArena(_ arena: Arena) {
    state.withLock { table in
      require(table.arena != arena.number, "DeviceMemoryPool", "the arena is still open")
      table.releaseArena(arena.number)
    }
  }
}
