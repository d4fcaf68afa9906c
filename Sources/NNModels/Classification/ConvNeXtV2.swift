// swift-format-ignore-file: AlwaysUseLowerCamelCase (the names of the networks are timm's)
import NNCore
import NNLayers

/// ConvNeXt V2 (Woo et al., "ConvNeXt V2: co-designing and scaling ConvNets with masked autoencoders", 2023): ``ConvNeXt``
/// with ``GlobalResponseNorm`` in each block in place of a factor per channel. Needs images of at least 32x32. Layers and
/// keys are timm's; files under the authors' and transformers' keys are taken too.
///
/// ```text
/// stage       output    atto: channels, blocks
/// stem        56x56       40          4x4 convolution with stride 4
/// stage 1     56x56       40,  2
/// stage 2     28x28       80,  2      each but the first begins with a 2x2 convolution with stride 2
/// stage 3     14x14      160,  6
/// stage 4     7x7        320,  2
/// average over the image, layer normalisation, linear layer
/// ```
///
/// Starts from truncated normal weights of standard deviation 0.02, and biases of 0.
///
/// Source: https://github.com/huggingface/pytorch-image-models (models/convnext.py),
/// https://github.com/facebookresearch/ConvNeXt-V2
public final class ConvNeXtV2: Module, ImageClassifier {
  public let stem: Sequential
  @Key("stages") public private(set) var trunk: Sequential
  /// Layer normalisation, dropout, and the linear layer `fc`.
  public let head: Sequential

  /// - Parameters:
  ///   - stages: channels and number of blocks of each stage.
  ///   - pointwise: whether the weights of the linear layers in blocks have the shape of 1x1 convolutions', as timm's
  ///     small networks have them. The function is the same.
  ///   - dropout: of the pooled features in training.
  ///   - stochasticDepth: probability with which a sample skips the last block in training; grows from 0 at the first
  ///     block in equal steps.
  public init(
    _ stages: [(channels: Int, blocks: Int)], pointwise: Bool, classes: Int = 1000, dropout: Double = 0,
    stochasticDepth: Double = 0
  ) {
    require(!stages.isEmpty, "ConvNeXtV2", "needs at least one stage")
    let total = stages.reduce(0) { $0 + $1.blocks }
    var (channels, place) = (stages[0].channels, 0)
    stem = Sequential(Conv2d(3, channels, kernelSize: 4, stride: 4), LayerNorm2d(channels, epsilon: 1e-6))
    let trunk = Sequential([])
    for (index, stage) in stages.enumerated() {
      let part = Sequential([])
      if index > 0 {
        part.append(
          Sequential(
            LayerNorm2d(channels, epsilon: 1e-6),
            Conv2d(channels, stage.channels, kernelSize: 2, stride: 2)),
          named: "downsample")
      }
      channels = stage.channels
      part.append(
        Sequential(
          (0..<stage.blocks).map { _ in
            defer { place += 1 }
            return ConvNeXtV2Block(
              channels, pointwise: pointwise,
              dropProbability: stochasticDepth * Double(place) / Double(max(1, total - 1)))
          }), named: "blocks")
      trunk.append(part)
    }
    head = Sequential([
      "norm": LayerNorm(channels, epsilon: 1e-6), "drop": Dropout(dropout), "fc": Linear(channels, classes),
    ])
    super.init()
    self.trunk = trunk
    func truncated(_ weight: Parameter) -> Tensor { Init.truncNormal(weight.shape, std: 0.02) }
    drawWeights(convolution: truncated, linear: truncated)
  }

  public var stages: [Stage] {
    [
      Stage("stem", stem), Stage("stages", trunk), Stage("global_pool") { $0.mean([2, 3]) },
      Stage("head", head),
    ]
  }

  public func replaceHead(classes: Int) { head.replaceLastLinear(classes: classes) }
}

/// A depthwise 7x7 convolution, layer normalisation, and two linear layers over the channels with four times as many
/// between them; added to the input.
public final class ConvNeXtV2Block: Module, Layer {
  @Key("conv_dw") public private(set) var depthwise: Conv2d
  public let norm: LayerNorm
  /// Linear layer, GELU, global response normalisation, linear layer.
  public let mlp: Sequential
  @Key("drop_path") public private(set) var skip: StochasticDepth

