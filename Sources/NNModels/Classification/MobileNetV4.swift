// swift-format-ignore-file: AlwaysUseLowerCamelCase (the names of the networks are timm's)
import NNCore
import NNLayers

/// MobileNet v4 without attention (Qin et al., "MobileNetV4: universal models for the mobile ecosystem", 2024). Layers and
/// keys are timm's.
///
/// Its block, the universal inverted bottleneck, has a depthwise convolution before the expansion, one between expansion
/// and projection, both or none.
///
/// Starts from normal weights with variance 2 / (outputs per group · kernel area) for convolutions, uniform ones in
/// ±1 / √outputs for the linear layer, and biases of 0.
///
/// Source: https://github.com/huggingface/pytorch-image-models (models/mobilenetv3.py)
public final class MobileNetV4: Module, ImageClassifier {
  /// Some equal blocks of a stage.
  public enum Row: Sendable {
    /// A convolution.
    case convolution(kernel: Int, channels: Int, stride: Int = 1)
    /// A 3x3 convolution with stride 2 to four times as many channels, and a 1x1 convolution.
    case fused(channels: Int)
    /// Universal inverted bottlenecks: the kernels of the two depthwise convolutions (0 for none), and how many times as
    /// many channels lie between.
    case inverted(
      start: Int, middle: Int, expansion: Int, channels: Int, stride: Int = 1, count: Int = 1)
  }

  @Key("conv_stem") public private(set) var stem: Conv2d
  @Key("bn1") public private(set) var stemNorm: BatchNorm2d
  /// A chain of blocks for each stage.
  public let blocks: Sequential
  @Key("conv_head") public private(set) var last: Conv2d
  @Key("norm_head") public private(set) var lastNorm: BatchNorm2d
  public let dropout: Dropout
  public private(set) var classifier: Linear

  /// - Parameters:
  ///   - stages: the rows of each stage, after a 3x3 convolution with stride 2.
  ///   - first: channels of the first convolution.
  ///   - width: factor of all numbers of channels of the stages, which are rounded to multiples of 8.
  ///   - dropout: of the pooled features in training.
  ///   - stochasticDepth: probability with which a sample would skip a block behind the last in training; grows from 0
  ///     at the first block in equal steps.
  public init(
    _ stages: [[Row]], first: Int = 32, width: Double = 1, classes: Int = 1000, dropout: Double = 0,
    stochasticDepth: Double = 0
  ) {
    let last = 1280
    let total = stages.joined().reduce(0) { $0 + $1.count }
    var (channels, place) = (first, 0)
    self.dropout = Dropout(dropout)
    let stem = Conv2d(3, first, kernelSize: 3, stride: 2, padding: 1, bias: false)
    blocks = Sequential(
      stages.map { rows in
        Sequential(
          rows.flatMap { row in
            let outputs = channelCount(Double(row.channels) * width)
            return (0..<row.count).map { index in
              defer { (channels, place) = (outputs, place + 1) }
              return row.block(
                from: channels, to: outputs, isFirst: index == 0,
                dropProbability: stochasticDepth * Double(place) / Double(total))
            }
          })
      })
    let head = Conv2d(channels, last, kernelSize: 1, bias: false)
    classifier = Linear(last, classes)
    super.init()
    self.stem = stem
    stemNorm = BatchNorm2d(first)
    self.last = head
    lastNorm = BatchNorm2d(last)
    drawTensorFlowWeights()
  }

  public var stages: [Stage] {
    [
      Stage("conv_stem", stem), Stage("bn1", stemNorm), Stage("act1") { $0.relu() },
      Stage("blocks", blocks), Stage("global_pool") { $0.mean([2, 3], keepDim: true) },
      Stage("conv_head", last), Stage("norm_head", lastNorm), Stage("act2") { $0.relu() }, .flatten,
      Stage("dropout", dropout), Stage("classifier", classifier),
    ]
  }

  public func replaceHead(classes: Int) { classifier = Linear(classifier.inFeatures, classes) }
}

extension MobileNetV4.Row {
  var channels: Int {
    switch self {
    case .convolution(_, let channels, _), .fused(let channels), .inverted(_, _, _, let channels, _, _):
      channels
    }
  }

  var count: Int {
    if case .inverted(_, _, _, _, _, let count) = self { count } else { 1 }
  }

  /// - Parameter isFirst: whether the block is the row's first, which has its stride.
  fileprivate func block(
    from inputs: Int, to outputs: Int, isFirst: Bool, dropProbability: Double
  ) -> any CallableModule {
    switch self {
    case .convolution(let kernel, _, let stride):
      NormedConvolution(inputs, outputs, kernelSize: kernel, stride: stride, norm: "bn1", activation: ReLU())
    case .fused:
      MobileFusedBlock(from: inputs, to: outputs)
    case .inverted(let start, let middle, let expansion, _, let stride, _):
      UniversalInvertedBlock(
        from: inputs, to: outputs, start: start, middle: middle, expansion: expansion,
        stride: isFirst ? stride : 1, dropProbability: dropProbability)
    }
  }
}

