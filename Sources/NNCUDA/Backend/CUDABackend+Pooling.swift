import CCUDAKernels
import NNCore

private enum Kernels {
  static let maximum = CUDAKernel.Family("nn_max_pool", in: "pooling.cu", DType.reals)
  static let mappedMaximum = CUDAKernel.Family("nn_mapped_max_pool", in: "pooling.cu", DType.reals)
  static let gradient = CUDAKernel.Family("nn_max_pool_gradient", in: "pooling.cu", DType.reals)
  static let pick = CUDAKernel.Family("nn_max_pool_pick", in: "pooling.cu", DType.reals)
  static let indices = CUDAKernel("nn_max_pool_indices", in: "pooling.cu")
  static let average = CUDAKernel.Family("nn_avg_pool", in: "pooling.cu", DType.reals)
  static let averageGradient = CUDAKernel.Family("nn_avg_pool_gradient", in: "pooling.cu", DType.reals)
}

// Everything is channels-last here; an input or gradient that is not is copied once.

extension CUDABackend {
  package func maxPooled(
    _ x: Tensor, rectifiedBy map: ChannelMap?, _ geometry: PoolingGeometry, keepingPlaces: Bool
  ) -> (output: Tensor, places: Tensor?) {
    let source = withInnerChannels(x)
    let result = pooled(x, geometry, x.dtype)
    let places = keepingPlaces ? pooled(x, geometry, geometry.cardPlaceType) : nil
    let values = map.map { CardMap($0, on: self) }
    launch(
      values == nil ? Kernels.maximum[x.dtype] : Kernels.mappedMaximum[x.dtype], geometry, through: result,
      [source, result]
    ) { arguments in
      arguments.append(source.cardAddress)
      if let values { arguments.append(values.values) }
      arguments.append(result.cardAddress)
      arguments.append(UInt(bitPattern: places?.cardAddress))
    }
    return withExtendedLifetime((source, values)) { (result, places) }
  }

  package func maxPool2dGradient(_ gradient: Tensor, places: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    let source = withInnerChannels(gradient)
    let result = unpooled(gradient, geometry)
    launch(Kernels.gradient[gradient.dtype], geometry, through: result, [source, result]) { arguments in
      arguments.append(source.cardAddress)
      arguments.append(places.cardAddress)
      arguments.append(result.cardAddress)
    }
    return withExtendedLifetime((source, places)) { result }
  }

  package func maxPool2dPick(_ x: Tensor, places: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    let source = withInnerChannels(x)
    let result = pooled(x, geometry, x.dtype)
    launch(Kernels.pick[x.dtype], geometry, through: result, [source, result], isWide: false) { arguments in
      arguments.append(source.cardAddress)
      arguments.append(places.cardAddress)
      arguments.append(result.cardAddress)
    }
    return withExtendedLifetime((source, places)) { result }
  }

  package func maxPool2dIndices(places: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    let result = pooled(places, geometry, .int64)
    launch(Kernels.indices, geometry, through: result, [result], isWide: false) { arguments in
      arguments.append(places.cardAddress)
      arguments.append(result.cardAddress)
    }
    return withExtendedLifetime(places) { result }
  }

  package func avgPool2d(_ x: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    let source = withInnerChannels(x)
    let result = pooled(x, geometry, x.dtype)
    launch(Kernels.average[x.dtype], geometry, through: result, [source, result]) { arguments in
      arguments.append(source.cardAddress)
      arguments.append(result.cardAddress)
    }
    return withExtendedLifetime(source) { result }
  }

  package func avgPool2dGradient(_ gradient: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    let source = withInnerChannels(gradient)
    let result = unpooled(gradient, geometry)
    launch(Kernels.averageGradient[gradient.dtype], geometry, through: result, [source, result]) {
      $0.append(source.cardAddress)
      $0.append(result.cardAddress)
    }
    return withExtendedLifetime(source) { result }
  }

  /// An empty tensor of the output's size for these images.
  private func pooled(_ x: Tensor, _ geometry: PoolingGeometry, _ dtype: DType) -> Tensor {
    let shape = [x.shape[0], x.shape[1], geometry.rows.output, geometry.columns.output]
    return empty(shape, dtype, strides: Tensor.channelsLastStrides(shape))
  }

  /// An empty tensor of the input's size for the images of this gradient.
  private func unpooled(_ gradient: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    let shape = [gradient.shape[0], gradient.shape[1], geometry.rows.input, geometry.columns.input]
    return empty(shape, gradient.dtype, strides: Tensor.channelsLastStrides(shape))
  }

  /// Launches a kernel over the pixels of `result`.
  private func launch(
    _ kernel: CUDAKernel, _ geometry: PoolingGeometry, through result: Tensor, _ tensors: [Tensor],
    isWide: Bool = true, _ append: (inout KernelArguments) -> Void
  ) {
    if result.count == 0 { return }
    let (images, channels) = (result.shape[0], result.shape[1])
    let pooling = CardPooling(geometry, images: images, channels: channels, on: self)
    let plan = ChannelPlan(
      rows: result.count / channels, channels: channels, matrices: 1, tensors, isWide: isWide,
      rowsPerThread: 1, on: self)
    var arguments = KernelArguments()
    arguments.append(plan.plan)
    arguments.append(pooling.pooling)
    append(&arguments)
    withExtendedLifetime(pooling) { launch(kernel, plan, arguments) }
  }
}
