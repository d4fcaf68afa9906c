import CCUDAKernels
import NNCore

private enum Kernels {
  static let moments = CUDAKernel.Family("nn_moments", in: "moments.cu", DType.reals)
  static let aloneSums = CUDAKernel.Family("nn_gradient_alone_sums", in: "moments.cu", DType.reals)
  static let sums = CUDAKernel.Family("nn_gradient_sums", in: "moments.cu", DType.reals)
  static let rectifiedSums = CUDAKernel.Family("nn_rectified_gradient_sums", in: "moments.cu", DType.reals)
  static let pooledSums = CUDAKernel.Family("nn_pooled_gradient_sums", in: "moments.cu", DType.reals)
  static let merge = CUDAKernel.Family("nn_merge_sums", in: "moments.cu", DType.reals)

  static let map = CUDAKernel.Family("nn_channel_map", in: "normalization.cu", DType.reals)
  static let gate = CUDAKernel.Family("nn_channel_gate", in: "normalization.cu", DType.reals)
  static let combination = CUDAKernel.Family("nn_combination", in: "normalization.cu", DType.reals)
  static let rectified = CUDAKernel.Family("nn_rectified_combination", in: "normalization.cu", DType.reals)
  static let pooled = CUDAKernel.Family("nn_pooled_combination", in: "normalization.cu", DType.reals)
  static let pooledBy2 = CUDAKernel.Family("nn_pooled_combination_2", in: "normalization.cu", DType.reals)
}

// MARK: - Sums

extension CUDABackend {
  package func channelMoments(_ x: Tensor, perSample: Bool) -> (mean: Tensor, variance: Tensor) {
    let source = withInnerChannels(x)
    let plan = ChannelPlan(
      like: x, matrices: perSample ? x.shape[0] : 1, [source], rowsPerThread: 8, on: self)
    var arguments = KernelArguments()
    arguments.append(plan.plan)
    arguments.append(source.cardAddress)
    return withExtendedLifetime(source) {
      summed(plan, Kernels.moments[x.dtype], arguments, x.dtype, around: source)
    }
  }

  package func gradientSums(
    _ gradient: ChannelGradient, _ x: Tensor?, mean: Tensor
  ) -> (sums: Tensor, dots: Tensor) {
    let (g, source) = (withInnerChannels(gradient.tensor), x.map(withInnerChannels))
    let dtype = g.dtype
    let means = CardMap(mean: mean, on: self)
    let plan = ChannelPlan(
      like: g, matrices: mean.shape[0], [g] + (source.map { [$0] } ?? []), rowsPerThread: 8, on: self)
    var arguments = KernelArguments()
    arguments.append(plan.plan)
    arguments.append(g.cardAddress)
    return withExtendedLifetime((g, source, means)) {
      guard let source else {
        if case .rectified = gradient { fail("gradientSums", "a rectified gradient needs the input") }
        return summed(plan, Kernels.aloneSums[dtype], arguments, dtype)
      }
      arguments.append(source.cardAddress)
      switch gradient {
      case .plain:
        arguments.append(means.values)
        return summed(plan, Kernels.sums[dtype], arguments, dtype)
      case .rectified(_, let map):
        let gate = CardMap(map, on: self)
        arguments.append(means.values)
        arguments.append(gate.values)
        return withExtendedLifetime(gate) {
          summed(plan, Kernels.rectifiedSums[dtype], arguments, dtype)
        }
      case .pooled(_, let places, let geometry):
        let pooling = CardPooling(geometry, images: g.shape[0], channels: g.shape[1], on: self)
        arguments.append(means.values)
        arguments.append(pooling.pooling)
        arguments.append(places.cardAddress)
        return withExtendedLifetime((pooling, places)) {
          summed(plan, Kernels.pooledSums[dtype], arguments, dtype)
        }
      }
    }
  }

  /// Launches a kernel that sums each part of the rows and one that adds up the parts.
  ///
  /// - Parameter x: what moments are of.
  func summed(
    _ plan: ChannelPlan, _ kernel: CUDAKernel, _ arguments: KernelArguments, _ dtype: DType,
    around x: Tensor? = nil
  ) -> (Tensor, Tensor) {
    let (matrices, channels) = (Int(plan.plan.matrices), Int(plan.plan.channels))
    let (first, second) = (empty([matrices, channels], .float64), empty([matrices, channels], .float64))
    if first.count == 0 { return (first, second) }
    let partial = empty([matrices, plan.parts, 2, channels], .float64)
    var arguments = arguments
    arguments.append(partial.cardAddress)
    launch(kernel, plan, arguments)
    var merging = KernelArguments()
    merging.append(plan.plan)
    merging.append(Int32(plan.parts))
    merging.append(partial.cardAddress)
    merging.append(UInt(bitPattern: x?.cardAddress))
    merging.append(first.cardAddress)
    merging.append(second.cardAddress)
    launch(
      Kernels.merge[dtype], blocks: channels.quotient(roundedUp: 4), rows: min(matrices, 65_535), merging)
    return withExtendedLifetime(partial) { (first, second) }
  }
}

