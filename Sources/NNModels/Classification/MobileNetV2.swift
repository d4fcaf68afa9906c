// swift-format-ignore-file: AlwaysUseLowerCamelCase (the name of the network is torchvision's)
import NNCore
import NNLayers

/// MobileNet v2 (Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", 2018).
///
/// Table 2 of the paper (t: expansion, c: channels, n: blocks, s: stride of the first):
///
/// ```text
/// layer                t     c    n   s
/// 3x3 convolution      -    32    1   2
/// inverted residuals   1    16    1   1
///                      6    24    2   2
///                      6    32    3   2
///                      6    64    4   2
///                      6    96    3   1
///                      6   160    3   2
///                      6   320    1   1
/// 1x1 convolution      -  1280    1   1
/// average over the image, dropout, linear layer
/// ```
///
/// Starts from normal weights with variance 2 / fan-out for convolutions (He et al., 2015) and of standard deviation
/// 0.01 for the linear layer, and biases of 0.
///
/// Source: https://docs.pytorch.org/vision/stable/models/mobilenetv2.html
public final class MobileNetV2: Module, ImageClassifier {
  public let features: Sequential
  /// Dropout and the head.
  public let classifier: Sequential

  /// - Parameter width: factor of all numbers of channels, which are rounded to multiples of 8.
  public init(width: Double = 1, classes: Int = 1000, dropout: Double = 0.2) {
    var channels = channelCount(32 * width)
    let last = channelCount(1280 * max(1, width))
    features = Sequential(Conv2dNormActivation(3, channels, stride: 2, activation: ReLU6()))
    for (t, c, n, s) in [
      (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
      (6, 320, 1, 1),
    ] {
      let outputs = channelCount(Double(c) * width)
      for block in 0..<n {
        features.append(
          InvertedResidual(from: channels, expansion: t, to: outputs, stride: block == 0 ? s : 1))
        channels = outputs
      }
    }
    features.append(Conv2dNormActivation(channels, last, kernelSize: 1, activation: ReLU6()))
    classifier = Sequential(Dropout(dropout), Linear(last, classes))
    super.init()
    drawWeights(convolution: kaimingFanOut, linear: normalHundredth)
  }

  public var stages: [Stage] {
    [
      Stage("features", features), Stage("adaptive_avg_pool2d") { $0.adaptiveAvgPool2d(outputSize: 1) },
      .flatten, Stage("classifier", classifier),
    ]
  }

  public func replaceHead(classes: Int) { classifier.replaceLastLinear(classes: classes) }
}

/// A 1x1 convolution to more channels, a depthwise 3x3 convolution and a 1x1 convolution to few channels without
/// activation, with the input added where sizes agree.
public final class InvertedResidual: Module, Layer {
  public let conv: Sequential
  private let isResidual: Bool

  init(from inputs: Int, expansion: Int, to outputs: Int, stride: Int) {
    let inner = inputs * expansion
    conv = Sequential(
      (expansion == 1 ? [] : [Conv2dNormActivation(inputs, inner, kernelSize: 1, activation: ReLU6())]) + [
        Conv2dNormActivation(inner, inner, stride: Size2(stride), groups: inner, activation: ReLU6()),
        Conv2d(inner, outputs, kernelSize: 1, bias: false), BatchNorm2d(outputs),
      ])
    isResidual = stride == 1 && inputs == outputs
  }

  public func forward(_ x: Tensor) -> Tensor { isResidual ? x + conv(x) : conv(x) }
}

/// MobileNet v2: 3.5 million parameters.
public let mobilenet_v2 = Architecture(
  "mobilenet_v2",
  weights: [
    PretrainedWeights(
      .imagenet1kV2, "mobilenet_v2-7ebf99e0.pth", parameters: 3_504_872,
      accuracy: [72.154, 90.822], transforms: ImageClassification(resize: 232)),
    PretrainedWeights(
      .imagenet1kV1, "mobilenet_v2-b0353104.pth", parameters: 3_504_872,
      accuracy: [71.878, 90.286]),
  ]
) { MobileNetV2(classes: $0) }

extension MobileNetV2 {
  /// The members of the family.
  static let architectures: [any ArchitectureRow] = [mobilenet_v2]
}
