import CNNKernels

extension CPUBackend {
  func resample(_ x: Tensor, axis: Int, _ plan: ResamplingPlan) -> Tensor {
    let input = x.isNonOverlappingAndDense ? x : x.rowMajor
    var shape = x.shape
    shape[axis] = plan.outputSize
    let result = Tensor(uninitialized: shape, dtype: x.dtype, strides: input.denseStrides(for: shape))
    if result.count == 0 { return result }
    let row = Self.blockBytes(input, axis) / x.dtype.byteCount
    let path = KernelPath.current.rawValue
    let (outputs, size) = (plan.outputSize, x.dtype.byteCount)
    let (source, target) = (input.hostPointer, result.hostPointer)
    let rows = result.count / row
    ThreadPool.shared.parallelFor(count: rows, grain: max(1, 16_384 / row)) { range in
      plan.places.withUnsafeBufferPointer { places in
        plan.weights.withUnsafeBufferPointer { weights in
          // A plan without taps has no addresses, and no row reads them.
          for place in range {
            let (block, output) = (place / outputs, place % outputs)
            let first = plan.starts[output]
            nn_weighted_rows(
              path, x.dtype.rawValue, Int64(row), Int64(plan.starts[output + 1] - first),
              places.baseAddress.map { $0 + first }, weights.baseAddress.map { $0 + first }, Int64(row),
              address(source, block * plan.inputSize * row, size), address(target, place * row, size))
          }
        }
      }
    }
    return withExtendedLifetime(input) { result }
  }
}
