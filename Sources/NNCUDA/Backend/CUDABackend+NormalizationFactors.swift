import NNCore

// The arithmetic on one value per channel that lies between the sums of a normalisation and its passes over the images: one
// launch each.

private enum Kernels {
  static let file = "normalization_factors.cu"
  static let map = CUDAKernel("nn_normalization_map", in: file)
  static let average = CUDAKernel("nn_running_average", in: file)
  static let gradient = CUDAKernel("nn_normalization_gradient", in: file)
}

extension CUDABackend {
  package func normalizationMap(
    mean: Tensor, variance: Tensor, weight: Tensor?, bias: Tensor?, eps: Double
  ) -> (map: ChannelMap, inverse: Tensor) {
    let channels = mean.shape[mean.rank - 1]
    let shape = mean.rank == 1 ? [1, channels] : mean.shape
    let (mean, variance) = (mean.rowMajor, variance.rowMajor)
    let (weight, bias) = (weight?.rowMajor, bias?.rowMajor)
    let values = empty([4] + shape, .float64)
    let (inverse, wideMean) = (values.part(0, of: 0), values.part(1, of: 0))
    let isWide = mean.dtype == .float64
    let map = ChannelMap(
      mean: isWide ? mean.shaped(shape) : wideMean, scale: values.part(2, of: 0), shift: values.part(3, of: 0)
    )
    if inverse.count == 0 { return (map, inverse) }
    var arguments = KernelArguments()
    arguments.append(inverse.count)
    arguments.append(Int32(channels))
    arguments.append(mean.dtype.rawValue)
    arguments.append(mean.cardAddress)
    arguments.append(variance.cardAddress)
    arguments.append((weight ?? bias ?? mean).dtype.rawValue)
    arguments.append(weight?.cardAddress)
    arguments.append(bias?.cardAddress)
    arguments.append(eps)
    arguments.append(inverse.cardAddress)
    arguments.append(isWide ? nil : wideMean.cardAddress)
    arguments.append(map.scale.cardAddress)
    arguments.append(map.shift.cardAddress)
    launch(Kernels.map, blocks: inverse.count.quotient(roundedUp: Self.block), arguments)
    return withExtendedLifetime((mean, variance, weight, bias)) { (map, inverse) }
  }

  package func runningAverage(
    _ old: Tensor, _ new: Tensor, momentum: Double, correction: Double?
  ) -> Tensor {
    let (old, new) = (old.rowMajor, new.rowMajor)
    let result = empty(old.shape, old.dtype)
    if result.count == 0 { return result }
    var arguments = KernelArguments()
    arguments.append(result.count)
    arguments.append(old.dtype.rawValue)
    arguments.append(old.cardAddress)
    arguments.append(new.cardAddress)
    arguments.append(momentum)
    arguments.append(correction ?? 1)
    arguments.append(result.cardAddress)
    launch(Kernels.average, blocks: result.count.quotient(roundedUp: Self.block), arguments)
    return withExtendedLifetime((old, new)) { result }
  }

  package func normalizationGradient(
    sums: Tensor, dots: Tensor, inverse: Tensor, weight: Tensor?, groups: Int, count: Double, dtype: DType
  ) -> NormalizationGradient {
    let channels = sums.shape[1]
    if sums.shape[0] != 1 || groups != channels || channels == 0 {
      return composedNormalizationGradient(
        sums: sums, dots: dots, inverse: inverse, weight: weight, groups: groups, count: count, dtype: dtype)
    }
    let (sums, dots, inverse, weight) = (sums.rowMajor, dots.rowMajor, inverse.rowMajor, weight?.rowMajor)
    let factors = empty([3, 1, channels], .float64)
    let gradients = empty([3, channels], dtype)
    let result = NormalizationGradient(
      a: factors.part(0, of: 0), b: factors.part(1, of: 0), c: factors.part(2, of: 0),
      total: gradients.part(0, of: 0), weight: gradients.part(1, of: 0), bias: gradients.part(2, of: 0))
    var arguments = KernelArguments()
    arguments.append(Int32(channels))
    arguments.append(count)
    arguments.append(sums.cardAddress)
    arguments.append(dots.cardAddress)
    arguments.append(inverse.cardAddress)
    arguments.append((weight ?? sums).dtype.rawValue)
    arguments.append(weight?.cardAddress)
    arguments.append(dtype.rawValue)
    for tensor in [result.a, result.b, result.c] { arguments.append(tensor.cardAddress) }
    for tensor in [gradients.part(0, of: 0), result.weight, result.bias] {
      arguments.append(tensor.cardAddress)
    }
    launch(Kernels.gradient, blocks: channels.quotient(roundedUp: Self.block), arguments)
    return withExtendedLifetime((sums, dots, inverse, weight)) { result }
  }
}
