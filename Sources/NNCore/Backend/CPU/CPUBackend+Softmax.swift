import CNNKernels

extension CPUBackend {
  func softmax(_ x: Tensor, axis: Int, logarithm: Bool) -> Tensor {
    let input = x.denseStridesLikeSelf == nil ? x.rowMajor : x
    let result = Tensor(uninitialized: x.shape, dtype: x.dtype, strides: input.strides)
    let path = KernelPath.current.rawValue
    let (source, target, size) = (input.hostPointer, result.hostPointer, x.dtype.byteCount)
    Self.forEachGroup(of: input, axis: axis) { lines, start in
      nn_softmax(
        path, x.dtype.rawValue, logarithm ? 1 : 0, lines, source + start * size, target + start * size)
    }
    return withExtendedLifetime(input) { result }
  }

  func softmaxBackward(_ g: Tensor, _ y: Tensor, axis: Int, logarithm: Bool) -> Tensor {
    let gradient = g.strides == y.strides ? g : copy(g, strides: y.strides)
    let result = Tensor(uninitialized: y.shape, dtype: y.dtype, strides: y.strides)
    let path = KernelPath.current.rawValue
    let (slope, value, target) = (gradient.hostPointer, y.hostPointer, result.hostPointer)
    let size = y.dtype.byteCount
    Self.forEachGroup(of: y, axis: axis) { lines, start in
      nn_softmax_backward(
        path, y.dtype.rawValue, logarithm ? 1 : 0, lines, slope + start * size, value + start * size,
        target + start * size)
    }
    return withExtendedLifetime(gradient) { result }
  }

  /// Cuts the lines of a dense tensor along an axis into groups and visits them in parallel, with the first
  /// element's place. Lines side by side in memory stay together, up to 64 of them.
  private static func forEachGroup(of x: Tensor, axis: Int, _ body: (_ lines: nn_lines, _ start: Int) -> Void)
  {
    if x.count == 0 { return }
    let length = x.shape[axis]
    let step = length == 1 ? 1 : x.strides[axis]
    let block = step * length
    let width = min(step, 64)
    let groups = (step + width - 1) / width
    let blocks = x.count / block
    if groups == 1 {
      ThreadPool.shared.parallelFor(count: blocks, grain: max(1, 16_384 / block)) { range in
        let lines = nn_lines(
          n: Int64(length), step: Int64(step), width: Int64(width), rows: Int64(range.count),
          row: Int64(block))
        body(lines, range.lowerBound * block)
      }
      return
    }
    ThreadPool.shared.parallelFor(count: blocks * groups, grain: max(1, 16_384 / (length * width))) { range in
      for place in range {
        let first = place % groups * width
        let lines = nn_lines(
          n: Int64(length), step: Int64(step), width: Int64(min(width, step - first)), rows: 1,
          row: Int64(block))
        body(lines, place / groups * block + first)
      }
    }
  }
}
