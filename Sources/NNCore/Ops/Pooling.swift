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
    pooledImages("maxPool2d") { images in
      let windows = SlidingWindows(kernelSize, stride, padding, dilation, ceilMode: ceilMode)
      return windows.geometry(of: images, "maxPool2d").map {
        Tensor.apply(MaxPool(name: "maxPool2d", windows: .sliding(windows), geometry: $0), [images])
      }
    }
  }

  /// `maxPool2d` together with the index row · W + column of each chosen element in its plane, int64.
  public func maxPool2dWithIndices(
    kernelSize: Size2, stride: Size2? = nil, padding: Size2 = 0, dilation: Size2 = 1, ceilMode: Bool = false
  ) -> (values: Tensor, indices: Tensor) {
    let windows = SlidingWindows(kernelSize, stride, padding, dilation, ceilMode: ceilMode)
    return pooledImagesWithIndices("maxPool2dWithIndices", .sliding(windows)) { images, name in
      windows.geometry(of: images, name)
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
    pooledImages("adaptiveMaxPool2d") { images in
      let geometry = PoolingGeometry(of: images, adaptedTo: outputSize, "adaptiveMaxPool2d")
      let pool = MaxPool(name: "adaptiveMaxPool2d", windows: .adaptive(outputSize), geometry: geometry)
      return Tensor.apply(pool, [images])
    }
  }

  /// `adaptiveMaxPool2d` together with the index row · W + column of each chosen element in its plane, int64.
  public func adaptiveMaxPool2dWithIndices(outputSize: Size2) -> (values: Tensor, indices: Tensor) {
    pooledImagesWithIndices("adaptiveMaxPool2dWithIndices", .adaptive(outputSize)) { images, name in
      PoolingGeometry(of: images, adaptedTo: outputSize, name)
    }
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
    require(divisorOverride != 0, "avgPool2d", "the divisor must not be 0")
    return pooledImages("avgPool2d") { images in
      let windows = SlidingWindows(kernelSize, stride, padding, 1, ceilMode: ceilMode)
      let rule = countIncludePad ? PoolingAxis.Divisor.window : .elements
      let divisors = divisorOverride.map { (PoolingAxis.Divisor.fixed($0), .fixed(1)) } ?? (rule, rule)
      return windows.geometry(of: images, divisors: divisors, "avgPool2d").map {
        let pool = AveragePool(
          name: "avgPool2d", windows: .sliding(windows), countIncludePad: countIncludePad,
          divisor: divisorOverride, geometry: $0)
        return Tensor.apply(pool, images)
      }
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
    pooledImages("adaptiveAvgPool2d") { images in
      let geometry = PoolingGeometry(of: images, adaptedTo: outputSize, "adaptiveAvgPool2d")
      return Tensor.apply(
        AveragePool(name: "adaptiveAvgPool2d", windows: .adaptive(outputSize), geometry: geometry), images)
    }
  }

  // MARK: Checks

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
    _ name: StaticString, _ windows: PoolingWindows,
    _ geometry: (Tensor, StaticString) -> PoolingGeometry?
  ) -> (values: Tensor, indices: Tensor) {
    var indices: Tensor?
    let values = pooledImages(name) { images in
      guard let geometry = geometry(images, name) else { return nil }
      let pool = MaxPool(name: name, windows: windows, geometry: geometry)
      let (values, places) = Tensor.apply(PlacedMaxPool(pool: pool), [images])
      indices = backend.maxPool2dIndices(places: places, geometry)
      return values
    }
    guard let indices else { return (values, backend.fill(values.shape, 0, dtype: .int64)) }
    return (values, rank == 3 ? indices.squeeze(0) : indices)
  }
}

// MARK: - Windows

/// Windows of one size at regular distances.
private struct SlidingWindows: Sendable {
  let kernel: Size2
  let stride: Size2
  let padding: Size2
  let dilation: Size2
  let ceilMode: Bool

  init(_ kernel: Size2, _ stride: Size2?, _ padding: Size2, _ dilation: Size2, ceilMode: Bool) {
    (self.kernel, self.stride) = (kernel, stride ?? kernel)
    (self.padding, self.dilation, self.ceilMode) = (padding, dilation, ceilMode)
  }

  var attributes: [String: TraceAttribute] {
    [
      "kernel": .ints(kernel.extents), "strides": .ints(stride.extents), "padding": .ints(padding.extents),
      "ceilMode": .flag(ceilMode),
    ]
  }

