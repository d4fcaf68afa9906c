// swift-format-ignore-file: AlwaysUseLowerCamelCase (the name of the network is timm's)
import NNCore
import NNLayers

/// EfficientNet-Lite: EfficientNet (Tan and Le, 2019) without squeeze-and-excitation and with ReLU6, and so quick on
/// small processors. Layers, padding and keys are those of timm's `tf_efficientnet_lite…`, which come from TensorFlow.
///
/// Layers of Lite0 (t: expansion, k: kernel, c: channels, n: blocks, s: stride of the first):
///
/// ```text
/// layer                   t   k     c   n   s
/// convolution             -   3    32   1   2
/// separable convolution   -   3    16   1   1
/// inverted residuals      6   3    24   2   2
///                         6   5    40   2   2
///                         6   3    80   3   2
///                         6   5   112   3   1
///                         6   5   192   4   2
///                         6   3   320   1   1
/// convolution             -   1  1280   1   1
/// average over the image, dropout, linear layer
/// ```
///
/// Starts from normal weights with variance 2 / (outputs per group · kernel area) for convolutions, uniform ones in
/// ±1 / √outputs for the linear layer, and biases of 0.
///
/// Source: https://github.com/huggingface/pytorch-image-models (models/efficientnet.py),
/// https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
public final class EfficientNetLite: Module, ImageClassifier {
  @Key("conv_stem") public private(set) var stem: Conv2d
  @Key("bn1") public private(set) var stemNorm: BatchNorm2d
  /// A chain of blocks for each row of the table but the first and the last one.
  public let blocks: Sequential
  @Key("conv_head") public private(set) var last: Conv2d
  @Key("bn2") public private(set) var lastNorm: BatchNorm2d
  public let dropout: Dropout
  public private(set) var classifier: Linear

  /// - Parameters:
  ///   - width: factor of all numbers of channels but the first and the last, which are rounded to multiples of 8.
  ///   - depth: factor of all numbers of blocks but in the first and the last row, which are rounded up.
  ///   - dropout: of the pooled features in training; 0, as timm's, though the weights were trained with 0.2.
  ///   - stochasticDepth: probability with which a sample would skip a block behind the last in training; grows from 0
  ///     at the first block in equal steps. 0, as timm's, though the weights were trained with 0.2.
  public init(
    width: Double = 1, depth: Double = 1, classes: Int = 1000, dropout: Double = 0,
    stochasticDepth: Double = 0
  ) {
    let rows = [
      (1, 3, 16, 1, 1), (6, 3, 24, 2, 2), (6, 5, 40, 2, 2), (6, 3, 80, 3, 2), (6, 5, 112, 3, 1),
      (6, 5, 192, 4, 2), (6, 3, 320, 1, 1),
    ].enumerated().map { row, entry in
      let (t, k, c, n, s) = entry
      let count = row == 0 || row == 6 ? n : Int((Double(n) * depth).rounded(.up))
      return (t, k, channelCount(Double(c) * width), count, s)
    }
    let total = rows.reduce(0) { $0 + $1.3 }
    var (channels, place) = (32, 0)
    self.dropout = Dropout(dropout)
    let stem = sameConvolution(3, channels, kernelSize: 3, stride: 2)
    blocks = Sequential(
      rows.map { t, k, outputs, n, s in
        Sequential(
          (0..<n).map { block -> any CallableModule in
            defer { (channels, place) = (outputs, place + 1) }
            let stride = block == 0 ? s : 1
            let skip = stochasticDepth * Double(place) / Double(total)
            return t == 1
              ? SeparableBlock(
                from: channels, to: outputs, kernelSize: k, stride: stride, dropProbability: skip)
              : InvertedResidualBlock(
                from: channels, expansion: t, to: outputs, kernelSize: k, stride: stride,
                dropProbability: skip)
          })
      })
    let last = sameConvolution(channels, 1280, kernelSize: 1)
    classifier = Linear(1280, classes)
    super.init()
    self.stem = stem
    stemNorm = tensorFlowNorm(32)
    self.last = last
    lastNorm = tensorFlowNorm(1280)
    drawTensorFlowWeights()
  }

  public var stages: [Stage] {
    [
      Stage("conv_stem", stem), Stage("bn1", stemNorm), Stage("act1") { $0.relu6() },
      Stage("blocks", blocks), Stage("conv_head", last), Stage("bn2", lastNorm),
      Stage("act2") { $0.relu6() },
      Stage("global_pool") { $0.mean([2, 3]) },
      Stage("dropout", dropout),
      Stage("classifier", classifier),
    ]
  }

