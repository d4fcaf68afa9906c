import CCUDAKernels
import NNCore

private enum Kernels {
  static let reduce = CUDAKernel.Family("nn_reduce", in: "reduce.cu", DType.numbers)
  static let argReduce = CUDAKernel.Family("nn_arg_reduce", in: "reduce.cu", DType.numbers)
  static let norm = CUDAKernel.Family("nn_norm", in: "reduce.cu", DType.reals)
}

extension CUDABackend {
  package func reduce(_ op: ReduceOp, _ x: Tensor, axes: [Int]) -> Tensor {
    if let sums = knownSums(op, x, axes: axes) { return sums }
    let isReal = x.dtype.isFloatingPoint
    let isExtreme = op == .max || op == .min
    let type: DType = isReal || isExtreme ? x.dtype : .int64
    var shape = x.shape
    for axis in axes { shape[axis] = 1 }
    let kept = x.shape.indices.filter { !axes.contains($0) }

    // Dense in the memory order of what is kept.
    var strides = [Int](repeating: 1, count: x.rank)
    var step = 1
    for axis in kept.sorted(by: { x.strides[$0] < x.strides[$1] }) {
      strides[axis] = step
      step *= max(x.shape[axis], 1)
    }
    let result = empty(shape, type, strides: strides)
    if result.count == 0 { return result }

    let results = Walk(x.shape, order: strides, axes: kept, [x.strides])
    let folded = Walk(x.shape, order: x.strides, axes: axes, [x.strides])
    var plan = nn_cuda_reduction()
    plan.op = op.cudaNumber
    plan.type = type.rawValue
    let parts = arrange(&plan, results, folded, splits: true)
    if parts == 1 {
      launch(&plan, Kernels.reduce[x.dtype.kernelType], x.cardAddress, result.cardAddress)
      return result
    }
    // Each part for itself, then the parts.
    let wide: DType = isReal ? .float64 : .int64
    let partial = empty([parts, results.count], wide)
    plan.type = wide.rawValue
    launch(&plan, Kernels.reduce[x.dtype.kernelType], x.cardAddress, partial.cardAddress, parts: parts)
    plan.type = type.rawValue
    _ = arrange(
      &plan, Walk(partial.shape, axes: [1], [partial.strides]),
      Walk(partial.shape, axes: [0], [partial.strides]), splits: false)
    launch(&plan, Kernels.reduce[wide], partial.cardAddress, result.cardAddress)
    return withExtendedLifetime(partial) { result }
  }

  package func argReduce(_ x: Tensor, axis: Int, smallest: Bool) -> Tensor {
    var shape = x.shape
    shape[axis] = 1
    let result = empty(shape, .int64)
    if result.count == 0 { return result }
    var plan = nn_cuda_reduction()
    plan.op = smallest ? 1 : 0
    _ = arrange(
      &plan, Walk(x.shape, axes: x.shape.indices.filter { $0 != axis }, [x.strides]),
      Walk(x.shape, axes: [axis], [x.strides]), splits: false)
    launch(&plan, Kernels.argReduce[x.dtype.kernelType], x.cardAddress, result.cardAddress)
    return result
  }

  private func launch(
    _ plan: inout nn_cuda_reduction, _ kernel: CUDAKernel, _ x: UnsafeMutableRawPointer,
    _ y: UnsafeMutableRawPointer, parts: Int = 1
  ) {
    var arguments = KernelArguments()
    arguments.append(plan)
    arguments.append(x)
    arguments.append(y)
    let results = Self.block / Int(plan.lanes)
    launch(kernel, blocks: Int(plan.kept.count).quotient(roundedUp: results), rows: parts, arguments)
  }

