// Pooling over the last two dimensions. Results have PyTorch's shape (N, C, H, W) and lie in memory as N, H, W, C.
// Derivatives of any order: both the averages and the choice of the greatest elements are linear operations.

extension Tensor {
  /// Greatest element of each window, as `torch.nn.functional.max_pool2d`. Padding never wins; of equal elements
  /// the first in row-major order gets the gradient; a window with a NaN gives NaN.
  ///
  /// - Parameters:
  ///   - stride: distance of the windows; the kernel size if nil.
  ///   - padding: at most half of the window at each side.
  ///   - dilation: distance of the elements of a window.
  ///   - ceilMode: also takes a last window that hangs over the edge, if it starts inside the input or its padding
  ///     in front.
  /// - Returns: [N, C, H', W'] for images [N, C, H, W], H' = (H + 2·padding - dilation·(height - 1) - 1) / stride + 1
  ///   rounded down (up with `ceilMode`); without N for a single image [C, H, W].
  public func maxPool2d(
    kernelSize: Size2, stride: Size2? = nil, padding: Size2 = 0, dilation: Size2 = 1, ceilMode: Bool = false
  ) -> Tensor {
    let name: StaticString = "maxPool2d"
    if isTracing, rank == 4 {
      let attributes: [String: TraceAttribute] = [
        "kernel": .ints([kernelSize.height, kernelSize.width]),
        "strides": .ints([(stride ?? kernelSize).height, (stride ?? kernelSize).width]),
        "padding": .ints([padding.height, padding.width]),
        "dilations": .ints([dilation.height, dilation.width]), "ceilMode": .flag(ceilMode),
      ]
      if let result = traced(
        name, [self], attributes,
        body: {
          $0[0].maxPool2d(
            kernelSize: kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode)
        })
      {
        return result
      }
    }
    return pooledImages(name) { images in
      images.windows(kernelSize, stride, padding, dilation, ceilMode: ceilMode, name)
        .map { Tensor.maxPooled(images, $0, name).values }
    }
  }

  /// `maxPool2d` together with the index row · W + column of each chosen element in its plane, int64.
  public func maxPool2dWithIndices(
    kernelSize: Size2, stride: Size2? = nil, padding: Size2 = 0, dilation: Size2 = 1, ceilMode: Bool = false
  ) -> (values: Tensor, indices: Tensor) {
    let name: StaticString = "maxPool2dWithIndices"
    return pooledImagesWithIndices(name) { images in
      images.windows(kernelSize, stride, padding, dilation, ceilMode: ceilMode, name)
    }
  }

  /// Greatest element of each window along the last dimension of [N, C, L] or [C, L]; see `maxPool2d`.
  public func maxPool1d(
    kernelSize: Int, stride: Int? = nil, padding: Int = 0, dilation: Int = 1, ceilMode: Bool = false
  ) -> Tensor {
    requireSequences("maxPool1d")
    return unsqueeze(-2).maxPool2d(
      kernelSize: Size2(1, kernelSize), stride: Size2(1, stride ?? kernelSize), padding: Size2(0, padding),
      dilation: Size2(1, dilation), ceilMode: ceilMode
    ).squeeze(-2)
  }

  /// `maxPool1d` together with the index of each chosen element along the last dimension, int64.
  public func maxPool1dWithIndices(
    kernelSize: Int, stride: Int? = nil, padding: Int = 0, dilation: Int = 1, ceilMode: Bool = false
  ) -> (values: Tensor, indices: Tensor) {
    requireSequences("maxPool1dWithIndices")
    let (values, indices) = unsqueeze(-2).maxPool2dWithIndices(
      kernelSize: Size2(1, kernelSize), stride: Size2(1, stride ?? kernelSize), padding: Size2(0, padding),
      dilation: Size2(1, dilation), ceilMode: ceilMode)
    return (values.squeeze(-2), indices.squeeze(-2))
  }

  /// Greatest element of each of `outputSize` windows that share the image out as evenly as possible, as
  /// `torch.nn.functional.adaptive_max_pool2d`.
  public func adaptiveMaxPool2d(outputSize: Size2) -> Tensor {
    let name: StaticString = "adaptiveMaxPool2d"
    if isTracing, rank == 4,
      let result = traced(
        name, [self], ["size": .ints([outputSize.height, outputSize.width])],
        body: { $0[0].adaptiveMaxPool2d(outputSize: outputSize) })
    {
      return result
    }
    return pooledImages(name) { images in
      Tensor.maxPooled(images, images.adaptiveWindows(outputSize, name), name).values
    }
  }

