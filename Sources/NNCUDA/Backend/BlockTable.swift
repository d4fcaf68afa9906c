import NNCore

/// The bookkeeping of a `DeviceMemoryPool`: which blocks there are, which of them are free, and which are neighbours.
struct BlockTable {
  /// Blocks begin at multiples of this.
  static let alignment = 512
  /// The largest block that comes from a shared small segment.
  static let small = 1 << 20
  /// Segments are multiples of this.
  static let granularity = 2 << 20

  static func blockSize(for byteCount: Int) -> Int {
    max(byteCount, 1).rounded(upTo: alignment)
  }

  static func segmentSize(for size: Int) -> Int {
    if size <= small { return granularity }
    return size < 10 << 20 ? 20 << 20 : size.rounded(upTo: granularity)
  }

  private struct Block {
    var address: UInt
    var size: Int
    /// The list it is in when it is free.
    var list: Int
    var isFree: Bool
    /// Neighbours in the same segment, -1 at its ends.
    var previous = -1
    var next = -1
  }

  private struct FreeBlock {
    var size: Int
    var address: UInt
    var block: Int
  }

  var statistics = DeviceMemoryPool.Statistics()
  /// The arena from which blocks are taken; 0 is everybody's.
  var arena = 0
  private var blocks: [Block] = []
  /// Places in `blocks` that are not used.
  private var unused: [Int] = []
  /// Blocks in use by address.
  private var given: [UInt: Int] = [:]
  /// Free blocks by size, then address: those of small segments and those of large ones for each arena.
  private var free: [[FreeBlock]] = [[], []]
  private var unusedArenas: [Int] = []

  // MARK: Blocks

  /// The smallest free block of the arena that is large enough, cut to the size.
  mutating func take(_ size: Int) -> DeviceMemory? {
    let list = 2 * arena + (size > Self.small ? 1 : 0)
    let place = place(of: size, address: 0, in: list)
    guard place < free[list].count else { return nil }
    let index = free[list].remove(at: place).block
    let rest = blocks[index].size - size
    if list & 1 == 0 ? rest >= Self.alignment : rest > Self.small {
      let new = insert(
        Block(
          address: blocks[index].address + UInt(size), size: rest, list: list, isFree: true, previous: index,
          next: blocks[index].next))
      if blocks[new].next >= 0 { blocks[blocks[new].next].previous = new }
      blocks[index].next = new
      blocks[index].size = size
      addToList(new)
    }
    blocks[index].isFree = false
    guard let address = UnsafeMutableRawPointer(bitPattern: blocks[index].address) else { return nil }
    given[blocks[index].address] = index
    statistics.inUse += blocks[index].size
    statistics.peak = max(statistics.peak, statistics.inUse)
    return DeviceMemory(address: address, capacity: blocks[index].size)
  }

  /// Frees a block, joined with its free neighbours; false if there is no such block.
  mutating func put(_ address: UnsafeMutableRawPointer) -> Bool {
    guard let index = given.removeValue(forKey: UInt(bitPattern: address)) else { return false }
    statistics.inUse -= blocks[index].size
    blocks[index].isFree = true
    var joined = index
    let (previous, next) = (blocks[index].previous, blocks[index].next)
    if next >= 0, blocks[next].isFree {
      removeFromList(next)
      join(joined, next)
    }
    if previous >= 0, blocks[previous].isFree {
      removeFromList(previous)
      join(previous, joined)
      joined = previous
    }
    addToList(joined)
    return true
  }

  // MARK: Segments

  /// Makes new memory of the card one free block, for blocks such as of this size.
  mutating func addSegment(_ address: UnsafeMutableRawPointer, byteCount: Int, for size: Int) {
    statistics.held += byteCount
    statistics.driverAllocations += 1
    addToList(
      insert(
        Block(
          address: UInt(bitPattern: address), size: byteCount, list: 2 * arena + (size > Self.small ? 1 : 0),
          isFree: true)))
  }

  /// Forgets the segments of which nothing is in use, other than those of arenas, whose addresses graphs have kept.
  mutating func removeFreeSegments() -> [UnsafeMutableRawPointer] {
    var segments: [UnsafeMutableRawPointer] = []
    for list in 0..<2 {
      let whole = free[list].filter { blocks[$0.block].previous < 0 && blocks[$0.block].next < 0 }
      guard !whole.isEmpty else { continue }
      free[list].removeAll { blocks[$0.block].previous < 0 && blocks[$0.block].next < 0 }
      for entry in whole {
        statistics.held -= entry.size
        unused.append(entry.block)
        if let address = UnsafeMutableRawPointer(bitPattern: entry.address) { segments.append(address) }
      }
    }
    return segments
  }

  // MARK: Arenas

  mutating func openArena() -> Int {
    if let number = unusedArenas.popLast() {
      arena = number
    } else {
      arena = free.count / 2
      free += [[], []]
    }
    return arena
  }

  mutating func releaseArena(_ number: Int) {
    guard number > 0, number < free.count / 2, !unusedArenas.contains(number) else { return }
    for index in blocks.indices where blocks[index].list >> 1 == number { blocks[index].list &= 1 }
    for list in 0..<2 {
      let entries = free[2 * number + list]
      free[2 * number + list] = []
      for entry in entries { addToList(entry.block) }
    }
    unusedArenas.append(number)
  }

  // MARK: Lists

  private mutating func insert(_ block: Block) -> Int {
    if let index = unused.popLast() {
      blocks[index] = block
      return index
    }
    blocks.append(block)
    return blocks.count - 1
  }

  /// Lets the first block take in its neighbour behind it.
  private mutating func join(_ first: Int, _ second: Int) {
    blocks[first].size += blocks[second].size
    blocks[first].next = blocks[second].next
    if blocks[second].next >= 0 { blocks[blocks[second].next].previous = first }
    blocks[second] = Block(address: 0, size: 0, list: 0, isFree: false)
    unused.append(second)
  }

  private mutating func addToList(_ index: Int) {
    let block = blocks[index]
    free[block.list].insert(
      FreeBlock(size: block.size, address: block.address, block: index),
      at: place(of: block.size, address: block.address, in: block.list))
  }

  private mutating func removeFromList(_ index: Int) {
    let block = blocks[index]
    free[block.list].remove(at: place(of: block.size, address: block.address, in: block.list))
  }

  /// The first free block that is not smaller and, of that size, not before the address.
  private func place(of size: Int, address: UInt, in list: Int) -> Int {
    var (low, high) = (0, free[list].count)
    while low < high {
      let middle = (low + high) / 2
      let entry = free[list][middle]
      if entry.size < size || entry.size == size && entry.address < address {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }
}

extension Int {
  /// The next multiple, for counts of bytes.
  func rounded(upTo multiple: Int) -> Int { (self + multiple - 1) / multiple * multiple }
}