  init(_ channels: Int, pointwise: Bool, dropProbability: Double) {
    func linear(_ inputs: Int, _ outputs: Int) -> any CallableModule {
      pointwise ? PointwiseLinear(inputs, outputs) : Linear(inputs, outputs)
    }
    let convolution = Conv2d(channels, channels, kernelSize: 7, padding: 3, groups: channels)
    norm = LayerNorm(channels, epsilon: 1e-6)
    mlp = Sequential([
      "fc1": linear(channels, 4 * channels), "act": GELU(), "grn": GlobalResponseNorm(4 * channels),
      "fc2": linear(4 * channels, channels),
    ])
    super.init()
    depthwise = convolution
    skip = StochasticDepth(dropProbability, mode: .row)
  }

  public func forward(_ x: Tensor) -> Tensor {
    // Features last, as all layers behind the convolution take them.
    skip(mlp(norm(depthwise(x).permute(0, 2, 3, 1))).permute(0, 3, 1, 2)) + x
  }
}

// MARK: The networks

/// - Parameter tags: of the weights' training, and the accuracy that timm reports at 288x288.
private func convNeXtV2(
  _ name: String, _ channels: Int, blocks: Int, parameters: Int,
  _ tags: KeyValuePairs<String, PretrainedWeights.Accuracy>
) -> Architecture<ConvNeXtV2> {
  let depths = blocks == 9 || blocks == 27 ? [3, 3, blocks, 3] : [2, 2, blocks, 2]
  let isSmall = blocks < 9
  return Architecture(
    name,
    weights: tags.map { tag, accuracy in
      .timm(
        name, tag, parameters: parameters, accuracy: accuracy, minimumSize: 32, license: .nonCommercial,
        transforms: ImageClassification(interpolation: .bicubic))
    }
  ) { classes in
    ConvNeXtV2(
      depths.enumerated().map { (channels << $0, $1) }, pointwise: isSmall, classes: classes)
  }
}

/// ConvNeXt V2 atto: 3.7 million parameters.
public let convnextv2_atto = convNeXtV2(
  "convnextv2_atto", 40, blocks: 6, parameters: 3_708_400, ["fcmae_ft_in1k": [77.76, 93.726]])
/// ConvNeXt V2 femto: 5.2 million parameters.
public let convnextv2_femto = convNeXtV2(
  "convnextv2_femto", 48, blocks: 6, parameters: 5_233_240, ["fcmae_ft_in1k": [79.338, 94.56]])
/// ConvNeXt V2 pico: 9.1 million parameters.
public let convnextv2_pico = convNeXtV2(
  "convnextv2_pico", 64, blocks: 6, parameters: 9_066_280, ["fcmae_ft_in1k": [81.086, 95.48]])
/// ConvNeXt V2 nano: 15.6 million parameters.
public let convnextv2_nano = convNeXtV2(
  "convnextv2_nano", 80, blocks: 8, parameters: 15_623_800,
  ["fcmae_ft_in22k_in1k": [82.664, 96.52], "fcmae_ft_in1k": [82.486, 96.226]])
/// ConvNeXt V2 tiny: 28.6 million parameters.
public let convnextv2_tiny = convNeXtV2(
  "convnextv2_tiny", 96, blocks: 9, parameters: 28_635_496,
  ["fcmae_ft_in22k_in1k": [84.416, 97.26], "fcmae_ft_in1k": [83.464, 96.718]])
/// ConvNeXt V2 base: 88.7 million parameters.
public let convnextv2_base = convNeXtV2(
  "convnextv2_base", 128, blocks: 27, parameters: 88_717_800,
  ["fcmae_ft_in22k_in1k": [86.998, 98.168], "fcmae_ft_in1k": [85.474, 97.384]])
/// ConvNeXt V2 large: 198.0 million parameters.
public let convnextv2_large = convNeXtV2(
  "convnextv2_large", 192, blocks: 27, parameters: 197_956_840,
  ["fcmae_ft_in22k_in1k": [87.484, 98.356], "fcmae_ft_in1k": [86.118, 97.822]])

extension ConvNeXtV2 {
  /// The members of the family.
  static let architectures: [any ArchitectureRow] = [
    convnextv2_atto, convnextv2_femto, convnextv2_pico, convnextv2_nano, convnextv2_tiny, convnextv2_base,
    convnextv2_large,
  ]
}
