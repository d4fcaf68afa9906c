// Convolutions (cross-correlations, as in PyTorch). A convolution, its gradient with respect to the input and that
// with respect to the weights are three bilinear operations, and each one's derivatives are the two others: hence
// derivatives of any order. Results have PyTorch's shape (N, C, H, W) and lie in memory as N, H, W, C.

extension Tensor {
  /// 2-D convolution, as `torch.nn.functional.conv2d`.
  ///
  /// - Parameters:
  ///   - weight: [outputs, channels / groups, height, width].
  ///   - bias: [outputs].
  ///   - padding: zeros around the image; `"same"` needs stride 1, `.sameUpper` does not.
  ///   - dilation: distance of the kernel's taps in the image.
  ///   - groups: number of independent convolutions that channels and outputs are divided among.
  /// - Returns: [N, outputs, H', W'] for an image batch [N, C, H, W], H' = (H + 2·padding - dilation·(height - 1) - 1)
  ///   / stride + 1, rounded down; without N for a single image [C, H, W].
  public func conv2d(
    _ weight: Tensor, bias: Tensor? = nil, stride: Size2 = 1, padding: Padding2 = 0, dilation: Size2 = 1,
    groups: Int = 1
  ) -> Tensor {
    convolution(weight, bias, stride: stride, padding: padding, dilation: dilation, groups: groups, "conv2d")
  }

  /// 1-D convolution over [N, C, L] (or [C, L]) with weights [outputs, channels / groups, length]; see `conv2d`.
  public func conv1d(
    _ weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Padding1 = 0, dilation: Int = 1,
    groups: Int = 1
  ) -> Tensor {
    require(weight.rank == 3, "conv1d", "needs weights [O, C/groups, l], got \(weight.shape)")
    guard
      fits(
        rank == 3 || rank == 2, "conv1d",
        "needs an input [N, C, L] for weights \(weight.shape), got \(shape)")
    else { return weight.backend.fill([shape.first ?? 1, weight.shape[0], 1], 0, dtype: weight.dtype) }
    let padding: Padding2 =
      switch padding {
      case .symmetric(let size): .symmetric(Size2(0, size))
      case .same: .same
      case .sameUpper: .sameUpper
      case .valid: .valid
      }
    return unsqueeze(-2).convolution(
      weight.unsqueeze(2), bias, stride: Size2(1, stride), padding: padding, dilation: Size2(1, dilation),
      groups: groups, "conv1d"
    ).squeeze(-2)
  }

  private func convolution(
    _ weight: Tensor, _ bias: Tensor?, stride: Size2, padding: Padding2, dilation: Size2, groups: Int,
    _ name: StaticString
  ) -> Tensor {
    if rank == 3 {
      return unsqueeze(0).convolution(
        weight, bias, stride: stride, padding: padding, dilation: dilation, groups: groups, name
      ).squeeze(0)
    }
    checkConvolution(weight, stride: stride, dilation: dilation, groups: groups, name)
    requireBias(bias, weight.shape[0], name)
    guard hasImages(like: weight, bias, name),
      fits(
        weight.shape[1] * groups == shape[1] && weight.shape[0] % groups == 0, name, .channels,
        "input \(shape) and weight \(weight.shape) do not fit with \(groups) groups")
    else { return weight.backend.fill([shape.first ?? 1, weight.shape[0], 1, 1], 0, dtype: weight.dtype) }
    switch padding {
    case .symmetric(let size):
      require(size.height >= 0 && size.width >= 0, name, "padding \(size) is negative")
    case .same: require(stride == 1, name, "padding \"same\" needs stride 1, got \(stride)")
    case .sameUpper, .valid: break
    }
    let rows = padding.ends(
      \.height, size: shape[2], kernel: weight.shape[2], stride: stride.height, dilation: dilation.height)
    let columns = padding.ends(
      \.width, size: shape[3], kernel: weight.shape[3], stride: stride.width, dilation: dilation.width)
    // Places that the kernel can be moved to from the first one.
    let room = Size2(
      shape[2] + rows.before + rows.behind - dilation.height * (weight.shape[2] - 1) - 1,
      shape[3] + columns.before + columns.behind - dilation.width * (weight.shape[3] - 1) - 1)
    guard
      fits(
        room.height >= 0 && room.width >= 0, name, .tooSmall,
        "kernel \(weight.shape) with dilation \(dilation) is larger than the padded input \(shape)")
    else { return backend.fill([shape[0], weight.shape[0], 1, 1], 0, dtype: dtype) }
    let size = Size2(room.height / stride.height + 1, room.width / stride.width + 1)
    let geometry = ConvolutionGeometry(
      stride: stride, padding: Size2(rows.before, columns.before), dilation: dilation, groups: groups)
    return Tensor.apply(
      Convolution(
        geometry: geometry, outputSize: size, paddingBehind: Size2(rows.behind, columns.behind)),
      [self, weight] + (bias.map { [$0] } ?? []))
  }

