// swift-format-ignore-file: AlwaysUseLowerCamelCase (the names of the networks are torchvision's)
import Foundation
import NNCore
import NNLayers

/// EfficientNet (Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks", 2019).
///
/// Table 1 of the paper (t: expansion, k: kernel, c: channels, n: blocks, s: stride of the first), which is B0; the
/// others have more channels and blocks:
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
/// EfficientNetV2 (Tan and Le, "EfficientNetV2: smaller models and faster training", 2021) has kernels of 3, and in its
/// first stages one convolution in place of the expanding and the depthwise one.
///
/// Starts from normal weights with variance 2 / fan-out for convolutions (He et al., 2015), uniform ones in
/// ±1 / √outputs for the linear layer, and biases of 0.
///
/// Source: https://docs.pytorch.org/vision/stable/models/efficientnet.html,
/// https://docs.pytorch.org/vision/stable/models/efficientnetv2.html
public final class EfficientNet: Module, ImageClassifier {
  /// A row of the papers' tables.
  public struct Row: Sendable {
    let expansion: Int, kernel: Int, channels: Int, blocks: Int, stride: Int, isFused: Bool

    /// - Parameters:
    ///   - stride: of the first block.
    ///   - fused: whether the blocks are ``FusedBottleneck``.
    public init(
      _ expansion: Int, _ kernel: Int, _ channels: Int, _ blocks: Int, _ stride: Int, fused: Bool = false
    ) {
      (self.expansion, self.kernel, self.channels) = (expansion, kernel, channels)
      (self.blocks, self.stride, isFused) = (blocks, stride, fused)
    }
  }

  public let features: Sequential
  public let avgpool = AdaptiveAvgPool2d(1)
  /// Dropout and the head.
  public let classifier: Sequential

  /// A network of the first paper.
  ///
  /// - Parameters:
  ///   - width: factor of all numbers of channels, which are rounded to multiples of 8.
  ///   - depth: factor of all numbers of blocks, which are rounded up.
  ///   - stochasticDepth: probability with which a sample would skip a block behind the last; grows from 0 at the
  ///     first block in equal steps.
  ///   - epsilon: of the batch normalisations.
  ///   - momentum: of the batch normalisations.
  public convenience init(
    width: Double, depth: Double, classes: Int = 1000, dropout: Double, stochasticDepth: Double = 0.2,
    epsilon: Double = 1e-5, momentum: Double = 0.1
  ) {
    let rows = [
      (1, 3, 16, 1, 1), (6, 3, 24, 2, 2), (6, 5, 40, 2, 2), (6, 3, 80, 3, 2), (6, 5, 112, 3, 1),
      (6, 5, 192, 4, 2),
      (6, 3, 320, 1, 1),
    ].map { t, k, c, n, s in
      Row(t, k, channelCount(Double(c) * width), Int((Double(n) * depth).rounded(.up)), s)
    }
    self.init(
      rows, first: channelCount(32 * width), last: 4 * channelCount(320 * width), classes: classes,
      dropout: dropout, stochasticDepth: stochasticDepth, epsilon: epsilon, momentum: momentum)
  }

