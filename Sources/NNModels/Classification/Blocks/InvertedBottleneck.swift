import NNCore
import NNLayers

/// A 1x1 convolution to more channels, a depthwise convolution, squeeze-and-excitation, and a 1x1 convolution to few
/// channels, with the input added where sizes agree: the block of MobileNet v3 (Howard et al., 2019) and of
/// EfficientNet (Tan and Le, 2019), which calls it MBConv.
public final class InvertedBottleneck: Module, Layer {
  public let block: Sequential
  /// Nil in MobileNet v3.
  @Key("stochastic_depth") public private(set) var stochasticDepth: StochasticDepth?
  private let isResidual: Bool

  /// - Parameters:
  ///   - inputs: channels of the input.
  ///   - expanded: channels of the depthwise convolution; the first convolution is left out if they are `inputs`.
  ///   - outputs: channels at the end.
  ///   - squeezed: channels inside squeeze-and-excitation; nil leaves it out.
  ///   - dropProbability: probability with which a sample skips the block in training; nil leaves that out.
  ///   - activation: made anew for each place.
  ///   - excitation: squeeze-and-excitation's two activations.
  init(
    from inputs: Int, expanded: Int, to outputs: Int, kernelSize: Int, stride: Int, squeeze squeezed: Int?,
    dropProbability: Double? = nil, norm: @escaping (Int) -> any CallableModule,
    activation: () -> any CallableModule,
    excitation: (any CallableModule, any CallableModule)
  ) {
    var layers: [any CallableModule] = []
    if expanded != inputs {
      layers.append(
        Conv2dNormActivation(inputs, expanded, kernelSize: 1, norm: norm, activation: activation()))
    }
    layers.append(
      Conv2dNormActivation(
        expanded, expanded, kernelSize: Size2(kernelSize), stride: Size2(stride), groups: expanded,
        norm: norm,
        activation: activation()))
    if let squeezed {
      layers.append(
        SqueezeExcitation(
          expanded, squeeze: squeezed, activation: excitation.0, scaleActivation: excitation.1))
    }
    layers.append(Conv2dNormActivation(expanded, outputs, kernelSize: 1, norm: norm, activation: nil))
    block = Sequential(layers)
    isResidual = stride == 1 && inputs == outputs
    super.init()
    stochasticDepth = dropProbability.map { StochasticDepth($0, mode: .row) }
  }

  public func forward(_ x: Tensor) -> Tensor {
    let y = block(x)
    return isResidual ? (stochasticDepth?(y) ?? y) + x : y
  }
}

/// A convolution to more channels and a 1x1 convolution to few channels, or one convolution where nothing is expanded,
/// with the input added where sizes agree: the block of EfficientNetV2's first stages (Tan and Le, 2021), which calls it
/// fused MBConv.
public final class FusedBottleneck: Module, Layer {
  public let block: Sequential
  @Key("stochastic_depth") public private(set) var stochasticDepth: StochasticDepth
  private let isResidual: Bool

  /// The parameters are those of ``InvertedBottleneck``.
  init(
    from inputs: Int, expanded: Int, to outputs: Int, kernelSize: Int, stride: Int, dropProbability: Double,
    norm: @escaping (Int) -> any CallableModule
  ) {
    let isExpanded = expanded != inputs
    var layers = [
      Conv2dNormActivation(
        inputs, isExpanded ? expanded : outputs, kernelSize: Size2(kernelSize), stride: Size2(stride),
        norm: norm, activation: SiLU())
    ]
    if isExpanded {
      layers.append(Conv2dNormActivation(expanded, outputs, kernelSize: 1, norm: norm, activation: nil))
    }
    block = Sequential(layers)
    isResidual = stride == 1 && inputs == outputs
    super.init()
    stochasticDepth = StochasticDepth(dropProbability, mode: .row)
  }

  public func forward(_ x: Tensor) -> Tensor {
    let y = block(x)
    return isResidual ? stochasticDepth(y) + x : y
  }
}

/// The multiple of 8 nearest to a scaled number of channels, but not less than nine tenths of it.
func channelCount(_ channels: Double) -> Int {
  let nearest = max(8, Int(channels + 4) / 8 * 8)
  return Double(nearest) < 0.9 * channels ? nearest + 8 : nearest
}