  private func hasImages(like weight: Tensor, _ bias: Tensor?, _ name: StaticString) -> Bool {
    fits(
      rank == 4, name,
      "needs an image batch [N, C, H, W] and weights of 4 dimensions, got \(shape) and \(weight.shape)")
      && fits(
        dtype.isFloatingPoint && Tensor.meet(self, weight, .lower) && Tensor.meet(self, bias ?? self, .lower),
        name, .type,
        "needs one floating-point type, got input \(dtype), weight \(weight.dtype), "
          + "bias \(bias?.dtype ?? dtype)")
  }

  private func checkConvolution(
    _ weight: Tensor, stride: Size2, dilation: Size2, groups: Int, _ name: StaticString
  ) {
    require(weight.rank == 4, name, "needs weights of 4 dimensions, got \(weight.shape)")
    require(
      groups > 0 && stride.height > 0 && stride.width > 0 && dilation.height > 0 && dilation.width > 0, name,
      "stride \(stride), dilation \(dilation) and groups \(groups) must be positive")
    require(weight.count > 0, name, "weight of shape \(weight.shape) is empty")
  }

  private func requireBias(_ bias: Tensor?, _ outputs: Int, _ name: StaticString) {
    if let bias {
      require(bias.shape == [outputs], name, "bias of shape \(bias.shape) for \(outputs) output channels")
    }
  }

  // MARK: Transposed

  /// 2-D transposed convolution, the gradient of `conv2d` as an operation of its own, as
  /// `torch.nn.functional.conv_transpose2d`.
  ///
  /// - Parameters:
  ///   - weight: [channels, outputs / groups, height, width].
  ///   - padding: rows and columns cut off at each side of the result.
  ///   - outputPadding: rows and columns added at the bottom and right; less than stride or dilation.
  /// - Returns: [N, outputs, H', W'], H' = (H - 1)·stride - 2·padding + dilation·(height - 1) + 1 + outputPadding.
  public func convTranspose2d(
    _ weight: Tensor, bias: Tensor? = nil, stride: Size2 = 1, padding: Size2 = 0, outputPadding: Size2 = 0,
    groups: Int = 1, dilation: Size2 = 1
  ) -> Tensor {
    transposedConvolution(
      weight, bias, ConvolutionGeometry(stride: stride, padding: padding, dilation: dilation, groups: groups),
      outputPadding, "convTranspose2d")
  }

  /// 1-D transposed convolution over [N, C, L] (or [C, L]) with weights [channels, outputs / groups, length]; see
  /// `convTranspose2d`.
  public func convTranspose1d(
    _ weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, outputPadding: Int = 0,
    groups: Int = 1, dilation: Int = 1
  ) -> Tensor {
    require(
      (rank == 3 || rank == 2) && weight.rank == 3, "convTranspose1d",
      "needs an input [N, C, L] and weights [C, O/groups, l], got \(shape) and \(weight.shape)")
    let geometry = ConvolutionGeometry(
      stride: Size2(1, stride), padding: Size2(0, padding), dilation: Size2(1, dilation), groups: groups)
    return unsqueeze(-2).transposedConvolution(
      weight.unsqueeze(2), bias, geometry, Size2(0, outputPadding), "convTranspose1d"
    ).squeeze(-2)
  }

  private func transposedConvolution(
    _ weight: Tensor, _ bias: Tensor?, _ geometry: ConvolutionGeometry, _ outputPadding: Size2,
    _ name: StaticString
  ) -> Tensor {
    if rank == 3 {
      return unsqueeze(0).transposedConvolution(weight, bias, geometry, outputPadding, name).squeeze(0)
    }
    let (stride, dilation) = (geometry.stride, geometry.dilation)
    checkConvolution(weight, stride: stride, dilation: dilation, groups: geometry.groups, name)
    let outputs = weight.shape[1] * geometry.groups
    requireBias(bias, outputs, name)
    guard hasImages(like: weight, bias, name),
      fits(
        weight.shape[0] == shape[1] && shape[1] % geometry.groups == 0, name, .channels,
        "input \(shape) and weight \(weight.shape) do not fit with \(geometry.groups) groups")
    else { return weight.backend.fill([shape.first ?? 1, outputs, 1, 1], 0, dtype: weight.dtype) }
    func length(_ axis: Int, _ size: WritableKeyPath<Size2, Int>) -> Int {
      require(
        geometry.padding[keyPath: size] >= 0 && outputPadding[keyPath: size] >= 0
          && outputPadding[keyPath: size] < Swift.max(stride[keyPath: size], dilation[keyPath: size]), name,
        "output padding \(outputPadding) must be less than stride \(stride) or dilation \(dilation)")
      return (shape[axis] - 1) * stride[keyPath: size] - 2 * geometry.padding[keyPath: size]
        + dilation[keyPath: size] * (weight.shape[axis] - 1) + 1 + outputPadding[keyPath: size]
    }
    let size = Size2(length(2, \.height), length(3, \.width))
    require(
      size.height > 0 && size.width > 0, name, "padding \(geometry.padding) leaves nothing of input \(shape)")
    return Tensor.apply(
      TransposedConvolution(geometry: geometry, imageSize: size, outputPadding: outputPadding),
      [self, weight] + (bias.map { [$0] } ?? []))
  }
}

