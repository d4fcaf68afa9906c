// swift-format-ignore-file: AlwaysUseLowerCamelCase (the names of the networks are torchvision's)
import NNCore
import NNLayers

/// ShuffleNet v2 (Ma et al., "ShuffleNet v2: practical guidelines for efficient CNN architecture design", 2018):
/// blocks work on half of the channels and shuffle them afterwards.
///
/// Channels (table 5 of the paper):
///
/// ```text
/// layer      output    blocks   x0.5   x1.0   x1.5   x2.0
/// conv1      112x112              24     24     24     24
/// maxpool    56x56
/// stage2     28x28        4       48    116    176    244
/// stage3     14x14        8       96    232    352    488
/// stage4     7x7          4      192    464    704    976
/// conv5      7x7                1024   1024   1024   2048
/// average over the image, linear layer
/// ```
///
/// Starts from PyTorch's defaults.
///
/// Source: https://docs.pytorch.org/vision/stable/models/shufflenetv2.html
public final class ShuffleNetV2: Module, ImageClassifier {
  public let conv1: Conv2dNormActivation
  public let maxpool = MaxPool2d(kernelSize: 3, stride: 2, padding: 1)
  public let stage2: Sequential
  public let stage3: Sequential
  public let stage4: Sequential
  public let conv5: Conv2dNormActivation
  /// The head.
  public private(set) var fc: Linear

  /// - Parameter channels: of conv1, the three stages, and conv5.
  public init(channels: [Int], classes: Int = 1000) {
    require(channels.count == 5, "ShuffleNetV2", "needs 5 numbers of channels, got \(channels)")
    func stage(_ index: Int, blocks: Int) -> Sequential {
      let (inputs, outputs) = (channels[index - 1], channels[index])
      return Sequential(
        (0..<blocks).map {
          ShuffleBlock(from: $0 == 0 ? inputs : outputs, to: outputs, stride: $0 == 0 ? 2 : 1)
        })
    }
    conv1 = Conv2dNormActivation(3, channels[0], stride: 2)
    stage2 = stage(1, blocks: 4)
    stage3 = stage(2, blocks: 8)
    stage4 = stage(3, blocks: 4)
    conv5 = Conv2dNormActivation(channels[3], channels[4], kernelSize: 1)
    fc = Linear(channels[4], classes)
  }

  public var stages: [Stage] {
    [
      Stage("conv1", conv1), Stage("maxpool", maxpool), Stage("stage2", stage2), Stage("stage3", stage3),
      Stage("stage4", stage4), Stage("conv5", conv5), Stage("mean") { $0.mean([2, 3]) }, Stage("fc", fc),
    ]
  }

  public func replaceHead(classes: Int) { fc = Linear(fc.inFeatures, classes) }
}

/// A block of ``ShuffleNetV2``: with stride 1 half of the channels pass unchanged, with stride 2 both branches see
/// all of them.
public final class ShuffleBlock: Module, Layer {
  /// Empty with stride 1.
  public let branch1: Sequential
  public let branch2: Sequential

  init(from inputs: Int, to outputs: Int, stride: Int) {
    let half = outputs / 2
    func depthwise(_ channels: Int) -> [any CallableModule] {
      [
        Conv2d(
          channels, channels, kernelSize: 3, stride: Size2(stride), padding: 1, groups: channels, bias: false),
        BatchNorm2d(channels),
      ]
    }
    func pointwise(_ channels: Int) -> [any CallableModule] {
      [Conv2d(channels, half, kernelSize: 1, bias: false), BatchNorm2d(half), ReLU()]
    }
    branch1 = Sequential(stride > 1 ? depthwise(inputs) + pointwise(inputs) : [])
    branch2 = Sequential(pointwise(stride > 1 ? inputs : half) + depthwise(half) + pointwise(half))
  }

  public func forward(_ x: Tensor) -> Tensor {
    let parts: [Tensor]
    if branch1.isEmpty {
      let halves = x.chunk(2, axis: 1)
      parts = [halves[0], branch2(halves[1])]
    } else {
      parts = [branch1(x), branch2(x)]
    }
    return cat(parts, axis: 1).channelShuffle(groups: 2)
  }
}

// MARK: The networks

/// ShuffleNet v2 with half the channels: 1.4 million parameters.
public let shufflenet_v2_x0_5 = Architecture(
  "shufflenet_v2_x0_5",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "shufflenetv2_x0.5-f707e7126e.pth", parameters: 1_366_792,
      accuracy: [60.552, 81.746])
  ]
) { ShuffleNetV2(channels: [24, 48, 96, 192, 1024], classes: $0) }
/// ShuffleNet v2: 2.3 million parameters.
public let shufflenet_v2_x1_0 = Architecture(
  "shufflenet_v2_x1_0",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "shufflenetv2_x1-5666bf0f80.pth", parameters: 2_278_604,
      accuracy: [69.362, 88.316])
  ]
) { ShuffleNetV2(channels: [24, 116, 232, 464, 1024], classes: $0) }
/// ShuffleNet v2 with one and a half times the channels: 3.5 million parameters.
public let shufflenet_v2_x1_5 = Architecture(
  "shufflenet_v2_x1_5",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "shufflenetv2_x1_5-3c479a10.pth", parameters: 3_503_624,
      accuracy: [72.996, 91.086], transforms: ImageClassification(resize: 232))
  ]
) { ShuffleNetV2(channels: [24, 176, 352, 704, 1024], classes: $0) }
/// ShuffleNet v2 with twice the channels: 7.4 million parameters.
public let shufflenet_v2_x2_0 = Architecture(
  "shufflenet_v2_x2_0",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "shufflenetv2_x2_0-8be3c8ee.pth", parameters: 7_393_996,
      accuracy: [76.23, 93.006], transforms: ImageClassification(resize: 232))
  ]
) { ShuffleNetV2(channels: [24, 244, 488, 976, 2048], classes: $0) }

extension ShuffleNetV2 {
  /// The members of the family.
  static let architectures: [any ArchitectureRow] = [
    shufflenet_v2_x0_5, shufflenet_v2_x1_0, shufflenet_v2_x1_5, shufflenet_v2_x2_0,
  ]
}
