import NNCore
import Synchronization
import Testing

struct ThreadPoolTests {
  /// Short loops one after the other: workers come late to some, and leave others while the next begins.
  @Test func runsEveryPieceOnceInManyShortLoops() {
    for round in 0..<20_000 {
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
