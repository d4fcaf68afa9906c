import CNNKernels

extension CPUBackend {
  func conv2dWeightGradient(
    _ gradient: Tensor, _ x: Tensor, _ geometry: ConvolutionGeometry, kernelSize: Size2
  ) -> Tensor {
    let merge = GroupMerge(
      inputs: x.shape[1] / geometry.groups, outputs: gradient.shape[1] / geometry.groups, geometry.groups,
      taps: kernelSize.height * kernelSize.width, x.dtype)
    if merge.factor > 1 {
      var merged = geometry
      merged.groups = merge.groups
      return merge.diagonal(conv2dWeightGradient(gradient, x, merged, kernelSize: kernelSize))
    }
    let source = withAdjacentChannels(x)
    let outputSize = Size2(gradient.shape[2], gradient.shape[3])
    if let tiled = WinogradGeometry(
      source, outputs: gradient.shape[1], outputSize: outputSize, kernel: kernelSize, geometry,
      padding: geometry.padding, leastPositions: 512)
    {
      let shape = [tiled.outputs, tiled.inputs, 3, 3]
      return winogradWeightGradient(tiled, source, withAdjacentChannels(gradient)).view(
        shape: shape, strides: Tensor.channelsLastStrides(shape))
    }
    let window = SlidingWindow(
      source, channels: x.shape[1] / geometry.groups, positions: outputSize, step: geometry.stride,
      taps: SlidingWindow.taps(kernelSize) { y, x in
        (
          y * geometry.dilation.height - geometry.padding.height,
          x * geometry.dilation.width - geometry.padding.width
        )
      })
    let work = WeightSums(
      window: window, images: x.shape[0], inputs: window.channels,
      outputs: gradient.shape[1] / geometry.groups, groups: geometry.groups, dtype: x.dtype,
      isSideBySide: merge.isSideBySide)
    let sums = work.run(gradient)
    // The kernels leave [taps][inputs][channels of all groups].
    let (inputs, channels) = (work.inputs, gradient.shape[1])
    return sums.view(
      shape: [channels, inputs, kernelSize.height, kernelSize.width],
      strides: [1, channels, kernelSize.width * inputs * channels, inputs * channels])
  }
}

/// Sums over runs of positions, each in memory of its own, that are added up in the order of the runs. Their number is a
/// matter of shapes: enough for many threads, but not more memory than a large weight.
private struct WeightSums {
  let window: SlidingWindow
  let images: Int
  /// Channels of a group on both sides.
  let inputs: Int
  let outputs: Int
  let groups: Int
  let dtype: DType
  /// Whether small groups have a kernel that takes all of them at once.
  let isSideBySide: Bool

  private var rows: Int { window.rowCount(images: images) }
  private var depth: Int { window.taps.count * inputs }
  private var count: Int { groups * outputs * depth }
  private var isDepthwise: Bool { inputs == 1 && outputs == 1 && window.path != .openBLAS }
  private var takesAllChannels: Bool { isDepthwise || isSideBySide }

  func run(_ gradient: Tensor) -> Tensor {
    let columns = BlockSize(rows: 1, columns: depth, depth: 1, dtype: dtype).columns
    let columnBlocks = takesAllChannels ? 1 : groups * ((depth + columns - 1) / columns)
    let isWhole = groups == 1 && columnBlocks == 1 && !takesAllChannels && window.path != .openBLAS
    let open = isWhole ? gradient.pending(LazyCombination.self) : nil
    let parts = open.map { CombinationRows($0.gradient, $0.combination) }
    let gradient = parts == nil ? CPUBackend.shared.withAdjacentChannels(gradient) : gradient
    let unit = parts?.matrices.rowsPerPiece ?? 256
    let mostRuns = max(1, min(32 / columnBlocks, (8 << 20) / max(1, count), rows / 512))
    let runLength = ((rows + mostRuns - 1) / mostRuns + unit - 1) / unit * unit
    let runs = max(1, (rows + runLength - 1) / max(1, runLength))
    let partial = Tensor(uninitialized: [runs, count], dtype: dtype)
    ThreadPool.shared.parallelFor(pieces: runs * columnBlocks) { piece in
      let (run, block) = (piece / columnBlocks, piece % columnBlocks)
      let range = min(rows, run * runLength)..<min(rows, (run + 1) * runLength)
      let sums = address(partial.hostPointer, run * count, dtype.byteCount)
      if let parts {
        sum(parts, range, into: sums)
      } else if takesAllChannels {
        sumAllChannels(nn_grid(gradient), range, into: sums)
      } else {
        let (group, column) = (block / (columnBlocks / groups), block % (columnBlocks / groups) * columns)
        sum(
          nn_grid(gradient), group: group, range, columns: column..<min(depth, column + columns), into: sums)
      }
    }
    return runs == 1 ? partial : CPUBackend.shared.reduce(.sum, partial, axes: [0])
  }

  private func sumAllChannels(_ gradient: nn_grid, _ rows: Range<Int>, into sums: UnsafeMutableRawPointer) {
    window.withKernelWindow(group: 0, channels: groups * inputs) {
      if isDepthwise {
        nn_depthwise_weight_piece($0, gradient, sums, rows.lowerBound, rows.upperBound)
      } else {
        nn_grouped_weight_piece($0, Int32(inputs), gradient, sums, rows.lowerBound, rows.upperBound)
      }
    }
  }

  private func sum(
    _ gradient: nn_grid, group: Int, _ rows: Range<Int>, columns: Range<Int>,
    into sums: UnsafeMutableRawPointer
  ) {
    var gradient = gradient
    gradient.data = address(gradient.data, group * outputs, dtype.byteCount)
    let target = address(sums, group * outputs, dtype.byteCount)
    window.withKernelWindow(group: group) { kernelWindow in
      if window.path == .openBLAS {
        OpenBLAS.weightGradient(
          kernelWindow, gradient, outputs, target, groups * outputs, rows: rows, columns: columns)
      } else {
        nn_conv_weight_piece(
          kernelWindow, gradient, outputs, target, groups * outputs, rows.lowerBound, rows.upperBound,
          columns.lowerBound, columns.upperBound, 0)
      }
    }
  }

  /// The gradient is made piece by piece, just before it is read, and never lies in memory as a whole.
  private func sum(_ gradient: CombinationRows, _ rows: Range<Int>, into sums: UnsafeMutableRawPointer) {
    let unit = gradient.matrices.rowsPerPiece
    let scratch = Tensor(uninitialized: [min(unit, rows.count) * outputs], dtype: dtype)
    let (width, height) = (window.positions.width, window.positions.height)
    window.withKernelWindow(group: 0) { kernelWindow in
      for first in stride(from: rows.lowerBound, to: max(rows.upperBound, rows.lowerBound + 1), by: unit) {
        let part = first..<min(rows.upperBound, first + unit)
        gradient.write(part, matrix: 0, to: scratch.hostPointer)
        let grid = nn_grid(
          data: address(scratch.hostPointer, -first * outputs, dtype.byteCount),
          image: height * width * outputs,
          row: width * outputs, column: outputs)
        nn_conv_weight_piece(
          kernelWindow, grid, outputs, sums, outputs, part.lowerBound, part.upperBound, 0, depth,
          first > rows.lowerBound ? 1 : 0)
      }
    }
    withExtendedLifetime(scratch) {}
  }
}
