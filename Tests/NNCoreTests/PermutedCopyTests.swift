import NNCore
import Testing

/// Copies into another order of memory, which turn blocks in registers where they can.
struct PermutedCopyTests {
  static let shapes = [
    [5, 7], [2, 64], [64, 2], [33, 70, 3], [3, 37, 2, 9], [40, 1, 6, 5], [1, 300, 200], [0, 5, 4],
  ]

  @Test(arguments: shapes, [DType.uint8, .int32, .int64, .float32, .float64])
  func keepEveryElementInItsPlace(_ shape: [Int], _ dtype: DType) {
    let count = shape.reduce(1, *)
    let values = (0..<count).map { Int64($0 % 251) }
    let x = Tensor(values).reshape(shape).to(dtype)
    for order in permutations(Array(shape.indices)) {
      let got = x.permute(order).contiguous().to(.int64).array(of: Int64.self)
      let size = order.map { shape[$0] }
      let want = (0..<count).map { place in
        var (rest, source) = (place, 0)
        for axis in order.indices.reversed() {
          source += rest % size[axis] * shape[(order[axis] + 1)...].reduce(1, *)
          rest /= size[axis]
        }
        return values[source]
      }
      #expect(got == want, "order \(order)")
    }
  }

  private func permutations(_ items: [Int]) -> [[Int]] {
    if items.isEmpty { return [[]] }
    return items.flatMap { first in permutations(items.filter { $0 != first }).map { [first] + $0 } }
  }
}
