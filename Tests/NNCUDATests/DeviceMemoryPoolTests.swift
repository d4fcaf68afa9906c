import NNCore
import NNCUDA
import TestSupport
import Testing

@Suite struct DeviceMemoryPoolTests {
  private let mebibyte = 1 << 20

  @Test(
    "Blocks have room for what was asked for and begin at multiples of 512",
    arguments: [0, 1, 512, 513, 1 << 20, (1 << 20) + 1, 11 << 20])
  func sizes(byteCount: Int) {
    let pool = DeviceMemoryPool(BookkeepingDriver(total: 100 << 20))
    let blocks = (0..<3).map { _ in pool.allocate(byteCount) }
    for block in blocks {
      #expect(block.capacity >= byteCount && block.capacity > 0)
      #expect(UInt(bitPattern: block.address) % 512 == 0)
    }
    let ordered = blocks.sorted { $0.address < $1.address }
    for (a, b) in zip(ordered, ordered.dropFirst()) { #expect(a.address + a.capacity <= b.address) }
  }

  @Test("Small blocks share a segment, and a block that was given back is given again")
  func reuse() {
    let driver = BookkeepingDriver(total: 100 << 20)
    let pool = DeviceMemoryPool(driver)
    let a = pool.allocate(1000)
    let b = pool.allocate(100_000)
    #expect(driver.blocks.count == 1 && pool.statistics.held == 2 << 20)
    pool.deallocate(a)
    #expect(pool.allocate(700).address == a.address)
    pool.deallocate(b)
    #expect(pool.statistics.inUse == 1024)
    #expect(pool.statistics.peak == 1024 + 100_352)
    pool.resetPeak()
    #expect(pool.statistics.peak == 1024)
  }

  @Test(
    "Neighbours that are free become one block, in any order",
    arguments: [[0, 1, 2], [2, 1, 0], [0, 2, 1], [1, 0, 2]])
  func joins(order: [Int]) {
    let driver = BookkeepingDriver(total: 100 << 20)
    let pool = DeviceMemoryPool(driver)
    let blocks = (0..<3).map { _ in pool.allocate(6 * mebibyte) }
    #expect(driver.blocks.count == 1)
    for index in order { pool.deallocate(blocks[index]) }
    #expect(pool.statistics.inUse == 0)
    let whole = pool.allocate(20 * mebibyte)
    #expect(driver.blocks.count == 2 || whole.address == blocks[0].address)
    pool.deallocate(whole)
    pool.trim()
    #expect(driver.blocks.isEmpty && pool.statistics.held == 0)
  }

  @Test("A full card gets unused segments back before anybody is refused")
  func fullCard() {
    let driver = BookkeepingDriver(total: 64 * mebibyte)
    let pool = DeviceMemoryPool(driver)
    pool.deallocate(pool.allocate(40 * mebibyte))
    let large = pool.allocate(60 * mebibyte)
    #expect(driver.blocks.count == 1)
    // 4 MiB are left: less than the usual segment, enough for the block.
    let rest = pool.allocate(3 * mebibyte)
    #expect(pool.allocateIfPossible(mebibyte) == nil)
    let line = pool.shortage(of: 2_500_000)
    #expect(
      line.contains("2.3 MiB asked for") && line.contains("64.0 MiB held") && line.contains("Bookkeeper"))
    pool.deallocate(large)
    pool.deallocate(rest)
    #expect(pool.allocateIfPossible(mebibyte) != nil)
  }

  @Test("What no card has stops with a line that says what is held")
  func refusal() {
    let error = #expect(throws: FixtureError.self) {
      try catchingMistakes { _ = DeviceMemoryPool(BookkeepingDriver(total: 1 << 20)).allocate(1 << 30) }
    }
    #expect(
      "\(error, default: "")".contains(
        "GPU: out of memory on Bookkeeper (number 3): 1.0 GiB asked for, 0 bytes held"))
  }

  @Test("Blocks of an arena are given to nobody else until it is released")
  func arenas() {
    let driver = BookkeepingDriver(total: 100 << 20)
    let pool = DeviceMemoryPool(driver)
    let before = pool.allocate(512)
    let arena = pool.openArena()
    let inside = pool.allocate(512)
    pool.deallocate(inside)
    #expect(pool.allocate(512).address == inside.address)
    pool.deallocate(inside)
    pool.deallocate(before)
    pool.closeArena()
    #expect(pool.allocate(512).address == before.address)
    pool.trim()
    #expect(driver.blocks.count == 2)
    pool.releaseArena(arena)
    pool.trim()
    #expect(driver.blocks.count == 1)
    #expect(pool.openArena() == arena)
  }

  @Test(
    "Any order of asking and giving back leaves blocks that do not overlap", arguments: [1, 2, 3] as [UInt64])
  func random(seed: UInt64) {
    let driver = BookkeepingDriver(total: 1 << 30)
    let pool = DeviceMemoryPool(driver)
    var state = seed
    func draw(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    var live: [DeviceMemory] = []
    for _ in 0..<2000 {
      if live.count > 40 || (!live.isEmpty && draw(2) == 0) {
        pool.deallocate(live.remove(at: draw(live.count)))
      } else {
        live.append(pool.allocate(1 << draw(23)))
      }
      let ordered = live.sorted { $0.address < $1.address }
      let overlap = zip(ordered, ordered.dropFirst()).contains { $0.address + $0.capacity > $1.address }
      #expect(!overlap)
    }
    #expect(pool.statistics.inUse == live.reduce(0) { $0 + $1.capacity })
    for block in live { pool.deallocate(block) }
    pool.trim()
    #expect(driver.blocks.isEmpty)
  }
}
