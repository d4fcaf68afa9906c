import NNCore

/// 2-D convolution over images [N, C, H, W] (or one [C, H, W]); as `torch.nn.Conv2d`.
///
///     Conv2d(3, 64, kernelSize: 3, padding: 1)
///     Conv2d(64, 64, kernelSize: [3, 1], stride: 2, padding: "valid", bias: false)
///
/// Starts from PyTorch's defaults, drawn in its order: the weight uniform in ±1/√fanIn, then the bias in the same
/// range; fanIn = inChannels / groups · kernel area.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
open class Conv2d: Module, Layer {
  /// [outChannels, inChannels / groups, height, width].
  public let weight: Parameter
  /// [outChannels], nil without bias.
  public let bias: Parameter?
  public let inChannels: Int
  public let outChannels: Int
  public let kernelSize: Size2
  public let stride: Size2
  public let padding: Padding2
  public let dilation: Size2
  public let groups: Int
  public let paddingMode: PaddingMode

  /// - Parameters:
  ///   - padding: what surrounds the image: a number, `[height, width]`, `"same"` (needs stride 1), `"valid"` or
  ///     `.sameUpper` (TensorFlow's "same").
  ///   - dilation: distance of the kernel's taps.
  ///   - groups: number of independent convolutions that the channels are divided among.
  ///   - paddingMode: what the padding is filled with; `.constant` stands for zeros.
  public init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: Size2, stride: Size2 = 1, padding: Padding2 = 0,
    dilation: Size2 = 1, groups: Int = 1, bias: Bool = true, paddingMode: PaddingMode = .constant
  ) {
    requireGroups(groups, inChannels, outChannels, "Conv2d")
    self.paddingMode = paddingMode
    self.inChannels = inChannels
    self.outChannels = outChannels
    self.kernelSize = kernelSize
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
    let shape = [outChannels, inChannels / groups, kernelSize.height, kernelSize.width]
    weight = Parameter(Init.defaultWeight(shape))
    self.bias = bias ? Parameter(Init.defaultBias(outChannels, weightShape: shape)) : nil
  }

  open func forward(_ x: Tensor) -> Tensor {
    if paddingMode != .constant {
      let (height, width) = (x.shape[x.rank - 2], x.shape[x.rank - 1])
      let rows = padding.ends(
        \.height, size: height, kernel: kernelSize.height, stride: stride.height, dilation: dilation.height)
      let columns = padding.ends(
        \.width, size: width, kernel: kernelSize.width, stride: stride.width, dilation: dilation.width)
      return x.pad([columns.before, columns.behind, rows.before, rows.behind], mode: paddingMode).conv2d(
        weight.value, bias: bias?.value, stride: stride, dilation: dilation, groups: groups)
    }
    return x.conv2d(
      weight.value, bias: bias?.value, stride: stride, padding: padding, dilation: dilation, groups: groups)
  }

  open override var extraDescription: String {
    var text = "\(inChannels), \(outChannels), kernelSize: \(kernelSize), stride: \(stride)"
    if padding != 0 && padding != .valid { text += ", padding: \(described(padding))" }
    if dilation != 1 { text += ", dilation: \(dilation)" }
    if groups != 1 { text += ", groups: \(groups)" }
    if bias == nil { text += ", bias: false" }
    return paddingMode == .constant ? text : text + ", paddingMode: \(paddingMode)"
  }
}

/// 1-D convolution over sequences [N, C, L] (or one [C, L]); as `torch.nn.Conv1d`. See ``Conv2d``.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv1d.html
open class Conv1d: Module, Layer {
  /// [outChannels, inChannels / groups, length].
  public let weight: Parameter
  /// [outChannels], nil without bias.
  public let bias: Parameter?
  public let inChannels: Int
  public let outChannels: Int
  public let kernelSize: Int
  public let stride: Int
  public let padding: Padding1
  public let dilation: Int
  public let groups: Int
  public let paddingMode: PaddingMode

  /// - Parameters:
  ///   - padding: what stands at either end: a number, `"same"` (needs stride 1) or `"valid"`.
  ///   - dilation: distance of the kernel's taps.
  ///   - groups: number of independent convolutions that the channels are divided among.
  ///   - paddingMode: what the padding is filled with; `.constant` stands for zeros.
  public init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: Int, stride: Int = 1, padding: Padding1 = 0,
    dilation: Int = 1, groups: Int = 1, bias: Bool = true, paddingMode: PaddingMode = .constant
  ) {
    requireGroups(groups, inChannels, outChannels, "Conv1d")
    self.paddingMode = paddingMode
    self.inChannels = inChannels
    self.outChannels = outChannels
    self.kernelSize = kernelSize
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
    let shape = [outChannels, inChannels / groups, kernelSize]
    weight = Parameter(Init.defaultWeight(shape))
    self.bias = bias ? Parameter(Init.defaultBias(outChannels, weightShape: shape)) : nil
  }

  open func forward(_ x: Tensor) -> Tensor {
    if paddingMode != .constant {
      let ends = padding.ends(
        \.self, size: x.shape[x.rank - 1], kernel: kernelSize, stride: stride, dilation: dilation)
      return x.pad([ends.before, ends.behind], mode: paddingMode).conv1d(
        weight.value, bias: bias?.value, stride: stride, dilation: dilation, groups: groups)
    }
    return x.conv1d(
      weight.value, bias: bias?.value, stride: stride, padding: padding, dilation: dilation, groups: groups)
  }

  open override var extraDescription: String {
    var text = "\(inChannels), \(outChannels), kernelSize: \(kernelSize), stride: \(stride)"
    if padding != 0 && padding != .valid { text += ", padding: \(described(padding))" }
    if dilation != 1 { text += ", dilation: \(dilation)" }
    if groups != 1 { text += ", groups: \(groups)" }
    if bias == nil { text += ", bias: false" }
    return paddingMode == .constant ? text : text + ", paddingMode: \(paddingMode)"
  }
}