  public func replaceHead(classes: Int) { classifier = Linear(classifier.inFeatures, classes) }
}

/// A depthwise convolution and a 1x1 convolution to few channels without activation, with the input added where sizes
/// agree.
public final class SeparableBlock: Module, Layer {
  @Key("conv_dw") public private(set) var depthwise: Conv2d
  @Key("bn1") public private(set) var depthwiseNorm: BatchNorm2d
  @Key("conv_pw") public private(set) var projection: Conv2d
  @Key("bn2") public private(set) var projectionNorm: BatchNorm2d
  @Key("drop_path") public private(set) var skip: StochasticDepth?

  init(from inputs: Int, to outputs: Int, kernelSize: Int, stride: Int, dropProbability: Double) {
    super.init()
    depthwise = sameConvolution(inputs, inputs, kernelSize: kernelSize, stride: stride, groups: inputs)
    depthwiseNorm = tensorFlowNorm(inputs)
    projection = sameConvolution(inputs, outputs, kernelSize: 1)
    projectionNorm = tensorFlowNorm(outputs)
    skip = stride == 1 && inputs == outputs ? StochasticDepth(dropProbability, mode: .row) : nil
  }

  public func forward(_ x: Tensor) -> Tensor {
    let y = projectionNorm(projection(depthwiseNorm(depthwise(x)).relu6()))
    return skip.map { $0(y) + x } ?? y
  }
}

/// A 1x1 convolution to more channels, a depthwise convolution and a 1x1 convolution to few channels without
/// activation, with the input added where sizes agree.
public final class InvertedResidualBlock: Module, Layer {
  @Key("conv_pw") public private(set) var expansion: Conv2d
  @Key("bn1") public private(set) var expansionNorm: BatchNorm2d
  @Key("conv_dw") public private(set) var depthwise: Conv2d
  @Key("bn2") public private(set) var depthwiseNorm: BatchNorm2d
  @Key("conv_pwl") public private(set) var projection: Conv2d
  @Key("bn3") public private(set) var projectionNorm: BatchNorm2d
  @Key("drop_path") public private(set) var skip: StochasticDepth?

  init(
    from inputs: Int, expansion factor: Int, to outputs: Int, kernelSize: Int, stride: Int,
    dropProbability: Double
  ) {
    let inner = channelCount(Double(inputs * factor))
    super.init()
    expansion = sameConvolution(inputs, inner, kernelSize: 1)
    expansionNorm = tensorFlowNorm(inner)
    depthwise = sameConvolution(inner, inner, kernelSize: kernelSize, stride: stride, groups: inner)
    depthwiseNorm = tensorFlowNorm(inner)
    projection = sameConvolution(inner, outputs, kernelSize: 1)
    projectionNorm = tensorFlowNorm(outputs)
    skip = stride == 1 && inputs == outputs ? StochasticDepth(dropProbability, mode: .row) : nil
  }

  public func forward(_ x: Tensor) -> Tensor {
    let wide = expansionNorm(expansion(x)).relu6()
    let y = projectionNorm(projection(depthwiseNorm(depthwise(wide)).relu6()))
    return skip.map { $0(y) + x } ?? y
  }
}

/// A convolution without bias that is padded as TensorFlow does.
private func sameConvolution(
  _ inputs: Int, _ outputs: Int, kernelSize: Int, stride: Int = 1, groups: Int = 1
) -> Conv2d {
  Conv2d(
    inputs, outputs, kernelSize: Size2(kernelSize), stride: Size2(stride), padding: .sameUpper,
    groups: groups,
    bias: false)
}

/// Batch normalisation with TensorFlow's epsilon.
private func tensorFlowNorm(_ channels: Int) -> BatchNorm2d { BatchNorm2d(channels, epsilon: 1e-3) }

/// EfficientNet-Lite0, for images of 224x224: 4.7 million parameters.
public let tf_efficientnet_lite0 = Architecture(
  "tf_efficientnet_lite0",
  weights: [
    // timm's `tf_efficientnet_lite0.in1k`. Accuracy: its `results/results-imagenet.csv`.
    PretrainedWeights(
      .imagenet1kV1, "tf_efficientnet_lite0-0aa007d2.pth",
      from: .timm, parameters: 4_652_008, accuracy: [74.83, 92.172],
      transforms: ImageClassification(
        interpolation: .bicubic, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]))
  ]
) { EfficientNetLite(classes: $0) }

extension EfficientNetLite {
  /// The members of the family.
  static let architectures: [any ArchitectureRow] = [tf_efficientnet_lite0]
}
