// swift-format-ignore-file: AlwaysUseLowerCamelCase (the names of the networks are torchvision's)
import NNCore
import NNLayers

/// ConvNeXt (Liu et al., "A ConvNet for the 2020s", 2022): a convolutional network built like a transformer. Needs
/// images of at least 32x32.
///
/// ```text
/// stage       output    tiny: channels, blocks
/// stem        56x56       96          4x4 convolution with stride 4
/// stage 1     56x56       96,  3
/// stage 2     28x28      192,  3      each but the first begins with a 2x2 convolution with stride 2
/// stage 3     14x14      384,  9
/// stage 4     7x7        768,  3
/// average over the image, layer normalisation, linear layer
/// ```
///
/// Starts from truncated normal weights of standard deviation 0.02, and biases of 0.
///
/// Source: https://docs.pytorch.org/vision/stable/models/convnext.html
public final class ConvNeXt: Module, ImageClassifier {
  public let features: Sequential
  public let avgpool = AdaptiveAvgPool2d(1)
  /// Layer normalisation, and the head.
  public let classifier: Sequential

  /// - Parameters:
  ///   - stages: channels and number of blocks of each stage.
  ///   - stochasticDepth: probability with which a sample skips the last block in training; grows from 0 at the
  ///     first block in equal steps.
  ///   - layerScale: starting value of the factors of each block.
  public init(
    _ stages: [(channels: Int, blocks: Int)], classes: Int = 1000, stochasticDepth: Double,
    layerScale: Double = 1e-6
  ) {
    require(!stages.isEmpty, "ConvNeXt", "needs at least one stage")
    func norm(_ channels: Int) -> any CallableModule { LayerNorm2d(channels, epsilon: 1e-6) }
    let total = stages.reduce(0) { $0 + $1.blocks }
    var (channels, place) = (stages[0].channels, 0)
    features = Sequential(
      Conv2dNormActivation(
        3, channels, kernelSize: 4, stride: 4, padding: 0, bias: true, norm: norm, activation: nil))
    for (index, stage) in stages.enumerated() {
      if index > 0 {
        features.append(
          Sequential(norm(channels), Conv2d(channels, stage.channels, kernelSize: 2, stride: 2)))
      }
      channels = stage.channels
      features.append(
        Sequential(
          (0..<stage.blocks).map { _ in
            defer { place += 1 }
            return ConvNeXtBlock(
              channels, layerScale: layerScale,
              dropProbability: stochasticDepth * Double(place) / Double(max(1, total - 1)))
          }))
    }
    classifier = Sequential(norm(channels), Flatten(), Linear(channels, classes))
    super.init()
    func truncated(_ weight: Parameter) -> Tensor { Init.truncNormal(weight.shape, std: 0.02) }
    drawWeights(convolution: truncated, linear: truncated)
  }

  public var stages: [Stage] {
    [Stage("features", features), Stage("avgpool", avgpool), Stage("classifier", classifier)]
  }

  public func replaceHead(classes: Int) { classifier.replaceLastLinear(classes: classes) }
}

/// A depthwise 7x7 convolution, layer normalisation, and two linear layers over the channels with four times as many
/// between them; the result is scaled per channel and added to the input.
public final class ConvNeXtBlock: Module, Layer {
  public let block: Sequential
  /// [C, 1, 1].
  @Key("layer_scale") public private(set) var layerScale: Parameter
  @Key("stochastic_depth") public private(set) var stochasticDepth: StochasticDepth

  init(_ channels: Int, layerScale start: Double, dropProbability: Double) {
    block = Sequential(
      Conv2d(channels, channels, kernelSize: 7, padding: 3, groups: channels), Permute([0, 2, 3, 1]),
      LayerNorm(channels, epsilon: 1e-6), Linear(channels, 4 * channels), GELU(),
      Linear(4 * channels, channels),
      Permute([0, 3, 1, 2]))
    super.init()
    layerScale = Parameter(Tensor.full([channels, 1, 1], start))
    stochasticDepth = StochasticDepth(dropProbability, mode: .row)
  }

  public func forward(_ x: Tensor) -> Tensor { stochasticDepth(layerScale.value * block(x)) + x }
}

/// ConvNeXt tiny: 28.6 million parameters.
public let convnext_tiny = Architecture(
  "convnext_tiny",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "convnext_tiny-983f1562.pth", parameters: 28_589_128,
      accuracy: [82.52, 96.146], minimumSize: 32, transforms: ImageClassification(resize: 236))
  ]
) { ConvNeXt([(96, 3), (192, 3), (384, 9), (768, 3)], classes: $0, stochasticDepth: 0.1) }

/// ConvNeXt small: 50.2 million parameters.
public let convnext_small = Architecture(
  "convnext_small",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "convnext_small-0c510722.pth", parameters: 50_223_688,
      accuracy: [83.616, 96.65], minimumSize: 32, transforms: ImageClassification(resize: 230))
  ]
) { ConvNeXt([(96, 3), (192, 3), (384, 27), (768, 3)], classes: $0, stochasticDepth: 0.4) }
/// ConvNeXt base: 88.6 million parameters.
public let convnext_base = Architecture(
  "convnext_base",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "convnext_base-6075fbad.pth", parameters: 88_591_464,
      accuracy: [84.062, 96.87], minimumSize: 32, transforms: ImageClassification(resize: 232))
  ]
) { ConvNeXt([(128, 3), (256, 3), (512, 27), (1024, 3)], classes: $0, stochasticDepth: 0.5) }
/// ConvNeXt large: 197.8 million parameters.
public let convnext_large = Architecture(
  "convnext_large",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "convnext_large-ea097f82.pth", parameters: 197_767_336,
      accuracy: [84.414, 96.976], minimumSize: 32, transforms: ImageClassification(resize: 232))
  ]
) { ConvNeXt([(192, 3), (384, 3), (768, 27), (1536, 3)], classes: $0, stochasticDepth: 0.5) }

extension ConvNeXt {
  /// The members of the family.
  static let architectures: [any ArchitectureRow] = [
    convnext_tiny, convnext_small, convnext_base, convnext_large,
  ]
}