// MARK: - Primitives: the three bilinear operations

private struct Convolution: VariadicPrimitive {
  let geometry: ConvolutionGeometry
  let outputSize: Size2
  /// Zeros behind the images, which only whoever watches asks for; those before them are in `geometry`.
  var paddingBehind: Size2 = 0

  var name: StaticString { "conv2d" }
  var autocast: AutocastRule { .lower }
  var attributes: [String: TraceAttribute] {
    geometry.attributes.merging([
      "pads": .ints(geometry.padding.extents + paddingBehind.extents)
    ]) { $1 }
  }
  var operandsWithRows: Int? { 1 }

  func evaluate(_ operands: [Tensor]) -> Evaluation {
    let (x, weight) = (operands[0], operands[1])
    let result = x.backend.conv2d(
      x, weight, bias: operands.count > 2 ? operands[2] : nil, geometry, outputSize: outputSize,
      mayBeLazy: !Tensor.shouldRecord(operands))
    let toImages = TransposedConvolution(geometry: geometry, imageSize: x.positions)
    let toWeight = WeightCorrelation(geometry: geometry, kernelSize: weight.positions)
    return Evaluation(result, saving: weight.requiresGrad ? [weight, x] : [weight]) { g, context in
      // The sums come first: a device may know them of a lazy gradient without computing that.
      let sums = context.needs(2) ? g.sum([0, 2, 3]) : nil
      return [
        context.needs(0) ? Tensor.applyUnwatched(toImages, [g, context.saved(0)]) : nil,
        context.needs(1) ? Tensor.applyUnwatched(toWeight, [g, context.saved(1)]) : nil, sums,
      ]
    }
  }
}

/// The gradient of `Convolution` with respect to its images.
private struct TransposedConvolution: VariadicPrimitive {
  let geometry: ConvolutionGeometry
  let imageSize: Size2
  /// What of the image's size does not follow from the operand's, which only whoever watches asks for.
  var outputPadding: Size2 = 0

  var name: StaticString { "convTranspose2d" }
  var autocast: AutocastRule { .lower }
  var attributes: [String: TraceAttribute] {
    geometry.attributes.merging([
      "padding": .ints(geometry.padding.extents), "outputPadding": .ints(outputPadding.extents),
    ]) { $1 }
  }
  var operandsWithRows: Int? { 1 }

  func evaluate(_ operands: [Tensor]) -> Evaluation {
    let (x, weight) = (operands[0], operands[1])
    let result = x.backend.conv2dInputGradient(
      x, weight, bias: operands.count > 2 ? operands[2] : nil, geometry, inputSize: imageSize)
    let back = Convolution(geometry: geometry, outputSize: x.positions)
    let toWeight = WeightCorrelation(geometry: geometry, kernelSize: weight.positions)
    return Evaluation(result, saving: weight.requiresGrad ? [weight, x] : [weight]) { g, context in
      [
        context.needs(0) ? Tensor.applyUnwatched(back, [g, context.saved(0)]) : nil,
        context.needs(1) ? Tensor.applyUnwatched(toWeight, [context.saved(1), g]) : nil,
        context.needs(2) ? g.sum([0, 2, 3]) : nil,
      ]
    }
  }
}

/// The gradient of `Convolution` with respect to its weight, of the result's gradient and the images.
private struct WeightCorrelation: VariadicPrimitive {
  let geometry: ConvolutionGeometry
  let kernelSize: Size2

  var name: StaticString { "conv2d_weight" }

  func evaluate(_ operands: [Tensor]) -> Evaluation {
    let (g, x) = (operands[0], operands[1])
    let result = g.backend.conv2dWeightGradient(g, x, geometry, kernelSize: kernelSize)
    let toGradient = Convolution(geometry: geometry, outputSize: g.positions)
    let toImages = TransposedConvolution(geometry: geometry, imageSize: x.positions)
    return Evaluation(result, saving: [g, x]) { weight, context in
      [
        context.needs(0) ? Tensor.applyUnwatched(toGradient, [context.saved(1), weight]) : nil,
        context.needs(1) ? Tensor.applyUnwatched(toImages, [context.saved(0), weight]) : nil,
      ]
    }
  }
}

extension ConvolutionGeometry {
  fileprivate var attributes: [String: TraceAttribute] {
    ["strides": .ints(stride.extents), "dilations": .ints(dilation.extents), "groups": .int(groups)]
  }
}

extension Tensor {
  /// Height and width of images or kernels.
  fileprivate var positions: Size2 { Size2(shape[2], shape[3]) }
}
