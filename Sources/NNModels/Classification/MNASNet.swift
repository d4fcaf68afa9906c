// swift-format-ignore-file: AlwaysUseLowerCamelCase (the names of the networks are torchvision's)
import NNCore
import NNLayers

/// MNASNet-B1 (Tan et al., "MnasNet: platform-aware neural architecture search for mobile", 2019).
///
/// Figure 7 of the paper (t: expansion, k: kernel, c: channels, n: blocks, s: stride of the first):
///
/// ```text
/// layer                    t   k     c   n   s
/// convolution              -   3    32   1   2
/// separable convolution    -   3    16   1   1
/// inverted residuals       3   3    24   3   2
///                          3   5    40   3   2
///                          6   5    80   3   2
///                          6   3    96   2   1
///                          6   5   192   4   2
///                          6   3   320   1   1
/// convolution              -   1  1280   1   1
/// average over the image, dropout, linear layer
/// ```
///
/// Starts from normal weights with variance 2 / fan-out for convolutions (He et al., 2015), uniform ones with variance
/// 1 / fan-out for the linear layer, and biases of 0. Batch norms move by 0.0003 a batch.
///
/// Source: https://docs.pytorch.org/vision/stable/models/mnasnet.html
public final class MNASNet: Module, ImageClassifier {
  public let layers: Sequential
  /// Dropout and the head.
  public let classifier: Sequential

  /// - Parameter alpha: factor of all numbers of channels but the last, which are rounded to multiples of 8.
  public init(alpha: Double, classes: Int = 1000, dropout: Double = 0.2) {
    let (stem, first) = (channelCount(32 * alpha), channelCount(16 * alpha))
    layers = Sequential(
      convolution(3, stem, kernelSize: 3, stride: 2) + [ReLU()]
        + convolution(stem, stem, kernelSize: 3, groups: stem) + [ReLU()]
        + convolution(stem, first, kernelSize: 1))
    var channels = first
    for (t, k, c, n, s) in [
      (3, 3, 24, 3, 2), (3, 5, 40, 3, 2), (6, 5, 80, 3, 2), (6, 3, 96, 2, 1), (6, 5, 192, 4, 2),
      (6, 3, 320, 1, 1),
    ] {
      let outputs = channelCount(Double(c) * alpha)
      layers.append(
        Sequential(
          (0..<n).map { block in
            defer { channels = outputs }
            return MNASBlock(
              from: channels, expansion: t, to: outputs, kernelSize: k, stride: block == 0 ? s : 1)
          }))
    }
    for layer in convolution(channels, 1280, kernelSize: 1) + [ReLU()] { layers.append(layer) }
    classifier = Sequential(Dropout(dropout), Linear(1280, classes))
    super.init()
    drawWeights(
      convolution: kaimingFanOut,
      linear: { Init.kaimingUniform($0.shape, mode: .fanOut, nonlinearity: .sigmoid) })
  }

  public var stages: [Stage] {
    [Stage("layers", layers), Stage("mean") { $0.mean([2, 3]) }, Stage("classifier", classifier)]
  }

  public func replaceHead(classes: Int) { classifier.replaceLastLinear(classes: classes) }
}

/// A 1x1 convolution to more channels, a depthwise convolution and a 1x1 convolution to few channels without
/// activation, with the input added where sizes agree.
public final class MNASBlock: Module, Layer {
  public let layers: Sequential
  private let isResidual: Bool

  init(from inputs: Int, expansion: Int, to outputs: Int, kernelSize: Int, stride: Int) {
    let inner = inputs * expansion
    layers = Sequential(
      convolution(inputs, inner, kernelSize: 1) + [ReLU()]
        + convolution(inner, inner, kernelSize: kernelSize, stride: stride, groups: inner) + [ReLU()]
        + convolution(inner, outputs, kernelSize: 1))
    isResidual = stride == 1 && inputs == outputs
  }

  public func forward(_ x: Tensor) -> Tensor { isResidual ? layers(x) + x : layers(x) }
}

private func convolution(
  _ inputs: Int, _ outputs: Int, kernelSize: Int, stride: Int = 1, groups: Int = 1
) -> [any CallableModule] {
  [
    Conv2d(
      inputs, outputs, kernelSize: Size2(kernelSize), stride: Size2(stride),
      padding: .symmetric(Size2(kernelSize / 2)), groups: groups, bias: false),
    BatchNorm2d(outputs, momentum: 1 - 0.9997),
  ]
}

// MARK: The networks

/// MNASNet with half the channels: 2.2 million parameters.
public let mnasnet0_5 = Architecture(
  "mnasnet0_5",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "mnasnet0.5_top1_67.823-3ffadce67e.pth", parameters: 2_218_512,
      accuracy: [67.734, 87.49])
  ]
) { MNASNet(alpha: 0.5, classes: $0) }
/// MNASNet with three quarters of the channels: 3.2 million parameters.
public let mnasnet0_75 = Architecture(
  "mnasnet0_75",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "mnasnet0_75-7090bc5f.pth", parameters: 3_170_208,
      accuracy: [71.18, 90.496], transforms: ImageClassification(resize: 232))
  ]
) { MNASNet(alpha: 0.75, classes: $0) }
/// MNASNet: 4.4 million parameters.
public let mnasnet1_0 = Architecture(
  "mnasnet1_0",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "mnasnet1.0_top1_73.512-f206786ef8.pth", parameters: 4_383_312,
      accuracy: [73.456, 91.51])
  ]
) { MNASNet(alpha: 1, classes: $0) }
/// MNASNet with 1.3 times the channels: 6.3 million parameters.
public let mnasnet1_3 = Architecture(
  "mnasnet1_3",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "mnasnet1_3-a4c69d6f.pth", parameters: 6_282_256,
      accuracy: [76.506, 93.522], transforms: ImageClassification(resize: 232))
  ]
) { MNASNet(alpha: 1.3, classes: $0) }

extension MNASNet {
  /// The members of the family.
  static let architectures: [any ArchitectureRow] = [mnasnet0_5, mnasnet0_75, mnasnet1_0, mnasnet1_3]
}
