import NNCore

/// 3-D convolution over volumes [N, C, D, H, W]; as `torch.nn.Conv3d` with padding by zeros.
///
/// Composed: the planes that a kernel meets become channels of a 2-D convolution, so they are copied once per plane of the
/// kernel. Starts from PyTorch's defaults, as ``Conv2d``.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv3d.html
public final class Conv3d: Module, Layer {
  /// [outChannels, inChannels / groups, depth, height, width].
  public let weight: Parameter
  /// [outChannels], nil without bias.
  public let bias: Parameter?
  public let inChannels: Int
  public let outChannels: Int
  /// Depth, height and width each.
  public let kernelSize, stride, padding, dilation: [Int]
  public let groups: Int

  /// - Parameters:
  ///   - kernelSize, stride, padding, dilation: one number, or three for depth, height and width.
  ///   - groups: number of independent convolutions that the channels are divided among.
  public init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: [Int], stride: [Int] = [1], padding: [Int] = [0],
    dilation: [Int] = [1], groups: Int = 1, bias: Bool = true
  ) {
    func three(_ sizes: [Int], _ name: String, least: Int) -> [Int] {
      require(
        (sizes.count == 1 || sizes.count == 3) && sizes.allSatisfy { $0 >= least }, "Conv3d",
        "\(name) must be one or three numbers of at least \(least), got \(sizes)")
      return sizes.count == 1 ? [sizes[0], sizes[0], sizes[0]] : sizes
    }
    requireGroups(groups, inChannels, outChannels, "Conv3d")
    self.inChannels = inChannels
    self.outChannels = outChannels
    self.kernelSize = three(kernelSize, "kernelSize", least: 1)
    self.stride = three(stride, "stride", least: 1)
    self.padding = three(padding, "padding", least: 0)
    self.dilation = three(dilation, "dilation", least: 1)
    self.groups = groups
    let shape = [outChannels, inChannels / groups] + self.kernelSize
    weight = Parameter(Init.defaultWeight(shape))
    self.bias = bias ? Parameter(Init.defaultBias(outChannels, weightShape: shape)) : nil
  }

  public convenience init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0,
    dilation: Int = 1, groups: Int = 1, bias: Bool = true
  ) {
    self.init(
      inChannels, outChannels, kernelSize: [kernelSize], stride: [stride], padding: [padding],
      dilation: [dilation], groups: groups, bias: bias)
  }

  public func forward(_ x: Tensor) -> Tensor {
    guard
      fits(
        x.rank == 5 && x.shape[1] == inChannels, "Conv3d", .channels,
        "Conv3d(\(inChannels), \(outChannels)) got an input of shape \(x.shape)")
    else { return x }
    let padded = padding[0] == 0 ? x : x.pad([0, 0, 0, 0, padding[0], padding[0]])
    let reach = dilation[0] * (kernelSize[0] - 1) + 1
    guard
      fits(
        padded.shape[2] >= reach, "Conv3d", "a kernel of depth \(reach) for an input of shape \(x.shape)")
    else { return x }
    let depth = (padded.shape[2] - reach) / stride[0] + 1
    let planes = (0..<kernelSize[0]).map { tap in
      let places = (0..<depth).map { tap * dilation[0] + $0 * stride[0] }
      return padded.indexSelect(2, index: Tensor(places).to(x.device))
    }
    let (samples, height, width) = (x.shape[0], x.shape[3], x.shape[4])
    // [N, C, taps, depth, H, W]: a channel with all planes that the kernel meets at a depth.
    let flat = stack(planes, axis: 2).permute(0, 3, 1, 2, 4, 5)
      .reshape(samples * depth, inChannels * kernelSize[0], height, width)
    let kernel = weight.value.reshape(
      outChannels, inChannels / groups * kernelSize[0], kernelSize[1], kernelSize[2])
    let y = flat.conv2d(
      kernel, bias: bias?.value, stride: [stride[1], stride[2]], padding: [padding[1], padding[2]],
      dilation: [dilation[1], dilation[2]], groups: groups)
    return y.reshape(samples, depth, outChannels, y.shape[2], y.shape[3]).permute(0, 2, 1, 3, 4)
  }

  public override var extraDescription: String {
    "\(inChannels), \(outChannels), kernelSize: \(kernelSize), stride: \(stride), padding: \(padding), "
      + "dilation: \(dilation), groups: \(groups)"
  }
}