/// A convolution without bias that keeps the size at stride 1, batch normalisation, and an activation.
final class NormedConvolution: Sequential {
  /// - Parameters:
  ///   - name: the key of the convolution.
  ///   - norm: the key of the normalisation.
  init(
    _ inputs: Int, _ outputs: Int, kernelSize: Int = 1, stride: Int = 1, groups: Int = 1,
    named name: String = "conv", norm: String = "bn", activation: (any CallableModule)? = nil
  ) {
    super.init([
      name: Conv2d(
        inputs, outputs, kernelSize: Size2(kernelSize), stride: Size2(stride),
        padding: .symmetric(Size2(kernelSize / 2)), groups: groups, bias: false),
      norm: BatchNorm2d(outputs),
    ])
    if let activation { append(activation, named: "act") }
  }
}

/// A 3x3 convolution with stride 2 to four times as many channels, and a 1x1 convolution.
final class MobileFusedBlock: Module, Layer {
  @Key("conv_exp") private(set) var expansion: Conv2d
  @Key("bn1") private(set) var expansionNorm: BatchNorm2d
  @Key("conv_pwl") private(set) var projection: Conv2d
  @Key("bn2") private(set) var projectionNorm: BatchNorm2d

  init(from inputs: Int, to outputs: Int) {
    let inner = 4 * inputs
    super.init()
    expansion = Conv2d(inputs, inner, kernelSize: 3, stride: 2, padding: 1, bias: false)
    expansionNorm = BatchNorm2d(inner)
    projection = Conv2d(inner, outputs, kernelSize: 1, bias: false)
    projectionNorm = BatchNorm2d(outputs)
  }

  func forward(_ x: Tensor) -> Tensor {
    projectionNorm(projection(expansionNorm(expansion(x)).relu()))
  }
}

/// A 1x1 convolution to more channels and one to few channels without activation, with a depthwise convolution before
/// them, between them, or both, and with the input added where sizes agree.
public final class UniversalInvertedBlock: Module, Layer {
  @Key("dw_start") private var start: NormedConvolution?
  @Key("pw_exp") private var expansion: NormedConvolution
  @Key("dw_mid") private var middle: NormedConvolution?
  @Key("pw_proj") private var projection: NormedConvolution
  @Key("drop_path") private var skip: StochasticDepth?

  init(
    from inputs: Int, to outputs: Int, start: Int, middle: Int, expansion factor: Int, stride: Int,
    dropProbability: Double
  ) {
    let inner = channelCount(Double(inputs * factor))
    super.init()
    self.start =
      start > 0
      ? NormedConvolution(
        inputs, inputs, kernelSize: start, stride: middle == 0 ? stride : 1, groups: inputs) : nil
    expansion = NormedConvolution(inputs, inner, activation: ReLU())
    self.middle =
      middle > 0
      ? NormedConvolution(
        inner, inner, kernelSize: middle, stride: stride, groups: inner, activation: ReLU()) : nil
    projection = NormedConvolution(inner, outputs)
    skip = stride == 1 && inputs == outputs ? StochasticDepth(dropProbability, mode: .row) : nil
  }

  public func forward(_ x: Tensor) -> Tensor {
    var y = expansion(start?(x) ?? x)
    if let middle { y = middle(y) }
    y = projection(y)
    return skip.map { $0(y) + x } ?? y
  }
}

// MARK: The networks

private let small: [[MobileNetV4.Row]] = [
  [.convolution(kernel: 3, channels: 32, stride: 2), .convolution(kernel: 1, channels: 32)],
  [.convolution(kernel: 3, channels: 96, stride: 2), .convolution(kernel: 1, channels: 64)],
  [
    .inverted(start: 5, middle: 5, expansion: 3, channels: 96, stride: 2),
    .inverted(start: 0, middle: 3, expansion: 2, channels: 96, count: 4),
    .inverted(start: 3, middle: 0, expansion: 4, channels: 96),
  ],
  [
    .inverted(start: 3, middle: 3, expansion: 6, channels: 128, stride: 2),
    .inverted(start: 5, middle: 5, expansion: 4, channels: 128),
    .inverted(start: 0, middle: 5, expansion: 4, channels: 128),
    .inverted(start: 0, middle: 5, expansion: 3, channels: 128),
    .inverted(start: 0, middle: 3, expansion: 4, channels: 128, count: 2),
  ],
  [.convolution(kernel: 1, channels: 960)],
]

