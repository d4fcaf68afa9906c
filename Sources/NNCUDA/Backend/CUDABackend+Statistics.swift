import CCUDAKernels
import NNCore

private enum Kernels {
  static let map = CUDAKernel("nn_normalization_map", in: "statistics.cu")
  static let average = CUDAKernel("nn_running_average", in: "statistics.cu")
  static let gradient = CUDAKernel("nn_normalization_gradient", in: "statistics.cu")
  static let parameterGradient = CUDAKernel("nn_parameter_gradient", in: "statistics.cu")
  static let fold = CUDAKernel("nn_fold_map", in: "statistics.cu")
}

extension CUDABackend {
  package func normalizationMap(
    mean: Tensor, variance: Tensor, weight: Tensor?, bias: Tensor?, eps: Double
  ) -> (map: ChannelMap, inverse: Tensor) {
    let shape = mean.rank == 1 ? [1, mean.count] : mean.shape
    let moments = [mean, variance].map(rowMajor)
    let (factors, addends) = (weight.map(rowMajor), bias.map(rowMajor))
    let isWide = mean.dtype == .float64
    let wideMean =
      isWide ? moments[0].detach().view(shape: shape, strides: [shape[1], 1]) : empty(shape, .float64)
    let inverse = empty(shape, .float64)
    let scale = weight == nil ? inverse : empty(shape, .float64)
    let shift = empty([1, shape[1]], .float64)
    var plan = nn_cuda_statistics()
    plan.matrices = Int32(shape[0])
    plan.channels = Int32(shape[1])
    plan.type = (weight ?? bias ?? mean).dtype.rawValue
    plan.moments_type = mean.dtype.rawValue
    plan.eps = eps
    var arguments = KernelArguments()
    arguments.append(plan)
    for tensor in moments { arguments.append(tensor.cardAddress) }
    for tensor in [factors, addends] { arguments.append(UInt(bitPattern: tensor?.cardAddress)) }
    arguments.append(isWide ? UInt(0) : UInt(bitPattern: wideMean.cardAddress))
    for tensor in [scale, shift, inverse] { arguments.append(tensor.cardAddress) }
    if inverse.count > 0 {
      launch(Kernels.map, blocks: inverse.count.quotient(roundedUp: Self.block), arguments)
    }
    return withExtendedLifetime((moments, factors, addends)) {
      (ChannelMap(mean: wideMean, scale: scale, shift: shift), inverse)
    }
  }

  package func runningAverage(
    _ old: Tensor, _ new: Tensor, momentum: Double, correction: Double?
  ) -> Tensor {
    let (former, fresh) = (rowMajor(old), rowMajor(new))
    let result = empty(old.shape, old.dtype)
    if result.count == 0 { return result }
    var arguments = KernelArguments()
    arguments.append(result.count)
    arguments.append(old.dtype.rawValue)
    arguments.append(former.cardAddress)
    arguments.append(fresh.cardAddress)
    arguments.append(momentum)
    arguments.append(correction ?? 1)
    arguments.append(result.cardAddress)
    launch(Kernels.average, blocks: result.count.quotient(roundedUp: Self.block), arguments)
    return withExtendedLifetime((former, fresh)) { result }
  }

  package func normalizationGradient(
    sums: Tensor, dots: Tensor, inverse: Tensor, weight: Tensor?, groups: Int, count: Double, dtype: DType
  ) -> NormalizationGradient {
    let (shape, channels) = (sums.shape, sums.shape[1])
    let inputs = [sums, dots, inverse].map(rowMajor)
    let (factors, own) = (weight.map { rowMajor($0.detach()) }, weight?.dtype ?? dtype)
    let (a, b, c) = (empty(shape, .float64), empty(shape, .float64), empty(shape, .float64))
    let total = shape[0] == 1 && groups == channels ? empty([channels], dtype) : nil
    let (weightGradient, biasGradient) = (empty([channels], own), empty([channels], own))
    var plan = nn_cuda_statistics()
    plan.matrices = Int32(shape[0])
    plan.channels = Int32(channels)
    plan.groups = Int32(groups)
    plan.type = own.rawValue
    plan.input_type = dtype.rawValue
    plan.count = count
    // Two lists: a copy of one would share its memory.
    var (arguments, parameters) = (KernelArguments(), KernelArguments())
    arguments.append(plan)
    parameters.append(plan)
    for tensor in inputs {
      arguments.append(tensor.cardAddress)
      parameters.append(tensor.cardAddress)
    }
    arguments.append(UInt(bitPattern: factors?.cardAddress))
    for tensor in [a, b, c] { arguments.append(tensor.cardAddress) }
    arguments.append(UInt(bitPattern: total?.cardAddress))
    for tensor in [weightGradient, biasGradient] {
      arguments.append(tensor.cardAddress)
      parameters.append(tensor.cardAddress)
    }
    if a.count > 0 { launch(Kernels.gradient, blocks: a.count.quotient(roundedUp: Self.block), arguments) }
    if shape[0] != 1 && channels > 0 {
      launch(Kernels.parameterGradient, blocks: channels.quotient(roundedUp: Self.block), parameters)
    }
    return withExtendedLifetime((inputs, factors)) {
      NormalizationGradient(a: a, b: b, c: c, total: total, weight: weightGradient, bias: biasGradient)
    }
  }

  /// Weights of a convolution, dense with the outputs first, and its bias, with the map that follows worked in.
  func folded(_ weight: Tensor, _ bias: Tensor?, _ map: ChannelMap) -> (weight: Tensor, bias: Tensor?) {
    let (result, offset) = (
      empty(weight.shape, weight.dtype, strides: weight.strides), empty([weight.shape[0]], weight.dtype)
    )
    let values = CardMap(map, on: self)
    var plan = nn_cuda_statistics()
    plan.channels = Int32(weight.shape[0])
    plan.type = weight.dtype.rawValue
    var arguments = KernelArguments()
    arguments.append(plan)
    arguments.append(weight.count / weight.shape[0])
    arguments.append(values.values)
    arguments.append(weight.cardAddress)
    arguments.append(UInt(bitPattern: bias?.cardAddress))
    arguments.append(result.cardAddress)
    arguments.append(offset.cardAddress)
    launch(Kernels.fold, blocks: weight.count.quotient(roundedUp: Self.block), arguments)
    return withExtendedLifetime((weight, bias, values)) { (result, offset) }
  }
}
