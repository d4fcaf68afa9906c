import CCUDAKernels
import NNCore

/// How a kernel walks over operands that are seen under one shape: axes in the memory order of the result, merged where all
/// operands allow it.
struct Walk {
  private(set) var plan = nn_cuda_walk()

  /// - Parameters:
  ///   - shape: what all operands are seen under.
  ///   - order: strides by which the axes are sorted; row-major if nil.
  ///   - operands: strides of each operand over the shape, 0 where it is repeated.
  init(_ shape: [Int], order: [Int]? = nil, _ operands: [Int]...) {
    self.init(shape, order: order, axes: nil, operands)
  }

  /// Over some of the axes only.
  init(_ shape: [Int], order: [Int]? = nil, axes: [Int]?, _ operands: [[Int]]) {
    require(operands.count <= NN_CUDA_OPERANDS, "Walk", "\(operands.count) operands are too many")
    var sorted: [Int] = []
    sorted.reserveCapacity(shape.count)
    var count = 1
    for axis in axes ?? Array(shape.indices) {
      count *= shape[axis]
      if shape[axis] == 1 { continue }
      // Stable: equal strides keep the row-major order.
      var place = sorted.count
      if let order { while place > 0 && order[sorted[place - 1]] < order[axis] { place -= 1 } }
      sorted.insert(axis, at: place)
    }
    plan.count = Int64(count)
    if count == 0 { return }
    // From the fastest axis on, each one joins the one before if all operands go on there without a gap.
    var rank = 0
    var sizes = InlineNumbers()
    for axis in sorted.reversed() {
      if rank > 0, fits(axis, behind: rank - 1, sizes[rank - 1], operands) {
        sizes[rank - 1] *= shape[axis]
        continue
      }
      require(
        rank < Self.most, "Walk", "shape \(shape) has more than \(Self.most) axes that no operand lets merge")
      sizes[rank] = shape[axis]
      withStrides { all in
        for operand in operands.indices { all[operand * Self.most + rank] = Int64(operands[operand][axis]) }
      }
      rank += 1
    }
    plan.rank = Int32(rank)
    setSizes(sizes)
  }

  static let most = NN_CUDA_AXES

  var count: Int { Int(plan.count) }
  var rank: Int { Int(plan.rank) }

  func size(_ axis: Int) -> Int {
    withUnsafeBytes(of: plan.sizes) { Int($0.load(fromByteOffset: axis * 8, as: Int64.self)) }
  }

  func stride(_ operand: Int, _ axis: Int) -> Int {
    withUnsafeBytes(of: plan.strides) {
      Int($0.load(fromByteOffset: (operand * Self.most + axis) * 8, as: Int64.self))
    }
  }

  /// Without two of the axes.
  func without(_ first: Int, _ second: Int) -> Walk {
    var result = self
    var sizes = InlineNumbers()
    var (rank, count) = (0, 1)
    for axis in 0..<self.rank where axis != first && axis != second {
      sizes[rank] = size(axis)
      count *= size(axis)
      for operand in 0..<NN_CUDA_OPERANDS {
        let value = stride(operand, axis)
        result.withStrides { $0[operand * Self.most + rank] = Int64(value) }
      }
      rank += 1
    }
    result.plan.rank = Int32(rank)
    result.plan.count = Int64(count)
    result.setSizes(sizes)
    return result
  }

  private func fits(_ axis: Int, behind last: Int, _ size: Int, _ operands: [[Int]]) -> Bool {
    for operand in operands.indices where operands[operand][axis] != size * stride(operand, last) {
      return false
    }
    return true
  }

  private mutating func withStrides(_ body: (UnsafeMutablePointer<Int64>) -> Void) {
    withUnsafeMutableBytes(of: &plan.strides) { bytes in
      if let base = bytes.baseAddress { body(base.assumingMemoryBound(to: Int64.self)) }
    }
  }

  /// Sets the sizes with what the kernels divide by them with: for a size d and the least s with 2^s >= d, the factor is
  /// 2^32 · (2^s - d) / d + 1 (Granlund and Montgomery, 1994).
  private mutating func setSizes(_ sizes: InlineNumbers) {
    for axis in 0..<rank {
      let size = sizes[axis]
      var (multiplier, shift) = (UInt32(0), UInt32(0))
      if size <= Int(Int32.max) {
        shift = UInt32(size <= 1 ? 0 : Int.bitWidth - (size - 1).leadingZeroBitCount)
        multiplier = UInt32(truncatingIfNeeded: (1 << 32) * ((1 << Int(shift)) - size) / size + 1)
      }
      withUnsafeMutableBytes(of: &plan.sizes) {
        $0.storeBytes(of: Int64(size), toByteOffset: axis * 8, as: Int64.self)
      }
      withUnsafeMutableBytes(of: &plan.multipliers) {
        $0.storeBytes(of: multiplier, toByteOffset: axis * 4, as: UInt32.self)
      }
      withUnsafeMutableBytes(of: &plan.shifts) {
        $0.storeBytes(of: shift, toByteOffset: axis * 4, as: UInt32.self)
      }
    }
  }
}

/// A few numbers without memory of their own.
private struct InlineNumbers {
  private var values: (Int, Int, Int, Int, Int, Int, Int, Int) = (0, 0, 0, 0, 0, 0, 0, 0)

  subscript(_ index: Int) -> Int {
    get { withUnsafeBytes(of: values) { $0.load(fromByteOffset: index * 8, as: Int.self) } }
    set {
      withUnsafeMutableBytes(of: &values) {
        $0.storeBytes(of: newValue, toByteOffset: index * 8, as: Int.self)
      }
    }
  }
}