  /// Where they lie in images [N, C, H, W]; nil if they are larger, see `fits`.
  func geometry(
    of images: Tensor, divisors: (PoolingAxis.Divisor, PoolingAxis.Divisor) = (.elements, .elements),
    _ name: StaticString
  ) -> PoolingGeometry? {
    let (rows, columns) = (images.shape[2], images.shape[3])
    let (height, width) = (dilation.height * (kernel.height - 1) + 1, dilation.width * (kernel.width - 1) + 1)
    guard
      fits(
        rows > 0 && columns > 0 && rows + 2 * padding.height >= height
          && columns + 2 * padding.width >= width,
        name, .tooSmall,
        "a window of reach \(height) x \(width) is larger than the padded input "
          + "(\(rows) + 2 · \(padding.height) x \(columns) + 2 · \(padding.width))")
    else { return nil }
    return PoolingGeometry(
      rows: PoolingAxis(
        input: rows, kernel: kernel.height, stride: stride.height, padding: padding.height,
        dilation: dilation.height, ceilMode: ceilMode, divisor: divisors.0, name),
      columns: PoolingAxis(
        input: columns, kernel: kernel.width, stride: stride.width, padding: padding.width,
        dilation: dilation.width, ceilMode: ceilMode, divisor: divisors.1, name))
  }
}

private enum PoolingWindows: Sendable {
  case sliding(SlidingWindows)
  /// So many, which share the image out as evenly as possible.
  case adaptive(Size2)
}

extension PoolingGeometry {
  fileprivate init(of images: Tensor, adaptedTo size: Size2, _ name: StaticString) {
    self.init(
      rows: PoolingAxis(input: images.shape[2], adaptiveOutput: size.height, name),
      columns: PoolingAxis(input: images.shape[3], adaptiveOutput: size.width, name))
  }
}

// MARK: - Primitives

private struct MaxPool: VariadicPrimitive {
  let name: StaticString
  let windows: PoolingWindows
  let geometry: PoolingGeometry

  var attributes: [String: TraceAttribute] {
    switch windows {
    case .sliding(let windows):
      windows.attributes.merging(["dilations": .ints(windows.dilation.extents)]) { $1 }
    case .adaptive(let size): ["size": .ints(size.extents)]
    }
  }

  func evaluate(_ operands: [Tensor]) -> Evaluation {
    evaluate(operands[0], keepingPlaces: Tensor.shouldRecord(operands)).evaluation
  }

  func evaluate(_ x: Tensor, keepingPlaces: Bool) -> (evaluation: Evaluation, places: Tensor?) {
    let (values, places, fused) = x.backend.maxPool2d(x, geometry, keepingPlaces: keepingPlaces) {
      [geometry] in $0.spread(places: $1, geometry)
    }
    let evaluation = Evaluation(values, saving: places.map { [$0] } ?? [], savingResult: fused != nil) {
      [geometry] g, context in
      [fused.map { $0(g, context) } ?? g.spread(places: context.saved(0), geometry)]
    }
    return (evaluation, places)
  }
}

/// The same with the places of the greatest elements.
private struct PlacedMaxPool: ExtendedPrimitive {
  let pool: MaxPool

  var name: StaticString { pool.name }

  func evaluate(_ operands: [Tensor]) -> (Evaluation, Tensor) {
    let (evaluation, places) = pool.evaluate(operands[0], keepingPlaces: true)
    guard let places else { fail(name, "\(operands[0].device) did not keep the places") }
    return (evaluation, places)
  }
}

private struct AveragePool: UnaryPrimitive {
  let name: StaticString
  let windows: PoolingWindows
  var countIncludePad = true
  var divisor: Int?
  let geometry: PoolingGeometry

  var attributes: [String: TraceAttribute] {
    switch windows {
    case .sliding(let windows):
      windows.attributes.merging([
        "countIncludePad": .flag(countIncludePad), "divisor": .int(divisor ?? 0),
      ]) { $1 }
    case .adaptive(let size): ["size": .ints(size.extents)]
    }
  }
  var gradients: Gradients { { g, _ in [g.averageSpread(self)] } }

  func evaluate(_ x: Tensor) -> Tensor { x.backend.avgPool2d(x, geometry) }
}

extension Tensor {
  /// Puts each element of the output's size at its place in the input.
  fileprivate func spread(places: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    backend.maxPool2dGradient(self, places: places, geometry)
      .recorded("maxPool2d_gradient", inputs: [self], saving: [places]) { h, context in
        [h.picked(places: context.saved(0), geometry)]
      }
  }

  /// The elements of the input's size at the places.
  private func picked(places: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    backend.maxPool2dPick(self, places: places, geometry)
      .recorded("maxPool2d_pick", inputs: [self], saving: [places]) { g, context in
        [g.spread(places: context.saved(0), geometry)]
      }
  }

  /// Shares each element out to its window: the transpose of a pooling by averages.
  fileprivate func averageSpread(_ pool: AveragePool) -> Tensor {
    backend.avgPool2dGradient(self, pool.geometry).recorded("avgPool2d_gradient", inputs: [self]) { h, _ in
      [Tensor.apply(pool, h)]
    }
  }
}
