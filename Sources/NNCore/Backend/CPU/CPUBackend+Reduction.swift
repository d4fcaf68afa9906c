import CNNKernels

extension CPUBackend {
  /// Elements one piece reads; a constant, so that the order of the sum never depends on the number of threads.
  private static let reductionGrain = 65_536

  func reduce(_ op: ReduceOp, _ x: Tensor, axes: [Int]) -> Tensor {
    if let sums = knownSums(op, x, axes: axes) { return sums }
    let reduced = Set(axes)
    let outputShape = x.shape.indices.map { reduced.contains($0) ? 1 : x.shape[$0] }
    let accumulatesFloat = x.dtype.isFloatingPoint
    let wideDType: DType = accumulatesFloat ? .float64 : .int64
    let isExtreme = op == .max || op == .min
    let resultDType: DType = accumulatesFloat || isExtreme ? x.dtype : .int64

    // Kept and reduced dimensions in the memory order of x, the slowest first, merged where possible.
    let bySpeed = x.shape.indices.sorted { x.strides[$0] > x.strides[$1] }
    let kept = Dimensions(x, bySpeed.filter { !reduced.contains($0) })
    let folded = Dimensions(x, bySpeed.filter { reduced.contains($0) })
    let columns = kept.innerSize
    let columnStride = kept.innerStride
    let rows = folded.innerSize
    let rowStride = folded.innerStride

    // Dense in the memory order of what is kept, so that columns are neighbours in the accumulator too.
    var strides = Array(repeating: 0, count: x.rank)
    var step = 1
    for axis in bySpeed.reversed() where !reduced.contains(axis) {
      strides[axis] = step
      step *= max(x.shape[axis], 1)
    }
    for axis in axes { strides[axis] = 1 }
    let outputs = kept.count
    let wide = Tensor(uninitialized: outputShape, dtype: wideDType, strides: strides)
    let identity = Self.identity(op, wideDType)
    if outputs == 0 { return cast(wide, to: resultDType) }

    // Pieces: runs of rows times groups of kept rows; partial results are combined in the order of the runs.
    let perOutput = max(folded.count, 1)
    let groupSize = max(1, Self.reductionGrain / max(1, columns * perOutput))
    let groups = (kept.outerCount + groupSize - 1) / groupSize
    let rowRuns = folded.outerCount * max(1, (rows + Self.rowGrain(columns) - 1) / Self.rowGrain(columns))
    let runsPerPiece = max(1, Self.reductionGrain / max(1, columns * min(rows, Self.rowGrain(columns))))
    let splits = groupSize > 1 ? 1 : max(1, (rowRuns + runsPerPiece - 1) / runsPerPiece)

    let partial = Tensor(uninitialized: [splits, outputs], dtype: wideDType)
    let base = partial.hostPointer
    let source = x.hostPointer
    let (size, dtype) = (x.dtype.byteCount, x.dtype.rawValue)
    ThreadPool.shared.parallelFor(pieces: groups * splits) { piece in
      let (group, split) = (piece / splits, piece % splits)
      let runs = splits == 1 ? 0..<rowRuns : split * runsPerPiece..<min(rowRuns, (split + 1) * runsPerPiece)
      for outer in group * groupSize..<min(kept.outerCount, (group + 1) * groupSize) {
        let accumulator = address(base, split * outputs + outer * columns, 8)
        Self.fill(accumulator, columns, identity, wideDType)
        if folded.count == 0 { continue }
        let origin = kept.offset(outer)
        let grain = Self.rowGrain(columns)
        let runsPerOuter = max(1, (rows + grain - 1) / grain)
        for run in runs {
          let first = run % runsPerOuter * grain
          let start = origin + folded.offset(run / runsPerOuter) + first * rowStride
          nn_reduce(
            op.kernelNumber, dtype, Int64(min(grain, rows - first)), Int64(rowStride), Int64(columns),
            Int64(columnStride), address(source, start, size), accumulator)
        }
      }
    }
    if splits == 1 {
      return cast(
        Tensor(storage: partial.storage, shape: outputShape, strides: strides, dtype: wideDType),
        to: resultDType)
    }
    Self.fill(wide.hostPointer, outputs, identity, wideDType)
    nn_reduce(
      op.kernelNumber, wideDType.rawValue, Int64(splits), Int64(outputs), Int64(outputs), 1,
      partial.hostPointer, wide.hostPointer)
    return cast(wide, to: resultDType)
  }

  /// Rows handled by one kernel call.
  private static func rowGrain(_ columns: Int) -> Int { max(64, reductionGrain / max(1, columns)) }

  private static func identity(_ op: ReduceOp, _ dtype: DType) -> Double {
    switch op {
    case .sum: 0
    case .prod: 1
    case .max: -.infinity
    case .min: .infinity
    }
  }

  private static func fill(_ target: UnsafeMutableRawPointer, _ count: Int, _ value: Double, _ dtype: DType) {
    if dtype == .float64 {
      target.assumingMemoryBound(to: Double.self).update(repeating: value, count: count)
    } else {
      let integer = value.isInfinite ? (value < 0 ? Int64.min : .max) : Int64(value)
      target.assumingMemoryBound(to: Int64.self).update(repeating: integer, count: count)
    }
  }

  /// Some dimensions of a tensor as a loop nest: an inner run and an index over the rest.
  private struct Dimensions {
    var sizes: [Int] = []
    var strides: [Int] = []

    init(_ x: Tensor, _ axes: [Int]) {
      for axis in axes where x.shape[axis] != 1 {
        if let last = strides.last, last == x.strides[axis] * x.shape[axis], last != 0 {
          sizes[sizes.count - 1] *= x.shape[axis]
          strides[strides.count - 1] = x.strides[axis]
        } else {
          sizes.append(x.shape[axis])
          strides.append(x.strides[axis])
        }
      }
    }

    var count: Int { sizes.reduce(1, *) }
    var innerSize: Int { sizes.last ?? 1 }
    var innerStride: Int { strides.last ?? 1 }
    var outerCount: Int { sizes.dropLast().reduce(1, *) }

    func offset(_ outer: Int) -> Int {
      Odometer(shape: sizes.dropLast(), strides: strides.dropLast()).offset(outer)
    }
  }

  func argReduce(_ x: Tensor, axis: Int, smallest: Bool) -> Tensor {
    var shape = x.shape
    shape[axis] = 1
    let result = Tensor(uninitialized: shape, dtype: .int64)
    let target = result.hostPointer
    let lines = Lines(x, axis: axis)
    let source = x.hostPointer
    let (size, dtype) = (x.dtype.byteCount, x.dtype.rawValue)
    ThreadPool.shared.parallelFor(count: lines.count, grain: max(1, 16_384 / max(1, lines.length))) { range in
      for line in range {
        let best = nn_arg_reduce(
          smallest ? 1 : 0, dtype, Int64(lines.length), address(source, lines.offset(line), size),
          Int64(lines.stride))
        address(target, line, 8).storeBytes(of: best, as: Int64.self)
      }
    }
    return result
  }
}

/// The lines of a tensor along one axis, numbered in row-major order of the other dimensions.
struct Lines {
  let length: Int
  let stride: Int
  let count: Int
  private let others: Odometer

  init(_ x: Tensor, axis: Int) {
    length = x.shape[axis]
    stride = x.strides[axis]
    let rest = x.shape.indices.filter { $0 != axis }
    others = Odometer(shape: rest.map { x.shape[$0] }, strides: rest.map { x.strides[$0] })
    count = others.shape.reduce(1, *)
  }

  /// Element offset of the first element of a line.
  func offset(_ line: Int) -> Int { others.offset(line) }
}