  /// Decides which threads do what; a matter of shapes, strides and the card, so that sums always come out the same.
  ///
  /// - Returns: into how many parts what is folded is cut.
  private func arrange(
    _ plan: inout nn_cuda_reduction, _ results: Walk, _ folded: Walk, splits: Bool
  ) -> Int {
    plan.kept = results.plan
    plan.folded = folded.plan
    let (count, length) = (results.count, max(folded.count, 1))
    let isRow =
      results.rank == 0 || folded.rank > 0 && folded.stride(0, 0) < results.stride(0, 0)
    // A thread has some elements to go through before it meets the others.
    var lanes = (length / 4).powerOfTwo(most: Self.block)
    if !isRow {
      // Neighbours along the results are read together.
      lanes = min(lanes, Self.block / count.powerOfTwo(most: 32))
    } else if length <= 32 && count >= 4_096 {
      lanes = min(lanes, 4)
    }
    let wanted = driver.card.multiprocessors * 8
    var blocks = count.quotient(roundedUp: Self.block / lanes)
    if !isRow {
      // Enough results give every thread one of its own.
      while lanes > 1 && blocks > 2 * wanted {
        lanes /= 2
        blocks = count.quotient(roundedUp: Self.block / lanes)
      }
    }
    plan.lanes = Int32(lanes)
    plan.isRow = isRow ? 1 : 0
    let parts = splits && blocks < wanted ? min(wanted / blocks, length / (lanes * 16), 4_096) : 1
    if parts <= 1 {
      plan.part = Int64(length)
      return 1
    }
    let part = length.quotient(roundedUp: parts).quotient(roundedUp: lanes) * lanes
    plan.part = Int64(part)
    return length.quotient(roundedUp: part)
  }

  package func powerSum(_ tensors: [Tensor], _ power: Double) -> Double {
    unreadPowerSum(tensors, power).item()
  }

  package func unreadPowerSum(_ tensors: [Tensor], _ power: Double) -> Tensor {
    let op =
      power.isInfinite
      ? NN_CUDA_NORM_MOST : power == 1 ? NN_CUDA_NORM_ONE : power == 2 ? NN_CUDA_NORM_TWO : NN_CUDA_NORM_POWER
    let parts = combined(tensors.filter(\.dtype.isFloatingPoint), op, power)
    guard let first = parts.first else { return fill([], 0, dtype: .float64) }
    return parts.dropFirst().reduce(first) { binary(power.isInfinite ? .maximum : .add, $0, $1) }
      .view(shape: [], strides: [])
  }

  package func isAllFinite(_ x: Tensor) -> Bool {
    !x.dtype.isFloatingPoint || combined([x], NN_CUDA_NORM_FINITE, 0).allSatisfy { $0.item() == 0 }
  }

  /// One number of all elements of tensors, float64 [1] for each element type among them.
  private func combined(_ tensors: [Tensor], _ op: nn_cuda_norm, _ power: Double) -> [Tensor] {
    var sums: [Tensor] = []
    for dtype in DType.reals {
      let dense = tensors.filter { $0.dtype == dtype && $0.count > 0 }.map {
        $0.isNonOverlappingAndDense ? $0 : copy($0, strides: nil)
      }
      if dense.isEmpty { continue }
      let counts = dense.map { $0.count.quotient(roundedUp: 65_536) }
      let parts = empty([counts.reduce(0, +)], .float64)
      var start = 0
      let most = NN_CUDA_BLOCKS
      for first in stride(from: 0, to: dense.count, by: most) {
        var blocks = nn_cuda_blocks()
        let group = dense[first..<min(dense.count, first + most)]
        blocks.count = Int32(group.count)
        var places = 0
        for (place, tensor) in group.enumerated() {
          withUnsafeMutableBytes(of: &blocks.data) {
            $0.storeBytes(of: UInt(bitPattern: tensor.cardAddress), toByteOffset: place * 8, as: UInt.self)
          }
          withUnsafeMutableBytes(of: &blocks.counts) {
            $0.storeBytes(of: Int64(tensor.count), toByteOffset: place * 8, as: Int64.self)
          }
          withUnsafeMutableBytes(of: &blocks.starts) {
            $0.storeBytes(of: Int32(places), toByteOffset: place * 4, as: Int32.self)
          }
          places += counts[first + place]
        }
        var arguments = KernelArguments()
        arguments.append(Int32(op.rawValue))
        arguments.append(power)
        arguments.append(blocks)
        arguments.append(parts.cardAddress + start * 8)
        launch(Kernels.norm[dtype], blocks: places, arguments)
        start += places
      }
      withExtendedLifetime(dense) {
        sums.append(reduce(op == NN_CUDA_NORM_MOST ? .max : .sum, parts, axes: [0]))
      }
    }
    return sums
  }
}

extension Int {
  /// The least power of 2 that is not smaller, from 1 to `most`.
  fileprivate func powerOfTwo(most: Int) -> Int {
    var power = 1
    while power < self && power < most { power *= 2 }
    return power
  }
}
