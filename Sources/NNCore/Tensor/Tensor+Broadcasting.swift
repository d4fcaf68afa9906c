extension Tensor {
  /// Strides of this tensor seen through a larger broadcast shape: 0 along repeated dimensions.
  package func broadcastStrides(to target: [Int]) -> [Int] {
    var result = Array(repeating: 0, count: target.count)
    let lead = target.count - rank
    for axis in shape.indices where shape[axis] != 1 || target[axis + lead] == 1 {
      result[axis + lead] = strides[axis]
    }
    return result
  }

  /// Strides for a new dense tensor of this shape in the memory order of this tensor, if that has one.
  package var denseStridesLikeSelf: [Int]? { isNonOverlappingAndDense ? strides : nil }

  /// Strides for a new dense tensor of another shape of this rank in the memory order of this tensor.
  package func denseStrides(for target: [Int]) -> [Int]? {
    guard isNonOverlappingAndDense else { return nil }
    if isContiguous { return Tensor.contiguousStrides(target) }
    if isChannelsLast { return Tensor.channelsLastStrides(target) }
    var result = target
    var step = 1
    for axis in shape.indices.sorted(by: { strides[$0] < strides[$1] }) {
      result[axis] = step
      step *= Swift.max(target[axis], 1)
    }
    return result
  }

  /// Whether two shapes broadcast; see `fits`.
  package static func broadcasts(_ a: [Int], _ b: [Int], _ operation: StaticString) -> Bool {
    if a == b || a.isEmpty || b.isEmpty { return true }
    for (m, n) in zip(a.reversed(), b.reversed()) {
      guard fits(m == n || m == 1 || n == 1, operation, "shapes \(a) and \(b) do not broadcast") else {
        return false
      }
    }
    return true
  }

  /// The shape both shapes broadcast to, or a stop naming the operation and both.
  package static func broadcastShape(_ a: [Int], _ b: [Int], _ operation: StaticString) -> [Int] {
    if a == b || b.isEmpty { return a }
    if a.isEmpty { return b }
    let rank = Swift.max(a.count, b.count)
    var result = Array(repeating: 1, count: rank)
    for axis in 0..<rank {
      let i = axis - (rank - a.count)
      let j = axis - (rank - b.count)
      let m = i < 0 ? 1 : a[i]
      let n = j < 0 ? 1 : b[j]
      require(m == n || m == 1 || n == 1, operation, "shapes \(a) and \(b) do not broadcast (axis \(axis))")
      result[axis] = m == 1 ? n : m
    }
    return result
  }
}
