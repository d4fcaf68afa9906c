// swift-format-ignore-file: AlwaysUseLowerCamelCase (the names of the networks are torchvision's)
import NNCore
import NNLayers

/// VGG (Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", 2015): stages
/// of 3x3 convolutions, each ended by a max-pooling, then three linear layers. Needs images of at least 32x32.
///
/// Convolutions per stage (table 1 of the paper):
///
/// ```text
/// channels     64   128   256   512   512
/// A (VGG-11)    1     1     2     2     2
/// B (VGG-13)    2     2     2     2     2
/// D (VGG-16)    2     2     3     3     3
/// E (VGG-19)    2     2     4     4     4
/// ```
///
/// Starts from normal weights with variance 2 / fan-out for convolutions (He et al., 2015) and of standard deviation
/// 0.01 for linear layers, and biases of 0.
///
/// Source: https://docs.pytorch.org/vision/stable/models/vgg.html
public final class VGG: Module, ImageClassifier {
  public let features: Sequential
  public let avgpool = AdaptiveAvgPool2d(7)
  public let classifier: Sequential

  /// - Parameters:
  ///   - convolutions: number of convolutions of each of the five stages.
  ///   - batchNorm: whether a batch normalisation follows each.
  public init(_ convolutions: [Int], batchNorm: Bool, classes: Int = 1000, dropout: Double = 0.5) {
    require(convolutions.count == 5, "VGG", "needs the convolutions of 5 stages, got \(convolutions)")
    var layers: [any Layer] = []
    var inputs = 3
    for (channels, count) in zip([64, 128, 256, 512, 512], convolutions) {
      for _ in 0..<count {
        layers.append(Conv2d(inputs, channels, kernelSize: 3, padding: 1))
        if batchNorm { layers.append(BatchNorm2d(channels)) }
        layers.append(ReLU())
        inputs = channels
      }
      layers.append(MaxPool2d(kernelSize: 2))
    }
    features = Sequential(layers)
    classifier = Sequential(
      Linear(512 * 7 * 7, 4096), ReLU(), Dropout(dropout), Linear(4096, 4096), ReLU(), Dropout(dropout),
      Linear(4096, classes))
    super.init()
    drawWeights(convolution: kaimingFanOut, linear: normalHundredth)
  }

  public var stages: [Stage] {
    [Stage("features", features), Stage("avgpool", avgpool), .flatten, Stage("classifier", classifier)]
  }

  public func replaceHead(classes: Int) { classifier.replaceLastLinear(classes: classes) }
}

// MARK: The networks

/// VGG-11: 132.9 million parameters.
public let vgg11 = Architecture(
  "vgg11",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "vgg11-8a719046.pth", parameters: 132_863_336, accuracy: [69.02, 88.628],
      minimumSize: 32)
  ]
) { VGG([1, 1, 2, 2, 2], batchNorm: false, classes: $0) }
/// VGG-13: 133.0 million parameters.
public let vgg13 = Architecture(
  "vgg13",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "vgg13-19584684.pth", parameters: 133_047_848, accuracy: [69.928, 89.246],
      minimumSize: 32)
  ]
) { VGG([2, 2, 2, 2, 2], batchNorm: false, classes: $0) }
/// VGG-16: 138.4 million parameters.
public let vgg16 = Architecture(
  "vgg16",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "vgg16-397923af.pth", parameters: 138_357_544, accuracy: [71.592, 90.382],
      minimumSize: 32),
    // Only the convolutions are trained, for images in units of 0...255 less the mean; without categories.
    PretrainedWeights(
      .imagenet1kFeatures, "vgg16_features-amdegroot-88682ab5.pth", parameters: 138_357_544,
      minimumSize: 32,
      transforms: ImageClassification(mean: [0.48235, 0.45882, 0.40784], std: [1 / 255, 1 / 255, 1 / 255])),
  ]
) { VGG([2, 2, 3, 3, 3], batchNorm: false, classes: $0) }
/// VGG-19: 143.7 million parameters.
public let vgg19 = Architecture(
  "vgg19",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "vgg19-dcbb9e9d.pth", parameters: 143_667_240, accuracy: [72.376, 90.876],
      minimumSize: 32)
  ]
) { VGG([2, 2, 4, 4, 4], batchNorm: false, classes: $0) }

/// VGG-11 with batch normalisation: 132.9 million parameters.
public let vgg11_bn = Architecture(
  "vgg11_bn",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "vgg11_bn-6002323d.pth", parameters: 132_868_840, accuracy: [70.37, 89.81],
      minimumSize: 32)
  ]
) { VGG([1, 1, 2, 2, 2], batchNorm: true, classes: $0) }
/// VGG-13 with batch normalisation: 133.1 million parameters.
public let vgg13_bn = Architecture(
  "vgg13_bn",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "vgg13_bn-abd245e5.pth", parameters: 133_053_736, accuracy: [71.586, 90.374],
      minimumSize: 32)
  ]
) { VGG([2, 2, 2, 2, 2], batchNorm: true, classes: $0) }
/// VGG-16 with batch normalisation: 138.4 million parameters.
public let vgg16_bn = Architecture(
  "vgg16_bn",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "vgg16_bn-6c64b313.pth", parameters: 138_365_992, accuracy: [73.36, 91.516],
      minimumSize: 32)
  ]
) { VGG([2, 2, 3, 3, 3], batchNorm: true, classes: $0) }
/// VGG-19 with batch normalisation: 143.7 million parameters.
public let vgg19_bn = Architecture(
  "vgg19_bn",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "vgg19_bn-c79401a0.pth", parameters: 143_678_248, accuracy: [74.218, 91.842],
      minimumSize: 32)
  ]
) { VGG([2, 2, 4, 4, 4], batchNorm: true, classes: $0) }

extension VGG {
  /// The members of the family.
  static let architectures: [any ArchitectureRow] = [
    vgg11, vgg13, vgg16, vgg19, vgg11_bn, vgg13_bn, vgg16_bn, vgg19_bn,
  ]
}