/// 2-D transposed convolution over images [N, C, H, W] (or one [C, H, W]): the gradient of ``Conv2d`` as a layer of
/// its own; as `torch.nn.ConvTranspose2d`.
///
/// H' = (H - 1) · stride - 2 · padding + dilation · (kernel - 1) + 1 + outputPadding.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html
open class ConvTranspose2d: Module, Layer {
  /// [inChannels, outChannels / groups, height, width].
  public let weight: Parameter
  /// [outChannels], nil without bias.
  public let bias: Parameter?
  public let inChannels: Int
  public let outChannels: Int
  public let kernelSize: Size2
  public let stride: Size2
  public let padding: Size2
  public let outputPadding: Size2
  public let dilation: Size2
  public let groups: Int

  /// - Parameters:
  ///   - padding: rows and columns cut off at each side of the result.
  ///   - outputPadding: rows and columns added at the bottom and right; less than stride or dilation.
  public init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: Size2, stride: Size2 = 1, padding: Size2 = 0,
    outputPadding: Size2 = 0, groups: Int = 1, bias: Bool = true, dilation: Size2 = 1
  ) {
    requireGroups(groups, inChannels, outChannels, "ConvTranspose2d")
    self.inChannels = inChannels
    self.outChannels = outChannels
    self.kernelSize = kernelSize
    self.stride = stride
    self.padding = padding
    self.outputPadding = outputPadding
    self.dilation = dilation
    self.groups = groups
    let shape = [inChannels, outChannels / groups, kernelSize.height, kernelSize.width]
    weight = Parameter(Init.defaultWeight(shape))
    self.bias = bias ? Parameter(Init.defaultBias(outChannels, weightShape: shape)) : nil
  }

  open func forward(_ x: Tensor) -> Tensor {
    x.convTranspose2d(
      weight.value, bias: bias?.value, stride: stride, padding: padding, outputPadding: outputPadding,
      groups: groups, dilation: dilation)
  }

  open override var extraDescription: String {
    var text = "\(inChannels), \(outChannels), kernelSize: \(kernelSize), stride: \(stride)"
    if padding != 0 { text += ", padding: \(padding)" }
    if outputPadding != 0 { text += ", outputPadding: \(outputPadding)" }
    if groups != 1 { text += ", groups: \(groups)" }
    if bias == nil { text += ", bias: false" }
    return dilation != 1 ? text + ", dilation: \(dilation)" : text
  }
}

/// 1-D transposed convolution over sequences [N, C, L] (or one [C, L]); as `torch.nn.ConvTranspose1d`. See
/// ``ConvTranspose2d``.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose1d.html
open class ConvTranspose1d: Module, Layer {
  /// [inChannels, outChannels / groups, length].
  public let weight: Parameter
  /// [outChannels], nil without bias.
  public let bias: Parameter?
  public let inChannels: Int
  public let outChannels: Int
  public let kernelSize: Int
  public let stride: Int
  public let padding: Int
  public let outputPadding: Int
  public let dilation: Int
  public let groups: Int

  public init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0,
    outputPadding: Int = 0, groups: Int = 1, bias: Bool = true, dilation: Int = 1
  ) {
    requireGroups(groups, inChannels, outChannels, "ConvTranspose1d")
    self.inChannels = inChannels
    self.outChannels = outChannels
    self.kernelSize = kernelSize
    self.stride = stride
    self.padding = padding
    self.outputPadding = outputPadding
    self.dilation = dilation
    self.groups = groups
    let shape = [inChannels, outChannels / groups, kernelSize]
    weight = Parameter(Init.defaultWeight(shape))
    self.bias = bias ? Parameter(Init.defaultBias(outChannels, weightShape: shape)) : nil
  }

  open func forward(_ x: Tensor) -> Tensor {
    x.convTranspose1d(
      weight.value, bias: bias?.value, stride: stride, padding: padding, outputPadding: outputPadding,
      groups: groups, dilation: dilation)
  }

  open override var extraDescription: String {
    "\(inChannels), \(outChannels), kernelSize: \(kernelSize), stride: \(stride), padding: \(padding), "
      + "outputPadding: \(outputPadding), groups: \(groups), bias: \(bias != nil), dilation: \(dilation)"
  }
}

private func requireGroups(_ groups: Int, _ inputs: Int, _ outputs: Int, _ name: StaticString) {
  require(
    groups > 0 && inputs > 0 && outputs > 0 && inputs % groups == 0 && outputs % groups == 0, name,
    "\(inputs) and \(outputs) channels must be positive and divide into \(groups) groups")
}

private func described<Size>(_ padding: Padding<Size>) -> String {
  switch padding {
  case .symmetric(let size): "\(size)"
  case .same: "same"
  case .sameUpper: "sameUpper"
  case .valid: "valid"
  }
}
