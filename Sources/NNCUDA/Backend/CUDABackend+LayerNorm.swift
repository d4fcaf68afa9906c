import CCUDAKernels
import NNCore

private enum Kernels {
  static let norm = CUDAKernel.Family("nn_layer_norm", in: "layernorm.cu", DType.reals)
  static let gradient = CUDAKernel.Family("nn_layer_norm_gradient", in: "layernorm.cu", DType.reals)
  static let sums = CUDAKernel.Family("nn_layer_sums", in: "layernorm.cu", DType.reals)
}

extension CUDABackend {
  package func layerNorm(
    _ x: Tensor, weight: Tensor?, bias: Tensor?, eps: Double
  ) -> (output: Tensor, mean: Tensor, inverse: Tensor) {
    let (rows, source) = (x.shape[0], rowMajor(x))
    let parameters = [weight.map(rowMajor), bias.map(rowMajor)]
    let result = empty(x.shape, x.dtype)
    let (mean, inverse) = (empty([rows], .float64), empty([rows], .float64))
    if rows == 0 { return (result, mean, inverse) }
    var arguments = KernelArguments()
    arguments.append(rows)
    arguments.append(x.shape[1])
    arguments.append(source.cardAddress)
    for parameter in parameters { arguments.append(UInt(bitPattern: parameter?.cardAddress)) }
    arguments.append(eps)
    for tensor in [result, mean, inverse] { arguments.append(tensor.cardAddress) }
    launch(Kernels.norm[x.dtype], blocks: rows.quotient(roundedUp: Self.block / 32), arguments)
    return withExtendedLifetime((source, parameters)) { (result, mean, inverse) }
  }

  package func layerNormGradient(
    _ gradient: Tensor, _ x: Tensor, weight: Tensor?, mean: Tensor, inverse: Tensor, needsInput: Bool,
    needsParameters: Bool
  ) -> (input: Tensor?, weight: Tensor?, bias: Tensor?) {
    let (rows, columns, dtype) = (x.shape[0], x.shape[1], x.dtype)
    let (g, source, factors) = (rowMajor(gradient), rowMajor(x), weight.map(rowMajor))
    let moments = [mean, inverse].map(rowMajor)
    var result: Tensor?
    if needsInput {
      let target = empty(x.shape, dtype)
      var arguments = KernelArguments()
      arguments.append(rows)
      arguments.append(columns)
      arguments.append(g.cardAddress)
      arguments.append(source.cardAddress)
      arguments.append(UInt(bitPattern: factors?.cardAddress))
      for tensor in moments + [target] { arguments.append(tensor.cardAddress) }
      if target.count > 0 {
        launch(Kernels.gradient[dtype], blocks: rows.quotient(roundedUp: Self.block / 32), arguments)
      }
      result = target
    }
    if !needsParameters { return (result, nil, nil) }
    if rows == 0 || columns == 0 {
      let zeros = fill([columns], 0, dtype: dtype)
      return (result, zeros, zeros)
    }
    let plan = ChannelPlan(
      rows: rows, channels: columns, matrices: 1, [], isWide: false, rowsPerThread: 8, on: self)
    var arguments = KernelArguments()
    arguments.append(plan.plan)
    for tensor in [g, source] + moments { arguments.append(tensor.cardAddress) }
    let (biases, weights) = withExtendedLifetime((g, source, moments)) {
      summed(plan, Kernels.sums[dtype], arguments, dtype)
    }
    func perColumn(_ sums: Tensor) -> Tensor { cast(sums.view(shape: [columns], strides: [1]), to: dtype) }
    return withExtendedLifetime((factors, g, source)) { (result, perColumn(weights), perColumn(biases)) }
  }
}