// MARK: - Elements

extension CUDABackend {
  package func mapped(_ x: Tensor, _ map: ChannelMap, adding addend: Tensor?, rectified: Bool) -> Tensor {
    let (source, added) = (withInnerChannels(x), addend.map(withInnerChannels))
    let result = empty(x.shape, x.dtype, strides: source.strides)
    if result.count == 0 { return result }
    let values = CardMap(map, on: self)
    let plan = ChannelPlan(
      like: x, matrices: map.mean.shape[0], [source, result] + (added.map { [$0] } ?? []), on: self)
    var arguments = KernelArguments()
    arguments.append(plan.plan)
    arguments.append(source.cardAddress)
    arguments.append(values.values)
    arguments.append(UInt(bitPattern: added?.cardAddress))
    arguments.append(Int32(rectified ? 1 : 0))
    arguments.append(result.cardAddress)
    launch(Kernels.map[x.dtype], plan, arguments)
    return withExtendedLifetime((source, added, values)) { result }
  }

  package func gated(_ g: Tensor, _ x: Tensor, _ map: ChannelMap) -> Tensor {
    let (slopes, source) = (withInnerChannels(g), withInnerChannels(x))
    let result = empty(g.shape, g.dtype, strides: source.strides)
    if result.count == 0 { return result }
    let values = CardMap(map, on: self)
    let plan = ChannelPlan(like: g, matrices: map.mean.shape[0], [slopes, source, result], on: self)
    var arguments = KernelArguments()
    arguments.append(plan.plan)
    arguments.append(slopes.cardAddress)
    arguments.append(source.cardAddress)
    arguments.append(values.values)
    arguments.append(result.cardAddress)
    launch(Kernels.gate[g.dtype], plan, arguments)
    return withExtendedLifetime((slopes, source, values)) { result }
  }

  package func combined(_ gradient: ChannelGradient, _ combination: ChannelCombination) -> Tensor {
    let (shape, g) = (gradient.shape, withInnerChannels(gradient.tensor))
    let source = combination.x.map(withInnerChannels)
    if source == nil, case .plain = gradient {
    } else if source == nil {
      return combined(.plain(inFull(gradient)), combination)
    }
    let dtype = g.dtype
    let result = empty(shape, dtype, strides: Tensor.innerChannelStrides(shape))
    if result.count == 0 { return result }
    let tensors = [combination.mean, combination.a, combination.b, combination.c].map(rowMajor)
    let factors = tensors.map { UnsafePointer($0.cardAddress.assumingMemoryBound(to: Double.self)) }
    let values = nn_cuda_combination(
      mean: source == nil ? nil : factors[0], a: factors[1], b: factors[2], c: factors[3])
    let operands = [g, result] + (source.map { [$0] } ?? [])
    var plan = ChannelPlan(like: result, matrices: combination.mean.shape[0], operands, on: self)
    var arguments = KernelArguments()
    func begin() {
      arguments.append(plan.plan)
      arguments.append(g.cardAddress)
      arguments.append(UInt(bitPattern: source?.cardAddress))
      arguments.append(values)
    }
    return withExtendedLifetime((tensors, g, source)) {
      switch gradient {
      case .plain:
        begin()
        arguments.append(result.cardAddress)
        launch(Kernels.combination[dtype], plan, arguments)
      case .rectified(_, let map):
        begin()
        let map = CardMap(map, on: self)
        arguments.append(map.values)
        arguments.append(result.cardAddress)
        withExtendedLifetime(map) { launch(Kernels.rectified[dtype], plan, arguments) }
      case .pooled(_, let places, let geometry):
        let pooling = CardPooling(geometry, images: shape[0], channels: shape[1], on: self)
        if pooling.isBy2 { plan = ChannelPlan(like: g, matrices: 1, operands, rowsPerThread: 1, on: self) }
        begin()
        arguments.append(pooling.pooling)
        arguments.append(places.cardAddress)
        arguments.append(result.cardAddress)
        withExtendedLifetime((pooling, places)) {
          launch((pooling.isBy2 ? Kernels.pooledBy2 : Kernels.pooled)[dtype], plan, arguments)
        }
      }
      return result
    }
  }

  /// The gradient that a normalisation which does not need its input takes.
  private func inFull(_ gradient: ChannelGradient) -> Tensor {
    switch gradient {
    case .plain(let g): g
    case .rectified: fail("combined", "a rectified gradient needs the input")
    case .pooled(let g, let places, let geometry): maxPool2dGradient(g, places: places, geometry)
    }
  }
}
