// swift-format-ignore-file: AlwaysUseLowerCamelCase (the names of the networks are torchvision's)
import NNCore
import NNLayers

/// MobileNet v3 (Howard et al., "Searching for MobileNetV3", 2019).
///
/// Starts from normal weights with variance 2 / fan-out for convolutions (He et al., 2015) and of standard deviation
/// 0.01 for linear layers, and biases of 0.
///
/// Source: https://docs.pytorch.org/vision/stable/models/mobilenetv3.html
public final class MobileNetV3: Module, ImageClassifier {
  /// A row of the paper's tables.
  public struct Block: Sendable {
    let kernel: Int, expanded: Int, outputs: Int, squeezes: Bool, hardswish: Bool, stride: Int

    func activation() -> any CallableModule {
      if hardswish { Hardswish() } else { ReLU() }
    }

    /// - Parameters:
    ///   - expanded: channels of the depthwise convolution.
    ///   - outputs: channels at the end.
    ///   - se: whether there is squeeze-and-excitation.
    ///   - hs: hard swish instead of ReLU.
    public init(_ kernel: Int, _ expanded: Int, _ outputs: Int, se: Bool, hs: Bool, _ stride: Int) {
      (self.kernel, self.expanded, self.outputs) = (kernel, expanded, outputs)
      (squeezes, hardswish, self.stride) = (se, hs, stride)
    }
  }

  public let features: Sequential
  public let avgpool = AdaptiveAvgPool2d(1)
  /// A linear layer, hard swish, dropout and the head.
  public let classifier: Sequential

  /// - Parameters:
  ///   - blocks: rows of the table between the first and the last convolution.
  ///   - hidden: features between the two linear layers.
  public init(_ blocks: [Block], hidden: Int, classes: Int = 1000, dropout: Double = 0.2) {
    func norm(_ channels: Int) -> any CallableModule { BatchNorm2d(channels, epsilon: 0.001, momentum: 0.01) }
    var channels = 16
    features = Sequential(Conv2dNormActivation(3, channels, stride: 2, norm: norm, activation: Hardswish()))
    for block in blocks {
      features.append(
        InvertedBottleneck(
          from: channels, expanded: block.expanded, to: block.outputs, kernelSize: block.kernel,
          stride: block.stride, squeeze: block.squeezes ? channelCount(Double(block.expanded / 4)) : nil,
          norm: norm, activation: block.activation,
          excitation: (ReLU(), Hardsigmoid())))
      channels = block.outputs
    }
    features.append(
      Conv2dNormActivation(channels, 6 * channels, kernelSize: 1, norm: norm, activation: Hardswish()))
    classifier = Sequential(
      Linear(6 * channels, hidden), Hardswish(), Dropout(dropout), Linear(hidden, classes))
    super.init()
    drawWeights(convolution: kaimingFanOut, linear: normalHundredth)
  }

  public var stages: [Stage] {
    [Stage("features", features), Stage("avgpool", avgpool), .flatten, Stage("classifier", classifier)]
  }

  public func replaceHead(classes: Int) { classifier.replaceLastLinear(classes: classes) }
}

// MARK: The networks

/// MobileNet v3 large (table 1 of the paper): 5.5 million parameters.
public let mobilenet_v3_large = Architecture(
  "mobilenet_v3_large",
  weights: [
    PretrainedWeights(
      .imagenet1kV2, "mobilenet_v3_large-5c1a4163.pth", parameters: 5_483_032,
      accuracy: [75.274, 92.566], transforms: ImageClassification(resize: 232)),
    PretrainedWeights(
      .imagenet1kV1, "mobilenet_v3_large-8738ca79.pth", parameters: 5_483_032,
      accuracy: [74.042, 91.34]),
  ]
) {
  MobileNetV3(
    [
      .init(3, 16, 16, se: false, hs: false, 1),
      .init(3, 64, 24, se: false, hs: false, 2),
      .init(3, 72, 24, se: false, hs: false, 1),
      .init(5, 72, 40, se: true, hs: false, 2),
      .init(5, 120, 40, se: true, hs: false, 1),
      .init(5, 120, 40, se: true, hs: false, 1),
      .init(3, 240, 80, se: false, hs: true, 2),
      .init(3, 200, 80, se: false, hs: true, 1),
      .init(3, 184, 80, se: false, hs: true, 1),
      .init(3, 184, 80, se: false, hs: true, 1),
      .init(3, 480, 112, se: true, hs: true, 1),
      .init(3, 672, 112, se: true, hs: true, 1),
      .init(5, 672, 160, se: true, hs: true, 2),
      .init(5, 960, 160, se: true, hs: true, 1),
      .init(5, 960, 160, se: true, hs: true, 1),
    ], hidden: 1280, classes: $0)
}

/// MobileNet v3 small (table 2 of the paper): 2.5 million parameters.
public let mobilenet_v3_small = Architecture(
  "mobilenet_v3_small",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "mobilenet_v3_small-047dcff4.pth", parameters: 2_542_856,
      accuracy: [67.668, 87.402])
  ]
) {
  MobileNetV3(
    [
      .init(3, 16, 16, se: true, hs: false, 2),
      .init(3, 72, 24, se: false, hs: false, 2),
      .init(3, 88, 24, se: false, hs: false, 1),
      .init(5, 96, 40, se: true, hs: true, 2),
      .init(5, 240, 40, se: true, hs: true, 1),
      .init(5, 240, 40, se: true, hs: true, 1),
      .init(5, 120, 48, se: true, hs: true, 1),
      .init(5, 144, 48, se: true, hs: true, 1),
      .init(5, 288, 96, se: true, hs: true, 2),
      .init(5, 576, 96, se: true, hs: true, 1),
      .init(5, 576, 96, se: true, hs: true, 1),
    ], hidden: 1024, classes: $0)
}

extension MobileNetV3 {
  /// The members of the family.
  static let architectures: [any ArchitectureRow] = [mobilenet_v3_large, mobilenet_v3_small]
}
