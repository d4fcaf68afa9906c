import CCUDAKernels
import NNCore

private enum Kernels {
  static let gather = CUDAKernel.Sizes("nn_gather", in: "indexing.cu")
  static let putLines = CUDAKernel.Sizes("nn_put_lines", in: "indexing.cu")
  static let putRuns = CUDAKernel.Sizes("nn_put_runs", in: "indexing.cu")
  static let addable = DType.allCases.filter { $0 != .bfloat16 }
  static let addLines = CUDAKernel.Family("nn_add_lines", in: "indexing.cu", addable)
  static let addRuns = CUDAKernel.Family("nn_add_runs", in: "indexing.cu", addable)
  static let keys = CUDAKernel("nn_index_keys", in: "indexing.cu")
  static let flagged = CUDAKernel("nn_flagged", in: "scan.cu")
}

extension CUDABackend {
  package func gather(_ x: Tensor, axis: Int, index: Tensor) -> Tensor {
    let result = empty(index.shape, x.dtype)
    gather(x, axis: axis, index, index.strides, into: result)
    return result
  }

  package func indexSelect(_ x: Tensor, axis: Int, index: Tensor) -> Tensor {
    let index = cast(index, to: .int64)
    var shape = x.shape
    shape[axis] = index.count
    let result = empty(shape, x.dtype, strides: x.denseStrides(for: shape))
    gather(x, axis: axis, index, index.spread(along: axis, rank: x.rank), into: result)
    return withExtendedLifetime(index) { result }
  }

  /// - Parameter strides: the index' strides over the shape of the result, which is dense.
  private func gather(_ x: Tensor, axis: Int, _ index: Tensor, _ strides: [Int], into result: Tensor) {
    let count = result.count
    if count == 0 { return }
    var others = x.strides
    others[axis] = 0
    var arguments = KernelArguments()
    arguments.append(Walk(result.shape, order: result.strides, strides, others).plan)
    arguments.append(x.shape[axis])
    arguments.append(x.strides[axis])
    arguments.append(index.cardAddress)
    arguments.append(x.cardAddress)
    arguments.append(result.cardAddress)
    arguments.append(faultAddress())
    launch(Kernels.gather[x.dtype], elements: count, arguments)
  }

  package func scatter(_ x: Tensor, axis: Int, index: Tensor, source: Tensor, adding: Bool) -> Tensor {
    if adding, x.dtype == .bfloat16 {
      return widening.scatter(x, axis: axis, index: index, source: source, adding: true)
    }
    let result = copy(x, strides: nil)
    if index.count == 0 { return result }
    let lines = IndexLines(shape: index.shape, axis: axis, strides: index.strides)
    scatter(lines, index, source, into: result, adding: adding)
    return result
  }

  package func indexAdd(_ x: Tensor, axis: Int, index: Tensor, source: Tensor) -> Tensor {
    if x.dtype == .bfloat16 { return widening.indexAdd(x, axis: axis, index: index, source: source) }
    let result = copy(x, strides: source.denseStrides(for: x.shape))
    if source.count == 0 { return result }
    let index = cast(index, to: .int64)
    let strides = index.spread(along: axis, rank: x.rank)
    let lines = IndexLines(shape: source.shape, axis: axis, strides: strides)
    scatter(lines, index, source, into: result, adding: true)
    return withExtendedLifetime(index) { result }
  }

  /// An index under the shape of its source.
  private struct IndexLines {
    let shape: [Int]
    let axis: Int
    var strides: [Int]

    var length: Int { shape[axis] }
    var others: [Int] { shape.indices.filter { $0 != axis } }
    /// How many different lines of numbers there are.
    var count: Int { others.reduce(1) { strides[$1] == 0 ? $0 : $0 * shape[$1] } }
  }

