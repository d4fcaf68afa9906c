// swift-format-ignore-file: AlwaysUseLowerCamelCase (the name of the network is torchvision's)
import NNCore
import NNLayers

/// MaxViT (Tu et al., "MaxViT: multi-axis vision transformer", 2022): convolutions, then attention within windows, then
/// attention among pixels that lie at the same place of their windows.
///
/// ```text
/// stage       output    tiny: channels, layers
/// stem        112x112    64            3x3 convolution with stride 2, 3x3 convolution
/// stage 1     56x56      64, 2         each begins with a stride of 2
/// stage 2     28x28     128, 2
/// stage 3     14x14     256, 5
/// stage 4     7x7       512, 2
/// average over the image, layer normalisation, linear layer, tanh, linear layer
/// ```
///
/// Needs images whose sides are multiples of 224. Starts from normal weights of standard deviation 0.02, truncated ones
/// for relative positions, and biases of 0.
///
/// Source: https://docs.pytorch.org/vision/stable/models/maxvit.html
public final class MaxViT: Module, ImageClassifier {
  public let stem: Sequential
  public let blocks: Sequential
  public let classifier: Sequential

  /// - Parameters:
  ///   - stages: channels and number of layers of each stage.
  ///   - stem: channels of the first convolutions.
  ///   - window: height and width of a window.
  ///   - headWidth: features of an attention head.
  ///   - stochasticDepth: probability with which a sample skips a part of the last layer in training; grows from 0 at
  ///     the first layer in equal steps.
  public init(
    _ stages: [(channels: Int, layers: Int)], stem first: Int, window: Int, headWidth: Int,
    classes: Int = 1000, stochasticDepth: Double
  ) {
    require(!stages.isEmpty, "MaxViT", "needs at least one stage")
    stem = Sequential(
      Conv2dNormActivation(3, first, stride: 2, norm: Self.norm, activation: GELU()),
      Conv2dNormActivation(first, first, norm: nil, activation: nil))
    let total = stages.reduce(0) { $0 + $1.layers }
    var (channels, place) = (first, 0)
    blocks = Sequential(
      stages.map { stage in
        MaxViTBlock(
          (0..<stage.layers).map { layer in
            defer { (channels, place) = (stage.channels, place + 1) }
            return MaxViTLayer(
              from: channels, to: stage.channels, stride: layer == 0 ? 2 : 1, window: window,
              headWidth: headWidth,
              dropProbability: stochasticDepth * Double(place) / Double(max(1, total - 1)))
          })
      })
    classifier = Sequential(
      AdaptiveAvgPool2d(1), Flatten(), LayerNorm(channels), Linear(channels, channels), Tanh(),
      Linear(channels, classes, bias: false))
    super.init()
    func normal(_ weight: Parameter) -> Tensor { Init.normal(weight.shape, std: 0.02) }
    drawWeights(convolution: normal, linear: normal)
  }

  static func norm(_ channels: Int) -> any CallableModule {
    BatchNorm2d(channels, epsilon: 1e-3, momentum: 0.01)
  }

  public var stages: [Stage] {
    [Stage("stem", stem), Stage("blocks", blocks), Stage("classifier", classifier)]
  }

  public func replaceHead(classes: Int) {
    guard let last = classifier.last as? Linear else { return }
    classifier[classifier.count - 1] = Linear(last.inFeatures, classes, bias: false)
  }
}

/// The layers of a stage.
public final class MaxViTBlock: Module, Layer {
  public let layers: Sequential

  init(_ layers: [MaxViTLayer]) { self.layers = Sequential(layers) }

  public func forward(_ x: Tensor) -> Tensor { layers(x) }
}

/// Convolutions, attention within windows, and attention across them.
public final class MaxViTLayer: Module, Layer {
  /// Named `MBconv`, `window_attention` and `grid_attention`.
  public let layers: Sequential

  init(from inputs: Int, to outputs: Int, stride: Int, window: Int, headWidth: Int, dropProbability: Double) {
    layers = Sequential([
      "MBconv": MaxViTConvolution(
        from: inputs, to: outputs, stride: stride, dropProbability: dropProbability),
      "window_attention": PartitionAttention(
        outputs, headWidth: headWidth, window: window, isGrid: false, dropProbability: dropProbability),
      "grid_attention": PartitionAttention(
        outputs, headWidth: headWidth, window: window, isGrid: true, dropProbability: dropProbability),
    ])
  }

  public func forward(_ x: Tensor) -> Tensor { layers(x) }
}

/// Batch normalisation, a 1x1 convolution to four times the channels, a depthwise convolution, squeeze-and-excitation and
/// a 1x1 convolution, added to the input (or a projection of it where sizes differ).
public final class MaxViTConvolution: Module, Layer {
  public let proj: any CallableModule
  @Key("stochastic_depth") public private(set) var stochasticDepth: StochasticDepth
  public let layers: Sequential

