import NNCore

/// A convolution, a normalisation and an activation, with the keys `0`, `1`, `2`; as
/// `torchvision.ops.Conv2dNormActivation`.
///
/// Source: https://docs.pytorch.org/vision/stable/generated/torchvision.ops.Conv2dNormActivation.html
public final class Conv2dNormActivation: Sequential {
  /// - Parameters:
  ///   - padding: what keeps the size at stride 1 if nil, for odd kernels.
  ///   - bias: whether the convolution has one; only without a normalisation if nil.
  ///   - norm: makes the normalisation for a number of channels; nil leaves it out.
  ///   - activation: nil leaves it out.
  public init(
    _ inChannels: Int, _ outChannels: Int, kernelSize: Size2 = 3, stride: Size2 = 1, padding: Size2? = nil,
    dilation: Size2 = 1, groups: Int = 1, bias: Bool? = nil,
    norm: ((_ channels: Int) -> any CallableModule)? = { BatchNorm2d($0) },
    activation: (any CallableModule)? = ReLU()
  ) {
    let padding =
      padding
      ?? Size2(
        (kernelSize.height - 1) / 2 * dilation.height, (kernelSize.width - 1) / 2 * dilation.width)
    let conv = Conv2d(
      inChannels, outChannels, kernelSize: kernelSize, stride: stride, padding: .symmetric(padding),
      dilation: dilation, groups: groups, bias: bias ?? (norm == nil))
    super.init([conv] + [norm?(outChannels), activation].compactMap { $0 })
  }
}

/// Scales each channel of images [N, C, H, W] by a factor computed from the averages of all channels; as
/// `torchvision.ops.SqueezeExcitation` (Hu et al., 2018).
///
/// Source: https://docs.pytorch.org/vision/stable/generated/torchvision.ops.SqueezeExcitation.html
public final class SqueezeExcitation: Module, Layer {
  public let avgpool = AdaptiveAvgPool2d(1)
  public let fc1: Conv2d
  public let fc2: Conv2d
  public let activation: any CallableModule
  @Key("scale_activation") public private(set) var scaleActivation: any CallableModule

  /// - Parameters:
  ///   - channels: of input and output.
  ///   - squeezed: channels between the two 1x1 convolutions.
  ///   - activation: behind the first of them.
  ///   - scaleActivation: behind the second; gives the factors.
  public init(
    _ channels: Int, squeeze squeezed: Int, activation: any CallableModule = ReLU(),
    scaleActivation: any CallableModule = Sigmoid()
  ) {
    fc1 = Conv2d(channels, squeezed, kernelSize: 1)
    fc2 = Conv2d(squeezed, channels, kernelSize: 1)
    self.activation = activation
    super.init()
    self.scaleActivation = scaleActivation
  }

  public func forward(_ x: Tensor) -> Tensor {
    scaleActivation.calledWithHooks(fc2(activation.calledWithHooks(fc1(avgpool(x))))) * x
  }
}
