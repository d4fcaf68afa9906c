import NNCore
import Synchronization
import Testing

struct ThreadPoolTests {
  /// Short loops one after the other: workers come late to some, and leave others while the next begins.
  @Test(arguments: [2, 5])
  func runsEveryPieceOnceInManyShortLoops(_ threads: Int) {
    let before = ThreadPool.shared.threadCount
    defer { ThreadPool.shared.threadCount = before }
    ThreadPool.shared.threadCount = threads
    for round in 0..<40_000 / (threads * threads) {
      let count = round % 7 + 1
      let sum = Atomic(0)
      ThreadPool.shared.parallelFor(pieces: count) { piece in sum.add(piece + 1, ordering: .relaxed) }
      let total = sum.load(ordering: .relaxed)
      if total != count * (count + 1) / 2 {
        Issue.record("loop \(round) over \(count) pieces gave \(total)")
        return
      }
    }
  }
}