  init(from inputs: Int, to outputs: Int, stride: Int, dropProbability: Double) {
    if stride != 1 || inputs != outputs {
      let projection = Conv2d(inputs, outputs, kernelSize: 1)
      proj =
        stride == 2
        ? Sequential(AvgPool2d(kernelSize: 3, stride: 2, padding: 1), projection) : Sequential(projection)
    } else {
      proj = Identity()
    }
    let inner = 4 * outputs
    layers = Sequential([
      "pre_norm": MaxViT.norm(inputs),
      "conv_a": Conv2dNormActivation(
        inputs, inner, kernelSize: 1, norm: MaxViT.norm, activation: GELU()),
      "conv_b": Conv2dNormActivation(
        inner, inner, stride: Size2(stride), groups: inner, norm: MaxViT.norm, activation: GELU()),
      "squeeze_excitation": SqueezeExcitation(inner, squeeze: outputs / 4, activation: SiLU()),
      "conv_c": Conv2d(inner, outputs, kernelSize: 1),
    ])
    super.init()
    stochasticDepth = StochasticDepth(dropProbability, mode: .row)
  }

  public func forward(_ x: Tensor) -> Tensor { proj.calledWithHooks(x) + stochasticDepth(layers(x)) }
}

/// Attention among the pixels of each part of the image, and two linear layers, each behind a layer normalisation and
/// added to its input. A part is a window, or, as a grid, what lies at the same place of all windows.
public final class PartitionAttention: Module, Layer {
  /// Layer normalisation, attention, dropout.
  @Key("attn_layer") public private(set) var attention: Sequential
  /// Layer normalisation, linear layer, GELU, linear layer, dropout.
  @Key("mlp_layer") public private(set) var mlp: Sequential
  @Key("stochastic_dropout") public private(set) var stochasticDepth: StochasticDepth
  private let window: Int
  private let isGrid: Bool

  init(_ channels: Int, headWidth: Int, window: Int, isGrid: Bool, dropProbability: Double) {
    (self.window, self.isGrid) = (window, isGrid)
    super.init()
    attention = Sequential(
      LayerNorm(channels), RelativeAttention(channels, headWidth: headWidth, side: window), Dropout(0))
    mlp = Sequential(
      LayerNorm(channels), Linear(channels, 4 * channels), GELU(), Linear(4 * channels, channels), Dropout(0))
    stochasticDepth = StochasticDepth(dropProbability, mode: .row)
  }

  public func forward(_ x: Tensor) -> Tensor {
    guard
      fits(
        x.rank == 4 && x.shape[2] % window == 0 && x.shape[3] % window == 0, "MaxViT", .shape,
        "needs images whose parts divide into \(window)x\(window) pixels, that is sides that are multiples of "
          + "\(32 * window); got \(x.shape)")
    else { return x }
    let (samples, channels) = (x.shape[0], x.shape[1])
    let (rows, columns) = (x.shape[2] / window, x.shape[3] / window)
    // [N, parts, window², C]: the pixels of a part beside each other.
    let split =
      isGrid
      ? x.reshape(samples, channels, window, rows, window, columns).permute(0, 3, 5, 2, 4, 1)
      : x.reshape(samples, channels, rows, window, columns, window).permute(0, 2, 4, 3, 5, 1)
    var y = split.reshape(samples, rows * columns, window * window, channels)
    y = y + stochasticDepth(attention(y))
    y = y + stochasticDepth(mlp(y))
    let parts = y.reshape(samples, rows, columns, window, window, channels)
    return (isGrid ? parts.permute(0, 5, 3, 1, 4, 2) : parts.permute(0, 5, 1, 3, 2, 4)).reshape(x.shape)
  }
}

/// Attention of the tokens of [N, parts, side², C] within each part, with learned scores for relative positions.
public final class RelativeAttention: Module, Layer {
  /// [(2 · side - 1)², heads].
  @Key("relative_position_bias_table") public private(set) var table: Parameter
  @Key("relative_position_index") public private(set) var index: Buffer
  @Key("to_qkv") public private(set) var qkv: Linear
  public let merge: Linear
  private let heads: Int

  init(_ channels: Int, headWidth: Int, side: Int) {
    require(
      headWidth > 0 && channels % headWidth == 0, "MaxViT",
      "\(channels) features do not divide into heads of \(headWidth)")
    heads = channels / headWidth
    let projection = Linear(channels, 3 * channels)
    merge = Linear(channels, channels)
    super.init()
    qkv = projection
    let (span, length) = (2 * side - 1, side * side)
    table = Parameter(Init.truncNormal([span * span, heads], std: 0.02))
    index = Buffer(RelativePositions.index(side: side).reshape(length, length))
  }

  public func forward(_ x: Tensor) -> Tensor {
    let (samples, parts, length, channels) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    let inputs = qkv(x).reshape(samples, parts, length, 3, heads, channels / heads)
      .permute(0, 1, 3, 4, 2, 5).unbind(2)
    let scores = RelativePositions.scores(table.value, index: index.value, length: length)
    let attended = scaledDotProductAttention(
      inputs[0], inputs[1], inputs[2], mask: scores, scale: 1 / Double(channels).squareRoot())
    return merge(attended.transpose(2, 3).reshape(x.shape))
  }
}

/// MaxViT tiny: 30.9 million parameters.
public let maxvit_t = Architecture(
  "maxvit_t",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "maxvit_t-bc5ab103.pth", parameters: 30_919_624, accuracy: [83.7, 96.722],
      minimumSize: 224, transforms: ImageClassification(resize: 224, interpolation: .bicubic))
  ]
) {
  MaxViT(
    [(64, 2), (128, 2), (256, 5), (512, 2)], stem: 64, window: 7, headWidth: 32, classes: $0,
    stochasticDepth: 0.2)
}

extension MaxViT {
  /// The members of the family.
  static let architectures: [any ArchitectureRow] = [maxvit_t]
}
