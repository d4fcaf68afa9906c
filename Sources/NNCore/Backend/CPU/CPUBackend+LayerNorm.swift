import CNNKernels

extension CPUBackend {
  func layerNorm(
    _ x: Tensor, weight: Tensor?, bias: Tensor?, eps: Double
  ) -> (output: Tensor, mean: Tensor, inverse: Tensor) {
    let (rows, columns, path) = (x.shape[0], x.shape[1], KernelPath.current.rawValue)
    let source = x.rowMajor
    let (weight, bias) = (weight?.rowMajor, bias?.rowMajor)
    let result = Tensor(uninitialized: x.shape, dtype: x.dtype)
    let (mean, inverse) = (
      Tensor(uninitialized: [rows], dtype: .float64), Tensor(uninitialized: [rows], dtype: .float64)
    )
    let (means, inverses) = (mean.hostPointer(Double.self), inverse.hostPointer(Double.self))
    let (input, output, size) = (source.hostPointer, result.hostPointer, x.dtype.byteCount)
    let (factors, addends) = (weight?.hostPointer, bias?.hostPointer)
    ThreadPool.shared.parallelFor(count: rows, grain: Self.layerGrain(columns)) { range in
      let first = range.lowerBound
      nn_layer_norm(
        x.dtype.rawValue, path, range.count, columns, address(input, first * columns, size), factors, addends,
        eps,
        address(output, first * columns, size), means + first, inverses + first)
    }
    withExtendedLifetime((source, weight, bias)) {}
    return (result, mean, inverse)
  }

  func layerNormGradient(
    _ gradient: Tensor, _ x: Tensor, weight: Tensor?, mean: Tensor, inverse: Tensor, needsInput: Bool,
    needsParameters: Bool
  ) -> (input: Tensor?, weight: Tensor?, bias: Tensor?) {
    let (rows, columns, path) = (x.shape[0], x.shape[1], KernelPath.current.rawValue)
    let (g, source, weight) = (gradient.rowMajor, x.rowMajor, weight?.rowMajor)
    let result = needsInput ? Tensor(uninitialized: x.shape, dtype: x.dtype) : nil
    let grain = Self.layerGrain(columns)
    let pieces = (rows + grain - 1) / grain
    // Sums of each piece, added up in the order of the pieces.
    let partial = needsParameters ? fill([pieces, 2, columns], 0, dtype: .float64) : nil
    let (gradients, input, output) = (g.hostPointer, source.hostPointer, result?.hostPointer)
    let (factors, sums) = (weight?.hostPointer, partial?.hostPointer(Double.self))
    let (means, inverses) = (mean.hostPointer(Double.self), inverse.hostPointer(Double.self))
    let size = x.dtype.byteCount
    ThreadPool.shared.parallelFor(pieces: pieces) { piece in
      let (first, last) = (piece * grain, min(rows, (piece + 1) * grain))
      let target = sums.map { $0 + piece * 2 * columns }
      nn_layer_norm_gradient(
        x.dtype.rawValue, path, last - first, columns, address(gradients, first * columns, size),
        address(input, first * columns, size), factors, means + first, inverses + first,
        output.map { address($0, first * columns, size) }, target, target.map { $0 + columns })
    }
    withExtendedLifetime((g, source, weight)) {}
    let total = partial.map { reduce(.sum, $0, axes: [0]).part(0, of: 0) }
    return (
      result, total.map { cast($0.part(0, of: 0), to: x.dtype) },
      total.map { cast($0.part(1, of: 0), to: x.dtype) }
    )
  }

  /// Rows of a piece; a matter of shapes alone.
  private static func layerGrain(_ columns: Int) -> Int { max(1, 32_768 / max(1, columns)) }
}