  /// `adaptiveMaxPool2d` together with the index row · W + column of each chosen element in its plane, int64.
  public func adaptiveMaxPool2dWithIndices(outputSize: Size2) -> (values: Tensor, indices: Tensor) {
    let name: StaticString = "adaptiveMaxPool2dWithIndices"
    return pooledImagesWithIndices(name) { $0.adaptiveWindows(outputSize, name) }
  }

  // MARK: Averages

  /// Average of each window, as `torch.nn.functional.avg_pool2d`.
  ///
  /// - Parameters:
  ///   - stride: distance of the windows; the kernel size if nil.
  ///   - padding: zeros around the image, at most half of the window at each side.
  ///   - ceilMode: see `maxPool2d`.
  ///   - countIncludePad: whether padding counts as elements; what hangs over it with `ceilMode` never does.
  ///   - divisorOverride: divides each sum by this instead of by a number of elements.
  public func avgPool2d(
    kernelSize: Size2, stride: Size2? = nil, padding: Size2 = 0, ceilMode: Bool = false,
    countIncludePad: Bool = true, divisorOverride: Int? = nil
  ) -> Tensor {
    let name: StaticString = "avgPool2d"
    require(divisorOverride != 0, name, "the divisor must not be 0")
    if isTracing, rank == 4 {
      let attributes: [String: TraceAttribute] = [
        "kernel": .ints([kernelSize.height, kernelSize.width]),
        "strides": .ints([(stride ?? kernelSize).height, (stride ?? kernelSize).width]),
        "padding": .ints([padding.height, padding.width]), "ceilMode": .flag(ceilMode),
        "countIncludePad": .flag(countIncludePad), "divisor": .int(divisorOverride ?? 0),
      ]
      if let result = traced(
        name, [self], attributes,
        body: {
          $0[0].avgPool2d(
            kernelSize: kernelSize, stride: stride, padding: padding, ceilMode: ceilMode,
            countIncludePad: countIncludePad, divisorOverride: divisorOverride)
        })
      {
        return result
      }
    }
    let rule = countIncludePad ? PoolingAxis.Divisor.window : .elements
    return pooledImages(name) { images in
      images.windows(
        kernelSize, stride, padding, 1, ceilMode: ceilMode,
        divisors: (divisorOverride.map { .fixed($0) } ?? rule, divisorOverride == nil ? rule : .fixed(1)),
        name
      ).map { Tensor.averagePooled(images, $0, name) }
    }
  }

  /// Average of each window along the last dimension of [N, C, L] or [C, L]; see `avgPool2d`.
  public func avgPool1d(
    kernelSize: Int, stride: Int? = nil, padding: Int = 0, ceilMode: Bool = false,
    countIncludePad: Bool = true, divisorOverride: Int? = nil
  ) -> Tensor {
    requireSequences("avgPool1d")
    return unsqueeze(-2).avgPool2d(
      kernelSize: Size2(1, kernelSize), stride: Size2(1, stride ?? kernelSize), padding: Size2(0, padding),
      ceilMode: ceilMode, countIncludePad: countIncludePad, divisorOverride: divisorOverride
    ).squeeze(-2)
  }

  /// Average of each of `outputSize` windows that share the image out as evenly as possible, as
  /// `torch.nn.functional.adaptive_avg_pool2d`; size 1 is the average of the whole image.
  public func adaptiveAvgPool2d(outputSize: Size2) -> Tensor {
    let name: StaticString = "adaptiveAvgPool2d"
    if isTracing, rank == 4,
      let result = traced(
        name, [self], ["size": .ints([outputSize.height, outputSize.width])],
        body: { $0[0].adaptiveAvgPool2d(outputSize: outputSize) })
    {
      return result
    }
    return pooledImages(name) { Tensor.averagePooled($0, $0.adaptiveWindows(outputSize, name), name) }
  }

  // MARK: Checks and windows

  private func requireSequences(_ name: StaticString) {
    require(rank == 2 || rank == 3, name, "needs [N, C, L] or [C, L], got \(shape)")
  }

  /// Checks the input and treats a single image as a batch of one. `body` gives nil for images that do not fit.
  private func pooledImages(_ name: StaticString, _ body: (Tensor) -> Tensor?) -> Tensor {
    guard
      fits(
        (rank == 3 || rank == 4) && dtype.isFloatingPoint, name,
        "needs floating-point images [N, C, H, W] or [C, H, W], got \(dtype) of shape \(shape)")
    else { return backend.fill(shape.prefix(2) + [1, 1], 0, dtype: .float32) }
    let result = rank == 3 ? body(unsqueeze(0))?.squeeze(0) : body(self)
    return result ?? backend.fill(shape.dropLast(2) + [1, 1], 0, dtype: dtype)
  }

