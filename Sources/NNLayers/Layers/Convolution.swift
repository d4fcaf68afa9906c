import NNCore

/// The settings and parameters of a convolution: the common part of ``Conv1d`` and ``Conv2d``.
open class Convolution<Size: SpatialSize>: Module {
  /// [outChannels, inChannels / groups] and the kernel's size.
  public let weight: Parameter
  /// [outChannels], nil without bias.
  public let bias: Parameter?
  public private(set) var inChannels: Int
  public let outChannels: Int
  public let kernelSize: Size
  public let stride: Size
  public let padding: Padding<Size>
  public let dilation: Size
  public let groups: Int
  public let paddingMode: PaddingMode

  /// - Parameters:
  ///   - padding: what surrounds the input: a number, for images also `[height, width]`, `"same"` (needs stride 1),
  ///     `"valid"` or `.sameUpper` (TensorFlow's "same").
  ///   - dilation: distance of the kernel's taps.
  ///   - groups: number of independent convolutions that the channels are divided among.
  ///   - paddingMode: what the padding is filled with; `.constant` stands for zeros.
  public init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: Size, stride: Size = 1, padding: Padding<Size> = 0,
    dilation: Size = 1, groups: Int = 1, bias: Bool = true, paddingMode: PaddingMode = .constant
  ) {
    requireGroups(groups, inChannels, outChannels, kernelSize.extents.count == 1 ? "Conv1d" : "Conv2d")
    self.paddingMode = paddingMode
    self.inChannels = inChannels
    self.outChannels = outChannels
    self.kernelSize = kernelSize
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
    let shape = [outChannels, inChannels / groups] + kernelSize.extents
    weight = Parameter(Init.defaultWeight(shape))
    self.bias = bias ? Parameter(Init.defaultBias(outChannels, weightShape: shape)) : nil
  }

  /// Takes an input of other channels from now on.
  ///
  /// - Parameter weight: for as many outputs and the same kernel.
  package func takeInput(weight new: Tensor) {
    require(
      groups == 1 && new.rank == weight.shape.count && new.shape[0] == outChannels
        && Array(new.shape.dropFirst(2)) == kernelSize.extents, "Convolution.takeInput",
      "a weight \(new.shape) does not fit one of \(weight.shape) with \(groups) groups")
    weight.value = new
    inChannels = new.shape[1]
  }

  /// The input between what `paddingMode` puts at its ends, and the zeros that are left for the operation to add.
  func padded(_ x: Tensor) -> (input: Tensor, zeros: Padding<Size>) {
    if paddingMode == .constant { return (x, padding) }
    let first = x.rank - kernelSize.extents.count
    var ends: [Int] = []
    for axis in kernelSize.extents.indices.reversed() {
      let (before, behind) = padding.ends(
        \.extents[axis], size: x.shape[first + axis], kernel: kernelSize.extents[axis],
        stride: stride.extents[axis], dilation: dilation.extents[axis])
      ends += [before, behind]
    }
    return (x.pad(ends, mode: paddingMode), .valid)
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

/// 2-D convolution over images [N, C, H, W] (or one [C, H, W]); as `torch.nn.Conv2d`.
///
///     Conv2d(3, 64, kernelSize: 3, padding: 1)
///     Conv2d(64, 64, kernelSize: [3, 1], stride: 2, padding: "valid", bias: false)
///
/// Starts from PyTorch's defaults, drawn in its order: the weight uniform in ±1/√fanIn, then the bias in the same
/// range; fanIn = inChannels / groups · kernel area.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
open class Conv2d: Convolution<Size2>, Layer {
  open func forward(_ x: Tensor) -> Tensor {
    let (x, zeros) = padded(x)
    return x.conv2d(
      weight.value, bias: bias?.value, stride: stride, padding: zeros, dilation: dilation, groups: groups)
  }
}

/// 1-D convolution over sequences [N, C, L] (or one [C, L]); as `torch.nn.Conv1d`. See ``Conv2d``.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv1d.html
open class Conv1d: Convolution<Int>, Layer {
  open func forward(_ x: Tensor) -> Tensor {
    let (x, zeros) = padded(x)
    return x.conv1d(
      weight.value, bias: bias?.value, stride: stride, padding: zeros, dilation: dilation, groups: groups)
  }
}

/// The settings and parameters of a transposed convolution: the common part of ``ConvTranspose1d`` and
/// ``ConvTranspose2d``.
open class TransposedConvolution<Size: SpatialSize>: Module {
  /// [inChannels, outChannels / groups] and the kernel's size.
  public let weight: Parameter
  /// [outChannels], nil without bias.
  public let bias: Parameter?
  public let inChannels: Int
  public let outChannels: Int
  public let kernelSize: Size
  public let stride: Size
  public let padding: Size
  public let outputPadding: Size
  public let dilation: Size
  public let groups: Int

  /// - Parameters:
  ///   - padding: so much is cut off at each side of the result.
  ///   - outputPadding: so much is added at the end (the bottom, the right); less than stride or dilation.
  public init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: Size, stride: Size = 1, padding: Size = 0,
    outputPadding: Size = 0, groups: Int = 1, bias: Bool = true, dilation: Size = 1
  ) {
    requireGroups(
      groups, inChannels, outChannels,
      kernelSize.extents.count == 1 ? "ConvTranspose1d" : "ConvTranspose2d")
    self.inChannels = inChannels
    self.outChannels = outChannels
    self.kernelSize = kernelSize
    self.stride = stride
    self.padding = padding
    self.outputPadding = outputPadding
    self.dilation = dilation
    self.groups = groups
    let shape = [inChannels, outChannels / groups] + kernelSize.extents
    weight = Parameter(Init.defaultWeight(shape))
    self.bias = bias ? Parameter(Init.defaultBias(outChannels, weightShape: shape)) : nil
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

/// 2-D transposed convolution over images [N, C, H, W] (or one [C, H, W]): the gradient of ``Conv2d`` as a layer of
/// its own; as `torch.nn.ConvTranspose2d`.
///
/// H' = (H - 1) · stride - 2 · padding + dilation · (kernel - 1) + 1 + outputPadding.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html
open class ConvTranspose2d: TransposedConvolution<Size2>, Layer {
  open func forward(_ x: Tensor) -> Tensor {
    x.convTranspose2d(
      weight.value, bias: bias?.value, stride: stride, padding: padding, outputPadding: outputPadding,
      groups: groups, dilation: dilation)
  }
}

/// 1-D transposed convolution over sequences [N, C, L] (or one [C, L]); as `torch.nn.ConvTranspose1d`. See
/// ``ConvTranspose2d``.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose1d.html
open class ConvTranspose1d: TransposedConvolution<Int>, Layer {
  open func forward(_ x: Tensor) -> Tensor {
    x.convTranspose1d(
      weight.value, bias: bias?.value, stride: stride, padding: padding, outputPadding: outputPadding,
      groups: groups, dilation: dilation)
  }
}

func requireGroups(_ groups: Int, _ inputs: Int, _ outputs: Int, _ name: StaticString) {
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
