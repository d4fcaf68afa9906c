// swift-format-ignore-file: AlwaysUseLowerCamelCase (the names of networks and parts are torchvision's)
import NNCore
import NNLayers

/// SqueezeNet (Iandola et al., 2016): "fire" modules that squeeze the channels before each 3x3 convolution
/// reach the accuracy of AlexNet with a fiftieth of its parameters. Needs images of at least 21x21 (1.1:
/// 17x17).
///
/// Layers:
///
/// ```text
/// 1.0                    1.1
/// 7x7, 96, stride 2      3x3, 64, stride 2
/// max-pool               max-pool
/// fire2, fire3, fire4    fire2, fire3
/// max-pool               max-pool
/// fire5 … fire8          fire4, fire5
/// max-pool               max-pool
/// fire9                  fire6 … fire9
/// 1x1, classes, and the average over the image
/// ```
///
/// From fire2 to fire9 the modules squeeze to 16, 16, 32, 32, 48, 48, 64, 64 channels and expand to eight
/// times as many.
///
/// The ReLU comes after the last convolution, so logits are never negative and far from centred: a new linear
/// head on top of them wants a batch normalisation before it.
///
/// Starts from uniform weights of variance 2 / fan-in (He et al., 2015) and biases of 0; the last convolution
/// from normal weights of standard deviation 0.01.
///
/// Source: https://docs.pytorch.org/vision/stable/models/squeezenet.html
public final class SqueezeNet: Module, ImageClassifier {
  public let features: Sequential
  /// Dropout, the last convolution (the head), ReLU and the average over the image.
  public let classifier: Sequential

  /// - Parameters:
  ///   - stem: channels of the first convolution.
  ///   - kernelSize: of the first convolution.
  ///   - poolingAfter: fire modules (2...9) that a max-pooling follows.
  public init(
    stem: Int, kernelSize: Int, poolingAfter: Set<Int>, classes: Int = 1000, dropout: Double = 0.5
  ) {
    func pooling() -> MaxPool2d { MaxPool2d(kernelSize: 3, stride: 2, ceilMode: true) }
    var layers: [any Layer] = [Conv2d(3, stem, kernelSize: Size2(kernelSize), stride: 2), ReLU(), pooling()]
    var channels = stem
    for (fire, squeeze) in zip(2...9, [16, 16, 32, 32, 48, 48, 64, 64]) {
      layers.append(Fire(from: channels, squeeze: squeeze, expand: 4 * squeeze))
      channels = 8 * squeeze
      if poolingAfter.contains(fire) { layers.append(pooling()) }
    }
    features = Sequential(layers)
    let head = Conv2d(channels, classes, kernelSize: 1)
    classifier = Sequential(Dropout(dropout), head, ReLU(), AdaptiveAvgPool2d(1))
    super.init()
    drawWeights(convolution: { $0 === head.weight ? normalHundredth($0) : Init.kaimingUniform($0.shape) })
  }

  public var stages: [Stage] { [Stage("features", features), Stage("classifier", classifier), .flatten] }

  public func replaceHead(classes: Int) { classifier[1] = Conv2d(512, classes, kernelSize: 1) }
}

/// A 1x1 convolution to few channels, and from these a 1x1 and a 3x3 convolution side by side.
public final class Fire: Module, Layer {
  public let squeeze: Conv2d
  public let squeeze_activation = ReLU()
  public let expand1x1: Conv2d
  public let expand1x1_activation = ReLU()
  public let expand3x3: Conv2d
  public let expand3x3_activation = ReLU()

  /// - Parameters:
  ///   - inputs: channels of the input.
  ///   - squeezed: channels after the first convolution.
  ///   - expanded: channels of each of the two others; together they have twice as many.
  public init(from inputs: Int, squeeze squeezed: Int, expand expanded: Int) {
    squeeze = Conv2d(inputs, squeezed, kernelSize: 1)
    expand1x1 = Conv2d(squeezed, expanded, kernelSize: 1)
    expand3x3 = Conv2d(squeezed, expanded, kernelSize: 3, padding: 1)
  }

  public func forward(_ x: Tensor) -> Tensor {
    let squeezed = squeeze_activation(squeeze(x))
    return cat(
      [expand1x1_activation(expand1x1(squeezed)), expand3x3_activation(expand3x3(squeezed))], axis: 1)
  }
}

// MARK: The networks

/// SqueezeNet 1.0: 1.25 million parameters.
public let squeezenet1_0 = Architecture(
  "squeezenet1_0",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "squeezenet1_0-b66bff10.pth", parameters: 1_248_424,
      accuracy: [58.092, 80.42], minimumSize: 21)
  ]
) { SqueezeNet(stem: 96, kernelSize: 7, poolingAfter: [4, 8], classes: $0) }
/// SqueezeNet 1.1: 1.24 million parameters and 2.4 times less computation than 1.0.
public let squeezenet1_1 = Architecture(
  "squeezenet1_1",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "squeezenet1_1-b8a52dc0.pth", parameters: 1_235_496,
      accuracy: [58.178, 80.624], minimumSize: 17)
  ]
) { SqueezeNet(stem: 64, kernelSize: 3, poolingAfter: [3, 5], classes: $0) }

extension SqueezeNet {
  /// The members of the family.
  static let architectures: [any ArchitectureRow] = [squeezenet1_0, squeezenet1_1]
}