private let medium: [[MobileNetV4.Row]] = [
  [.fused(channels: 48)],
  [
    .inverted(start: 3, middle: 5, expansion: 4, channels: 80, stride: 2),
    .inverted(start: 3, middle: 3, expansion: 2, channels: 80),
  ],
  [
    .inverted(start: 3, middle: 5, expansion: 6, channels: 160, stride: 2),
    .inverted(start: 3, middle: 3, expansion: 4, channels: 160, count: 2),
    .inverted(start: 3, middle: 5, expansion: 4, channels: 160),
    .inverted(start: 3, middle: 3, expansion: 4, channels: 160),
    .inverted(start: 3, middle: 0, expansion: 4, channels: 160),
    .inverted(start: 0, middle: 0, expansion: 2, channels: 160),
    .inverted(start: 3, middle: 0, expansion: 4, channels: 160),
  ],
  [
    .inverted(start: 5, middle: 5, expansion: 6, channels: 256, stride: 2),
    .inverted(start: 5, middle: 5, expansion: 4, channels: 256),
    .inverted(start: 3, middle: 5, expansion: 4, channels: 256, count: 2),
    .inverted(start: 0, middle: 0, expansion: 4, channels: 256),
    .inverted(start: 3, middle: 0, expansion: 4, channels: 256),
    .inverted(start: 3, middle: 5, expansion: 2, channels: 256),
    .inverted(start: 5, middle: 5, expansion: 4, channels: 256),
    .inverted(start: 0, middle: 0, expansion: 4, channels: 256, count: 2),
    .inverted(start: 5, middle: 0, expansion: 2, channels: 256),
  ],
  [.convolution(kernel: 1, channels: 960)],
]

private let large: [[MobileNetV4.Row]] = [
  [.fused(channels: 48)],
  [
    .inverted(start: 3, middle: 5, expansion: 4, channels: 96, stride: 2),
    .inverted(start: 3, middle: 3, expansion: 4, channels: 96),
  ],
  [
    .inverted(start: 3, middle: 5, expansion: 4, channels: 192, stride: 2),
    .inverted(start: 3, middle: 3, expansion: 4, channels: 192, count: 3),
    .inverted(start: 3, middle: 5, expansion: 4, channels: 192),
    .inverted(start: 5, middle: 3, expansion: 4, channels: 192, count: 5),
    .inverted(start: 3, middle: 0, expansion: 4, channels: 192),
  ],
  [
    .inverted(start: 5, middle: 5, expansion: 4, channels: 512, stride: 2, count: 4),
    .inverted(start: 5, middle: 0, expansion: 4, channels: 512),
    .inverted(start: 5, middle: 3, expansion: 4, channels: 512),
    .inverted(start: 5, middle: 0, expansion: 4, channels: 512, count: 2),
    .inverted(start: 5, middle: 3, expansion: 4, channels: 512),
    .inverted(start: 5, middle: 5, expansion: 4, channels: 512),
    .inverted(start: 5, middle: 0, expansion: 4, channels: 512, count: 3),
  ],
  [.convolution(kernel: 1, channels: 960)],
]

private let half: [Float] = [0.5, 0.5, 0.5]

/// MobileNet v4 conv small with half the channels, for images of 224x224: 2.2 million parameters.
public let mobilenetv4_conv_small_050 = Architecture(
  "mobilenetv4_conv_small_050",
  weights: [
    .timm(
      "mobilenetv4_conv_small_050", "e3000_r224_in1k", parameters: 2_238_952,
      transforms: ImageClassification(interpolation: .bicubic, mean: half, std: half))
  ]
) { MobileNetV4(small, width: 0.5, classes: $0) }
/// MobileNet v4 conv small, for images of 224x224: 3.8 million parameters.
public let mobilenetv4_conv_small = Architecture(
  "mobilenetv4_conv_small",
  weights: [
    .timm(
      "mobilenetv4_conv_small", "e2400_r224_in1k", parameters: 3_774_024,
      transforms: ImageClassification(interpolation: .bicubic)),
    .timm(
      "mobilenetv4_conv_small", "e1200_r224_in1k", parameters: 3_774_024,
      transforms: ImageClassification(interpolation: .bicubic)),
  ]
) { MobileNetV4(small, classes: $0) }
/// MobileNet v4 conv medium, for images of 256x256: 9.7 million parameters.
public let mobilenetv4_conv_medium = Architecture(
  "mobilenetv4_conv_medium",
  weights: [
    .timm(
      "mobilenetv4_conv_medium", "e500_r256_in1k", parameters: 9_715_512,
      transforms: ImageClassification(crop: 256, resize: 269, interpolation: .bicubic)),
    .timm(
      "mobilenetv4_conv_medium", "e500_r224_in1k", parameters: 9_715_512,
      transforms: ImageClassification(resize: 235, interpolation: .bicubic)),
  ]
) { MobileNetV4(medium, classes: $0) }
/// MobileNet v4 conv large, for images of 384x384: 32.6 million parameters.
public let mobilenetv4_conv_large = Architecture(
  "mobilenetv4_conv_large",
  weights: [
    .timm(
      "mobilenetv4_conv_large", "e600_r384_in1k", parameters: 32_590_864,
      transforms: ImageClassification(crop: 384, resize: 404, interpolation: .bicubic)),
    .timm(
      "mobilenetv4_conv_large", "e500_r256_in1k", parameters: 32_590_864,
      transforms: ImageClassification(crop: 256, resize: 269, interpolation: .bicubic)),
  ]
) { MobileNetV4(large, first: 24, classes: $0) }

extension MobileNetV4 {
  /// The members of the family.
  static let architectures: [any ArchitectureRow] = [
    mobilenetv4_conv_small_050, mobilenetv4_conv_small, mobilenetv4_conv_medium, mobilenetv4_conv_large,
  ]
}