  private func scatter(
    _ lines: IndexLines, _ index: Tensor, _ source: Tensor, into result: Tensor, adding: Bool
  ) {
    let (axis, length, size) = (lines.axis, lines.length, result.shape[lines.axis])
    let walk = Walk(
      lines.shape, order: result.strides, axes: lines.others, [lines.strides, source.strides, result.strides])
    if length <= 64 || (walk.count >= 8_192 && length <= 512) {
      var arguments = KernelArguments()
      arguments.append(walk.plan)
      arguments.append(length)
      arguments.append(size)
      arguments.append(lines.strides[axis])
      arguments.append(source.strides[axis])
      arguments.append(result.strides[axis])
      arguments.append(index.cardAddress)
      arguments.append(source.cardAddress)
      arguments.append(result.cardAddress)
      arguments.append(faultAddress())
      let kernel = adding ? Kernels.addLines[result.dtype] : Kernels.putLines[result.dtype]
      launch(kernel, blocks: walk.count.quotient(roundedUp: Self.block), arguments)
      return
    }
    // Equal numbers next to each other, in the order of their places.
    let shape = lines.shape.indices.map { $0 == axis || lines.strides[$0] != 0 ? lines.shape[$0] : 1 }
    let order = lines.others + [axis]
    let dense = index.view(shape: shape, strides: lines.strides).ordered(order).rowMajor
    let keys = empty([lines.count, length], .int64)
    var checking = KernelArguments()
    checking.append(keys.count)
    checking.append(size)
    checking.append(dense.cardAddress)
    checking.append(keys.cardAddress)
    checking.append(faultAddress())
    launch(Kernels.keys, blocks: keys.count.quotient(roundedUp: Self.block), checking)
    let sorted = sort(keys, axis: 1, descending: false)
    var starts = [Int](repeating: 0, count: shape.count)
    for (place, stride) in zip(order, Tensor.contiguousStrides(order.map { shape[$0] }))
    where shape[place] != 1 {
      starts[place] = stride
    }
    var arguments = KernelArguments()
    arguments.append(
      Walk(lines.shape, order: result.strides, axes: lines.others, [starts, source.strides, result.strides])
        .plan)
    arguments.append(length)
    arguments.append(size)
    arguments.append(source.strides[axis])
    arguments.append(result.strides[axis])
    arguments.append(sorted.values.cardAddress)
    arguments.append(sorted.indices.cardAddress)
    arguments.append(source.cardAddress)
    arguments.append(result.cardAddress)
    let kernel = adding ? Kernels.addRuns[result.dtype] : Kernels.putRuns[result.dtype]
    launch(kernel, blocks: (length * walk.count).quotient(roundedUp: Self.block), arguments)
    withExtendedLifetime((dense, keys, sorted)) {}
  }

  package func channelShuffle(_ x: Tensor, groups: Int) -> Tensor {
    let size = x.shape[1] / groups
    let result = empty(x.shape, x.dtype, strides: x.denseStridesLikeSelf)
    if result.count == 0 { return result }
    // Both as [N, size, groups, …].
    func split(_ tensor: Tensor, _ channels: [Int]) -> Tensor {
      tensor.view(
        shape: [x.shape[0], size, groups] + x.shape.dropFirst(2),
        strides: [tensor.strides[0]] + channels.map { $0 * tensor.strides[1] } + tensor.strides.dropFirst(2))
    }
    assign(split(x, [1, size]), to: split(result, [groups, 1]))
    return result
  }

  package func nonzeroPlaces(_ x: Tensor) -> Tensor {
    let count = x.count
    if count == 0 { return empty([0], .int64) }
    let flags = compare(.ne, x, fill([], 0, dtype: x.dtype)).shaped([count])
    let ranks = scan(cast(flags, to: .int64), axis: 0, product: false)
    var found = 0
    withUnsafeMutableBytes(of: &found) { download(ranks.cardAddress + (count - 1) * 8, to: $0) }
    let result = empty([found], .int64)
    if found > 0 {
      var arguments = KernelArguments()
      arguments.append(count)
      arguments.append(flags.cardAddress)
      arguments.append(ranks.cardAddress)
      arguments.append(result.cardAddress)
      launch(Kernels.flagged, blocks: count.quotient(roundedUp: Self.block), arguments)
    }
    return withExtendedLifetime((flags, ranks)) { result }
  }
}

extension Tensor {
  /// The strides of these numbers [count] as lines along an axis, the same everywhere.
  fileprivate func spread(along axis: Int, rank: Int) -> [Int] {
    var result = [Int](repeating: 0, count: rank)
    result[axis] = strides.first ?? 0
    return result
  }
}
