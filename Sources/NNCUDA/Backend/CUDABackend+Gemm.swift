import CCUDAKernels
import NNCore

private enum Kernels {
  static let multiply = CUDAKernel("nn_multiply_int64", in: "matrix.cu")
}

extension CUDABackend {
  package func gemm(_ a: Tensor, _ b: Tensor, bias: Tensor?) -> Tensor {
    let (batch, rows, depth, columns) = (a.shape[0], a.shape[1], a.shape[2], b.shape[2])
    let shape = [batch, rows, columns]
    if batch * rows * columns == 0 { return empty(shape, a.dtype) }
    if a.dtype == .int64 { return wholeProduct(a, b, shape, depth) }
    if depth == 0 {
      return bias.map { copy($0.spread(to: shape), strides: nil) } ?? fill(shape, 0, dtype: a.dtype)
    }
    let result = empty(shape, a.dtype)
    if let bias { assign(bias, to: result) }
    let (a, b) = (a.asFactor(self), b.asFactor(self))
    let product = CUDAProduct(
      dtype: result.dtype, rows: rows, columns: columns, depth: depth, batch: batch, a: a.factor, b: b.factor,
      c: CUDAProduct.Matrix(result.cardAddress, stride: columns, batchStride: rows * columns),
      keepsC: bias != nil, allowsTF32: MatmulPrecision.products == .high)
    driver.multiply(product)
    return withExtendedLifetime((a.tensor, b.tensor)) { result }
  }

  private func wholeProduct(_ a: Tensor, _ b: Tensor, _ shape: [Int], _ depth: Int) -> Tensor {
    let result = empty(shape, .int64)
    let (rows, columns) = (shape[1], shape[2])
    // More matrices than a grid has rows come in several launches.
    for first in stride(from: 0, to: shape[0], by: 65_535) {
      var arguments = KernelArguments()
      arguments.append(rows)
      arguments.append(columns)
      arguments.append(depth)
      for factor in [a, b] {
        arguments.append(factor.cardAddress + first * factor.strides[0] * 8)
        for stride in factor.strides { arguments.append(stride) }
      }
      arguments.append(result.cardAddress + first * rows * columns * 8)
      launch(
        Kernels.multiply, blocks: (rows * columns).quotient(roundedUp: Self.block),
        rows: min(65_535, shape[0] - first), arguments)
    }
    return result
  }
}

extension Tensor {
  /// Matrices [batch, rows, columns] as the driver takes them: copied unless they are dense along rows or columns.
  fileprivate func asFactor(_ backend: CUDABackend) -> (factor: CUDAProduct.Matrix, tensor: Tensor) {
    let (rows, columns) = (shape[1], shape[2])
    if strides[2] == 1 || columns == 1, strides[1] >= columns || rows == 1 {
      let step = rows == 1 ? columns : strides[1]
      return (CUDAProduct.Matrix(cardAddress, stride: step, batchStride: strides[0]), self)
    }
    if strides[1] == 1 || rows == 1, strides[2] >= rows || columns == 1 {
      let step = columns == 1 ? rows : strides[2]
      return (
        CUDAProduct.Matrix(cardAddress, stride: step, isTransposed: true, batchStride: strides[0]), self
      )
    }
    return backend.copy(self, strides: nil).asFactor(backend)
  }
}
