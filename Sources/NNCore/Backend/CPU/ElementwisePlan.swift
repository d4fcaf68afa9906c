/// How an elementwise loop walks through its operands: dimensions sorted by the memory order of the output and
/// merged where all operands allow it, so that the innermost run is as long as possible.
struct ElementwisePlan {
  /// Sizes, outermost first; the last is the length of one kernel call.
  private(set) var sizes: [Int] = []
  /// Strides in elements per operand, operand 0 being the output.
  private(set) var strides: [[Int]]

  /// - Parameters:
  ///   - shape: shape of the output.
  ///   - operands: strides of each operand over that shape (0 where it is broadcast), the output first.
  init(shape: [Int], operands: [[Int]]) {
    strides = operands.map { _ in [] }
    let axes = shape.indices.filter { shape[$0] != 1 }
    // Stable: equal strides (all 0, say) keep the row-major order.
    let order = axes.enumerated().sorted {
      let (a, b) = (operands[0][$0.element], operands[0][$1.element])
      return a != b ? a > b : $0.offset < $1.offset
    }.map(\.element)
    for axis in order {
      if let last = sizes.last,
        operands.indices.allSatisfy({ operands[$0][axis] * shape[axis] == strides[$0][sizes.count - 1] }),
        last > 0
      {
        sizes[sizes.count - 1] = last * shape[axis]
        for index in operands.indices { strides[index][sizes.count - 1] = operands[index][axis] }
      } else {
        sizes.append(shape[axis])
        for index in operands.indices { strides[index].append(operands[index][axis]) }
      }
    }
    if sizes.isEmpty {
      sizes = [1]
      strides = operands.map { _ in [1] }
    }
  }

  /// The plan without an axis along which an operand's elements are adjacent, if there is one besides the innermost; with
  /// the axis' length and the output's stride along it.
  func withoutAdjacentAxis(of operand: Int) -> (plan: ElementwisePlan, length: Int, distance: Int)? {
    guard let axis = strides[operand].dropLast().lastIndex(of: 1) else { return nil }
    var plan = self
    let length = plan.sizes.remove(at: axis)
    for index in strides.indices { plan.strides[index].remove(at: axis) }
    return (plan, length, strides[0][axis])
  }

  /// Elements per parallel piece; constant, so that results do not depend on the number of threads.
  static let grain = 32_768

  /// Calls `body` with the length of a run and the element offset of each operand, over all elements, in parallel.
  ///
  /// - Parameter strided: an operand jumps along the runs. They are cut short then, and all short runs side by side
  ///   come first, so that a cache line that was fetched for one element still is there for its neighbours.
  /// - Parameter work: how many elements are behind each one of the plan.
  func forEachRun(
    strided: Bool = false, work: Int = 1, _ body: (_ length: Int, _ offsets: UnsafePointer<Int>) -> Void
  ) {
    let grain = max(1, Self.grain / max(1, work))
    let inner = sizes[sizes.count - 1]
    let outer = sizes.dropLast().reduce(1, *)
    if inner == 0 || outer == 0 { return }
    let short = 16
    if strided && outer >= short && inner >= 2 * short {
      let innerStrides = strides.map { $0[sizes.count - 1] }
      ThreadPool.shared.parallelFor(count: inner, grain: short) { range in
        walk(0..<outer, range.count, from: innerStrides.map { $0 * range.lowerBound }, body)
      }
      return
    }
    if outer == 1 {
      let innerStrides = strides.map { $0[sizes.count - 1] }
      if inner <= grain {
        let zeros = innerStrides.map { _ in 0 }
        body(inner, zeros)
        return
      }
      ThreadPool.shared.parallelFor(count: inner, grain: max(grain, short)) { range in
        body(range.count, innerStrides.map { $0 * range.lowerBound })
      }
      return
    }
    let rows = max(1, grain / inner)
    ThreadPool.shared.parallelFor(count: outer, grain: rows) { range in
      walk(range, inner, from: strides.map { _ in 0 }, body)
    }
  }

  /// The rows of one piece, counted up like an odometer.
  private func walk(
    _ range: Range<Int>, _ inner: Int, from start: [Int], _ body: (Int, UnsafePointer<Int>) -> Void
  ) {
    let depth = sizes.count - 1
    let operandCount = strides.count
    withUnsafeTemporaryAllocation(of: Int.self, capacity: depth + operandCount) { scratch in
      guard let base = scratch.baseAddress else { return }
      let index = base
      let offsets = base + depth
      for operand in 0..<operandCount { offsets[operand] = start[operand] }
      var rest = range.lowerBound
      for axis in (0..<depth).reversed() {
        index[axis] = rest % sizes[axis]
        rest /= sizes[axis]
        for operand in 0..<operandCount { offsets[operand] += index[axis] * strides[operand][axis] }
      }
      for _ in range {
        body(inner, UnsafePointer(offsets))
        var axis = depth - 1
        while axis >= 0 {
          index[axis] += 1
          for operand in 0..<operandCount { offsets[operand] += strides[operand][axis] }
          if index[axis] < sizes[axis] { break }
          index[axis] = 0
          for operand in 0..<operandCount { offsets[operand] -= sizes[axis] * strides[operand][axis] }
          axis -= 1
        }
      }
    }
  }

  /// Stride of an operand along the innermost run.
  func innerStride(_ operand: Int) -> Int { strides[operand][sizes.count - 1] }
}
