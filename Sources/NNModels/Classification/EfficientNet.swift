// swift-format-ignore-file: AlwaysUseLowerCamelCase (the names of the networks are torchvision's)
import Foundation
import NNCore
import NNLayers

/// EfficientNet (Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks", 2019).
///
/// Table 1 of the paper (t: expansion, k: kernel, c: channels, n: blocks, s: stride of the first), which is B0:
///
/// ```text
/// layer                 t   k     c   n   s
/// convolution           -   3    32   1   2
/// inverted bottleneck   1   3    16   1   1
///                       6   3    24   2   2
///                       6   5    40   2   2
///                       6   3    80   3   2
///                       6   5   112   3   1
///                       6   5   192   4   2
///                       6   3   320   1   1
/// convolution           -   1  1280   1   1
/// average over the image, dropout, linear layer
/// ```
///
/// Starts from normal weights with variance 2 / fan-out for convolutions (He et al., 2015), uniform ones in
/// ±1 / √outputs for the linear layer, and biases of 0.
///
/// Source: https://docs.pytorch.org/vision/stable/models/efficientnet.html
public final class EfficientNet: Module, ImageClassifier {
  public let features: Sequential
  public let avgpool = AdaptiveAvgPool2d(1)
  /// Dropout and the head.
  public let classifier: Sequential

  /// - Parameters:
  ///   - width: factor of all numbers of channels, which are rounded to multiples of 8.
  ///   - depth: factor of all numbers of blocks, which are rounded up.
  ///   - stochasticDepth: probability with which a sample would skip a block behind the last; grows from 0 at the
  ///     first block in equal steps.
  public init(
    width: Double, depth: Double, classes: Int = 1000, dropout: Double, stochasticDepth: Double = 0.2
  ) {
    let stages = [
      (1, 3, 16, 1, 1), (6, 3, 24, 2, 2), (6, 5, 40, 2, 2), (6, 3, 80, 3, 2), (6, 5, 112, 3, 1),
      (6, 5, 192, 4, 2),
      (6, 3, 320, 1, 1),
    ].map { t, k, c, n, s in
      (t, k, channelCount(Double(c) * width), Int((Double(n) * depth).rounded(.up)), s)
    }
    let total = stages.reduce(0) { $0 + $1.3 }
    var (channels, place) = (channelCount(32 * width), 0)
    func norm(_ channels: Int) -> any CallableModule { BatchNorm2d(channels) }
    features = Sequential(Conv2dNormActivation(3, channels, stride: 2, activation: SiLU()))
    for (t, k, outputs, n, s) in stages {
      features.append(
        Sequential(
          (0..<n).map { block in
            defer { (channels, place) = (outputs, place + 1) }
            return InvertedBottleneck(
              from: channels, expanded: channelCount(Double(channels * t)), to: outputs, kernelSize: k,
              stride: block == 0 ? s : 1, squeeze: max(1, channels / 4),
              dropProbability: stochasticDepth * Double(place) / Double(total), norm: norm,
              activation: { SiLU() }, excitation: (SiLU(), Sigmoid()))
          }))
    }
    features.append(Conv2dNormActivation(channels, 4 * channels, kernelSize: 1, activation: SiLU()))
    classifier = Sequential(Dropout(dropout), Linear(4 * channels, classes))
    super.init()
    drawWeights(
      convolution: kaimingFanOut,
      linear: { weight in
        let bound = 1 / Double(weight.shape[0]).squareRoot()
        return Init.uniform(weight.shape, low: -bound, high: bound)
      })
  }

  public var stages: [Stage] {
    [Stage("features", features), Stage("avgpool", avgpool), .flatten, Stage("classifier", classifier)]
  }

  public func replaceHead(classes: Int) { classifier.replaceLastLinear(classes: classes) }
}

// MARK: The networks

/// EfficientNet-B0, for images of 224x224: 5.3 million parameters.
public let efficientnet_b0 = Architecture(
  "efficientnet_b0",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "efficientnet_b0_rwightman-7f5810bc.pth", parameters: 5_288_548,
      accuracy: [77.692, 93.532], transforms: ImageClassification(interpolation: .bicubic))
  ]
) { EfficientNet(width: 1, depth: 1, classes: $0, dropout: 0.2) }
/// EfficientNet-B1, for images of 240x240: 7.8 million parameters.
public let efficientnet_b1 = Architecture(
  "efficientnet_b1",
  weights: [
    PretrainedWeights(
      .imagenet1kV2, "efficientnet_b1-c27df63c.pth", parameters: 7_794_184,
      accuracy: [79.838, 94.934], transforms: ImageClassification(crop: 240, resize: 255)),
    PretrainedWeights(
      .imagenet1kV1, "efficientnet_b1_rwightman-bac287d4.pth", parameters: 7_794_184,
      accuracy: [78.642, 94.186], transforms: ImageClassification(crop: 240, interpolation: .bicubic)),
  ]
) { EfficientNet(width: 1, depth: 1.1, classes: $0, dropout: 0.2) }
/// EfficientNet-B2, for images of 288x288: 9.1 million parameters.
public let efficientnet_b2 = Architecture(
  "efficientnet_b2",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "efficientnet_b2_rwightman-c35c1473.pth", parameters: 9_109_994,
      accuracy: [80.608, 95.31],
      transforms: ImageClassification(crop: 288, resize: 288, interpolation: .bicubic))
  ]
) { EfficientNet(width: 1.1, depth: 1.2, classes: $0, dropout: 0.3) }

extension EfficientNet {
  /// The members of the family.
  static let architectures: [any ArchitectureRow] = [efficientnet_b0, efficientnet_b1, efficientnet_b2]
}