  /// - Parameters:
  ///   - rows: what lies between the first and the last convolution.
  ///   - first: channels of the first convolution.
  ///   - last: channels of the last convolution.
  public init(
    _ rows: [Row], first: Int, last: Int, classes: Int = 1000, dropout: Double, stochasticDepth: Double = 0.2,
    epsilon: Double = 1e-5, momentum: Double = 0.1
  ) {
    let total = rows.reduce(0) { $0 + $1.blocks }
    var (channels, place) = (first, 0)
    func norm(_ channels: Int) -> any CallableModule {
      BatchNorm2d(channels, epsilon: epsilon, momentum: momentum)
    }
    features = Sequential(Conv2dNormActivation(3, channels, stride: 2, norm: norm, activation: SiLU()))
    for row in rows {
      features.append(
        Sequential(
          (0..<row.blocks).map { block -> any CallableModule in
            defer { (channels, place) = (row.channels, place + 1) }
            let (stride, expanded) = (
              block == 0 ? row.stride : 1, channelCount(Double(channels * row.expansion))
            )
            let skip = stochasticDepth * Double(place) / Double(total)
            return row.isFused
              ? FusedBottleneck(
                from: channels, expanded: expanded, to: row.channels, kernelSize: row.kernel, stride: stride,
                dropProbability: skip, norm: norm)
              : InvertedBottleneck(
                from: channels, expanded: expanded, to: row.channels, kernelSize: row.kernel, stride: stride,
                squeeze: max(1, channels / 4), dropProbability: skip, norm: norm, activation: { SiLU() },
                excitation: (SiLU(), Sigmoid()))
          }))
    }
    features.append(Conv2dNormActivation(channels, last, kernelSize: 1, norm: norm, activation: SiLU()))
    classifier = Sequential(Dropout(dropout), Linear(last, classes))
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

/// EfficientNet-B3, for images of 300x300: 12.2 million parameters.
public let efficientnet_b3 = Architecture(
  "efficientnet_b3",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "efficientnet_b3_rwightman-b3899882.pth", parameters: 12_233_232,
      accuracy: [82.008, 96.054],
      transforms: ImageClassification(crop: 300, resize: 320, interpolation: .bicubic))
  ]
) { EfficientNet(width: 1.2, depth: 1.4, classes: $0, dropout: 0.3) }
/// EfficientNet-B4, for images of 380x380: 19.3 million parameters.
public let efficientnet_b4 = Architecture(
  "efficientnet_b4",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "efficientnet_b4_rwightman-23ab8bcd.pth", parameters: 19_341_616,
      accuracy: [83.384, 96.594],
      transforms: ImageClassification(crop: 380, resize: 384, interpolation: .bicubic))
  ]
) { EfficientNet(width: 1.4, depth: 1.8, classes: $0, dropout: 0.4) }
/// EfficientNet-B5, for images of 456x456: 30.4 million parameters.
public let efficientnet_b5 = Architecture(
  "efficientnet_b5",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "efficientnet_b5_lukemelas-1a07897c.pth", parameters: 30_389_784,
      accuracy: [83.444, 96.628],
      transforms: ImageClassification(crop: 456, resize: 456, interpolation: .bicubic))
  ]
) { EfficientNet(width: 1.6, depth: 2.2, classes: $0, dropout: 0.4, epsilon: 1e-3, momentum: 0.01) }
/// EfficientNet-B6, for images of 528x528: 43.0 million parameters.
public let efficientnet_b6 = Architecture(
  "efficientnet_b6",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "efficientnet_b6_lukemelas-24a108a5.pth", parameters: 43_040_704,
      accuracy: [84.008, 96.916],
      transforms: ImageClassification(crop: 528, resize: 528, interpolation: .bicubic))
  ]
) { EfficientNet(width: 1.8, depth: 2.6, classes: $0, dropout: 0.5, epsilon: 1e-3, momentum: 0.01) }
/// EfficientNet-B7, for images of 600x600: 66.3 million parameters.
public let efficientnet_b7 = Architecture(
  "efficientnet_b7",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "efficientnet_b7_lukemelas-c5b4e57e.pth", parameters: 66_347_960,
      accuracy: [84.122, 96.908],
      transforms: ImageClassification(crop: 600, resize: 600, interpolation: .bicubic))
  ]
) { EfficientNet(width: 2, depth: 3.1, classes: $0, dropout: 0.5, epsilon: 1e-3, momentum: 0.01) }
/// EfficientNetV2-S, for images of 384x384: 21.5 million parameters.
public let efficientnet_v2_s = Architecture(
  "efficientnet_v2_s",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "efficientnet_v2_s-dd5fe13b.pth", parameters: 21_458_488,
      accuracy: [84.228, 96.878], minimumSize: 33, transforms: ImageClassification(crop: 384, resize: 384))
  ]
) {
  EfficientNet(
    [
      .init(1, 3, 24, 2, 1, fused: true),
      .init(4, 3, 48, 4, 2, fused: true),
      .init(4, 3, 64, 4, 2, fused: true),
      .init(4, 3, 128, 6, 2),
      .init(6, 3, 160, 9, 1),
      .init(6, 3, 256, 15, 2),
    ], first: 24, last: 1280, classes: $0, dropout: 0.2, epsilon: 1e-3)
}
/// EfficientNetV2-M, for images of 480x480: 54.1 million parameters.
public let efficientnet_v2_m = Architecture(
  "efficientnet_v2_m",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "efficientnet_v2_m-dc08266a.pth", parameters: 54_139_356,
      accuracy: [85.112, 97.156], minimumSize: 33, transforms: ImageClassification(crop: 480, resize: 480))
  ]
) {
  EfficientNet(
    [
      .init(1, 3, 24, 3, 1, fused: true),
      .init(4, 3, 48, 5, 2, fused: true),
      .init(4, 3, 80, 5, 2, fused: true),
      .init(4, 3, 160, 7, 2),
      .init(6, 3, 176, 14, 1),
      .init(6, 3, 304, 18, 2),
      .init(6, 3, 512, 5, 1),
    ], first: 24, last: 1280, classes: $0, dropout: 0.3, epsilon: 1e-3)
}
/// EfficientNetV2-L, for images of 480x480: 118.5 million parameters.
public let efficientnet_v2_l = Architecture(
  "efficientnet_v2_l",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "efficientnet_v2_l-59c71312.pth", parameters: 118_515_272,
      accuracy: [85.808, 97.788], minimumSize: 33,
      transforms: ImageClassification(
        crop: 480, resize: 480, interpolation: .bicubic, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]))
  ]
) {
  EfficientNet(
    [
      .init(1, 3, 32, 4, 1, fused: true),
      .init(4, 3, 64, 7, 2, fused: true),
      .init(4, 3, 96, 7, 2, fused: true),
      .init(4, 3, 192, 10, 2),
      .init(6, 3, 224, 19, 1),
      .init(6, 3, 384, 25, 2),
      .init(6, 3, 640, 7, 1),
    ], first: 32, last: 1280, classes: $0, dropout: 0.4, epsilon: 1e-3)
}

extension EfficientNet {
  /// The members of the family.
  static let architectures: [any ArchitectureRow] = [
    efficientnet_b0, efficientnet_b1, efficientnet_b2, efficientnet_b3, efficientnet_b4, efficientnet_b5,
    efficientnet_b6, efficientnet_b7, efficientnet_v2_s, efficientnet_v2_m, efficientnet_v2_l,
  ]
}