  private func pooledImagesWithIndices(
    _ name: StaticString, _ geometry: (Tensor) -> PoolingGeometry?
  ) -> (values: Tensor, indices: Tensor) {
    var indices: Tensor?
    let values = pooledImages(name) { images in
      guard let geometry = geometry(images) else { return nil }
      let (values, places) = Tensor.maxPooled(images, geometry, name, keepingPlaces: true)
      indices = places.map { backend.maxPool2dIndices(places: $0, geometry) }
      return values
    }
    guard let indices else { return (values, backend.fill(values.shape, 0, dtype: .int64)) }
    return (values, rank == 3 ? indices.squeeze(0) : indices)
  }

  private func windows(
    _ kernel: Size2, _ stride: Size2?, _ padding: Size2, _ dilation: Size2, ceilMode: Bool,
    divisors: (PoolingAxis.Divisor, PoolingAxis.Divisor) = (.elements, .elements), _ name: StaticString
  ) -> PoolingGeometry? {
    let stride = stride ?? kernel
    let (height, width) = (dilation.height * (kernel.height - 1) + 1, dilation.width * (kernel.width - 1) + 1)
    guard
      fits(
        shape[2] > 0 && shape[3] > 0 && shape[2] + 2 * padding.height >= height
          && shape[3] + 2 * padding.width >= width, name, .tooSmall,
        "a window of reach \(height) x \(width) is larger than the padded input "
          + "(\(shape[2]) + 2 · \(padding.height) x \(shape[3]) + 2 · \(padding.width))")
    else { return nil }
    return PoolingGeometry(
      rows: PoolingAxis(
        input: shape[2], kernel: kernel.height, stride: stride.height, padding: padding.height,
        dilation: dilation.height, ceilMode: ceilMode, divisor: divisors.0, name),
      columns: PoolingAxis(
        input: shape[3], kernel: kernel.width, stride: stride.width, padding: padding.width,
        dilation: dilation.width, ceilMode: ceilMode, divisor: divisors.1, name))
  }

  private func adaptiveWindows(_ outputSize: Size2, _ name: StaticString) -> PoolingGeometry {
    PoolingGeometry(
      rows: PoolingAxis(input: shape[2], adaptiveOutput: outputSize.height, name),
      columns: PoolingAxis(input: shape[3], adaptiveOutput: outputSize.width, name))
  }

  // MARK: The linear operations

  private static func maxPooled(
    _ x: Tensor, _ geometry: PoolingGeometry, _ name: StaticString, keepingPlaces: Bool = false
  ) -> (values: Tensor, places: Tensor?) {
    let (values, places, fused) = x.backend.maxPool2d(
      x, geometry, keepingPlaces: keepingPlaces || shouldRecord([x])
    ) { spread($0, places: $1, geometry) }
    guard let places else { return (values, nil) }
    let recorded = values.recorded(name, inputs: [x], saving: [places], savingOutput: fused != nil) {
      g, context in [fused.map { $0(g, context) } ?? spread(g, places: context.saved(0), geometry)]
    }
    return (recorded, places)
  }

  /// Puts each element of the output's size at its place in the input.
  private static func spread(_ g: Tensor, places: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    g.backend.maxPool2dGradient(g, places: places, geometry)
      .recorded("maxPool2d_gradient", inputs: [g], saving: [places]) { h, context in
        [picked(h, places: context.saved(0), geometry)]
      }
  }

  /// The elements of the input's size at the places.
  private static func picked(_ x: Tensor, places: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    x.backend.maxPool2dPick(x, places: places, geometry)
      .recorded("maxPool2d_pick", inputs: [x], saving: [places]) { g, context in
        [spread(g, places: context.saved(0), geometry)]
      }
  }

  private static func averagePooled(_ x: Tensor, _ geometry: PoolingGeometry, _ name: StaticString) -> Tensor
  {
    x.backend.avgPool2d(x, geometry).recorded(name, inputs: [x]) { g, _ in [averageSpread(g, geometry)] }
  }

  private static func averageSpread(_ g: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    g.backend.avgPool2dGradient(g, geometry).recorded("avgPool2d_gradient", inputs: [g]) { h, _ in
      [averagePooled(h, geometry, "avgPool2d")]
    }
  }
}
