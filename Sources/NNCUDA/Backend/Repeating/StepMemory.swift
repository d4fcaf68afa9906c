import NNCore

/// Where the blocks of a step lie in one block of the card's memory, so that they lie there in each step.
struct StepLayout {
  /// What a step did to memory, as it was seen once.
  enum Event {
    /// Sizes are those of a `DeviceMemoryPool`.
    case allocated(Int)
    /// The block of that number was given back.
    case freed(Int)
  }

  /// Where the i-th block of the step begins; nil for one that lies elsewhere, as it is kept for longer.
  private(set) var offsets: [Int?]
  let sizes: [Int]
  private(set) var byteCount = 0

  private struct Gap {
    var begin, end: Int
  }
  /// Free parts in their order, without the one behind the last block.
  private var gaps: [Gap] = []

  /// - Parameters:
  ///   - stays: which blocks were not given back in the step: they get memory that no other one uses.
  ///   - leaves: which of them were there for longer than until the same block of the next step.
  init(_ events: [Event], stays: Set<Int>, leaves: Set<Int>) {
    sizes = events.compactMap { if case .allocated(let size) = $0 { size } else { nil } }
    offsets = Array(repeating: nil, count: sizes.count)
    for index in sizes.indices where stays.contains(index) && !leaves.contains(index) {
      offsets[index] = byteCount
      byteCount += sizes[index]
    }
    var index = 0
    for event in events {
      switch event {
      case .allocated(let size):
        if offsets[index] == nil, !leaves.contains(index) { offsets[index] = place(size) }
        index += 1
      case .freed(let block):
        if let begin = offsets[block], !stays.contains(block) { free(begin, begin + sizes[block]) }
      }
    }
  }

  /// The smallest gap that is large enough, or else the end.
  private mutating func place(_ size: Int) -> Int {
    let fitting = gaps.indices.filter { gaps[$0].end - gaps[$0].begin >= size }
    if let best = fitting.min(by: { gaps[$0].end - gaps[$0].begin < gaps[$1].end - gaps[$1].begin }) {
      let begin = gaps[best].begin
      gaps[best].begin += size
      if gaps[best].begin == gaps[best].end { gaps.remove(at: best) }
      return begin
    }
    var begin = byteCount
    if let last = gaps.last, last.end == byteCount {
      begin = last.begin
      gaps.removeLast()
    }
    byteCount = begin + size
    return begin
  }

  private mutating func free(_ begin: Int, _ end: Int) {
    let place = gaps.firstIndex { $0.begin >= end } ?? gaps.count
    gaps.insert(Gap(begin: begin, end: end), at: place)
    if place + 1 < gaps.count, gaps[place].end == gaps[place + 1].begin {
      gaps[place].end = gaps.remove(at: place + 1).end
    }
    if place > 0, gaps[place - 1].end == gaps[place].begin {
      gaps[place - 1].end = gaps.remove(at: place).end
    }
  }
}

/// The memory of a layout, with the blocks in it that somebody holds.
final class StepMemory {
  let block: DeviceMemory
  let byteCount: Int
  /// Whether no further blocks will be taken.
  var isRetired = false
  /// Who takes blocks of it.
  weak var owner: StepRepeater?
  /// Held blocks in their order; they do not overlap.
  private var held: [(begin: Int, end: Int)] = []

  init(_ block: DeviceMemory, byteCount: Int) {
    self.block = block
    self.byteCount = byteCount
  }

  var isEmpty: Bool { held.isEmpty }

  func contains(_ address: UnsafeMutableRawPointer) -> Bool {
    address >= block.address && address < block.address + byteCount
  }

  /// Takes a block, unless a part of it is held.
  func take(_ offset: Int, _ size: Int) -> DeviceMemory? {
    let place = firstHeld(from: offset)
    if place < held.count, held[place].begin < offset + size { return nil }
    if place > 0, held[place - 1].end > offset { return nil }
    held.insert((offset, offset + size), at: place)
    return DeviceMemory(address: block.address + offset, capacity: size)
  }

  /// Takes a block back.
  func put(_ address: UnsafeMutableRawPointer) {
    let offset = address - block.address
    let place = firstHeld(from: offset)
    require(
      place < held.count && held[place].begin == offset, "StepMemory",
      "a block was given back that is not in use")
    held.remove(at: place)
  }

  private func firstHeld(from offset: Int) -> Int {
    var (low, high) = (0, held.count)
    while low < high {
      let middle = (low + high) / 2
      if held[middle].begin < offset { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// The memory of all layouts of a card in which blocks may be held.
final class StepMemories {
  private let pool: DeviceMemoryPool
  /// Takes back a block that is of no layout.
  let giveBack: (DeviceMemory) -> Void
  private var all: [StepMemory] = []

  init(_ pool: DeviceMemoryPool, giveBack: @escaping (DeviceMemory) -> Void) {
    self.pool = pool
    self.giveBack = giveBack
  }

  /// Memory for a layout; nil if the card has no more. What the pool keeps unused goes back to the card before.
  func make(_ byteCount: Int) -> StepMemory? {
    pool.trim()
    guard let block = pool.allocateIfPossible(byteCount) else { return nil }
    let memory = StepMemory(block, byteCount: byteCount)
    all.append(memory)
    return memory
  }

  var isEmpty: Bool { all.isEmpty }

  /// Lets repeaters go of memory of which nothing is held; whether there was any.
  func releaseIdle() -> Bool {
    let idle = all.filter { $0.isEmpty && !$0.isRetired }
    for memory in idle { memory.owner?.giveUpMemory() }
    let count = all.count
    sweep()
    return all.count < count
  }

  func contains(_ address: UnsafeMutableRawPointer) -> Bool { all.contains { $0.contains(address) } }

  /// Takes a block back; false if it is of no layout.
  func put(_ address: UnsafeMutableRawPointer) -> Bool {
    guard let memory = all.first(where: { $0.contains(address) }) else { return false }
    memory.put(address)
    if memory.isRetired { sweep() }
    return true
  }

  /// Lets go of the memory that nobody uses any more.
  func sweep() {
    all.removeAll { memory in
      guard memory.isRetired, memory.isEmpty else { return false }
      pool.deallocate(memory.block)
      return true
    }
  }
}
