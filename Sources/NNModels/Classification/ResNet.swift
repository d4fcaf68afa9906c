// swift-format-ignore-file: AlwaysUseLowerCamelCase (the names of the networks are torchvision's)
import NNCore
import NNLayers

/// Residual network (He et al., "Deep residual learning for image recognition", 2016): four stages of blocks
/// whose output is added to their input; each stage halves height and width and doubles the channels.
///
/// Blocks per stage:
///
/// ```text
/// layer     output    18    34    50   101   152    a block's convolutions
/// conv1     112x112                                 7x7, 64, stride 2
/// layer1    56x56      2     3     3     3     3    18, 34: 3x3, 3x3
/// layer2    28x28      2     4     4     4     8    50 and more: 1x1, 3x3, 1x1
/// layer3    14x14      2     6     6    23    36
/// layer4    7x7        2     3     3     3     3
/// ```
///
/// As in torchvision, a bottleneck has its stride at the 3x3 convolution ("ResNet V1.5"). The ResNeXt
/// networks (Xie et al., 2017) divide that convolution into groups; the wide ones (Zagoruyko and Komodakis,
/// 2016) give it twice the channels.
///
/// Starts from normal weights with variance 2 / fan-out for convolutions (He et al., 2015), and PyTorch's
/// defaults for the rest.
///
/// Source: https://docs.pytorch.org/vision/stable/models/resnet.html
public final class ResNet: Module, ImageClassifier {
  public let conv1: Conv2d
  public let bn1: BatchNorm2d
  public let relu = ReLU()
  public let maxpool = MaxPool2d(kernelSize: 3, stride: 2, padding: 1)
  public let layer1: Sequential
  public let layer2: Sequential
  public let layer3: Sequential
  public let layer4: Sequential
  public let avgpool = AdaptiveAvgPool2d(1)
  /// The head, a linear layer after averaging over the image.
  public private(set) var fc: Linear

  /// - Parameters:
  ///   - block: `BasicBlock.self` or `Bottleneck.self`.
  ///   - blocks: number of blocks of each of the four stages.
  ///   - groups: groups of a bottleneck's 3x3 convolution.
  ///   - widthPerGroup: channels of each group in the first stage; 64 in a plain ResNet.
  public init(
    _ block: any ResidualBlock.Type, _ blocks: [Int], classes: Int = 1000, groups: Int = 1,
    widthPerGroup: Int = 64
  ) {
    require(blocks.count == 4, "ResNet", "needs the numbers of blocks of 4 stages, got \(blocks)")
    var channels = 64
    func stage(_ index: Int) -> Sequential {
      let width = 64 << index
      return Sequential(
        (0..<blocks[index]).map { place in
          defer { channels = width * block.expansion }
          return block.init(
            from: channels, width: width, stride: index > 0 && place == 0 ? 2 : 1, groups: groups,
            widthPerGroup: widthPerGroup)
        })
    }
    conv1 = Conv2d(3, 64, kernelSize: 7, stride: 2, padding: 3, bias: false)
    bn1 = BatchNorm2d(64)
    layer1 = stage(0)
    layer2 = stage(1)
    layer3 = stage(2)
    layer4 = stage(3)
    fc = Linear(channels, classes)
    super.init()
    drawWeights(convolution: kaimingFanOut)
  }

  public var stages: [Stage] {
    [
      Stage("conv1", conv1), Stage("bn1", bn1), Stage("relu", relu), Stage("maxpool", maxpool),
      Stage("layer1", layer1), Stage("layer2", layer2), Stage("layer3", layer3), Stage("layer4", layer4),
      Stage("avgpool", avgpool), .flatten, Stage("fc", fc),
    ]
  }

  public func replaceHead(classes: Int) { fc = Linear(fc.inFeatures, classes) }
}

/// A block of a ``ResNet``: relu(x + f(x)).
public protocol ResidualBlock: Layer {
  /// Channels at the end over `width`.
  static var expansion: Int { get }

  /// - Parameters:
  ///   - inputs: channels of the input.
  ///   - width: channels within a plain block.
  ///   - stride: of the convolution that makes the image smaller.
  init(from inputs: Int, width: Int, stride: Int, groups: Int, widthPerGroup: Int)
}

extension ResidualBlock {
  /// What brings the input to the size and channels of the output where they differ.
  fileprivate static func downsample(from inputs: Int, width: Int, stride: Int) -> Sequential? {
    let outputs = width * expansion
    if stride == 1 && inputs == outputs { return nil }
    return Sequential(
      Conv2d(inputs, outputs, kernelSize: 1, stride: Size2(stride), bias: false), BatchNorm2d(outputs))
  }
}

/// Two 3x3 convolutions.
public final class BasicBlock: Module, ResidualBlock {
  public static let expansion = 1

  public let conv1: Conv2d
  public let bn1: BatchNorm2d
  public let relu = ReLU()
  public let conv2: Conv2d
  public let bn2: BatchNorm2d
  public let downsample: Sequential?

  public init(from inputs: Int, width: Int, stride: Int, groups: Int = 1, widthPerGroup: Int = 64) {
    require(groups == 1 && widthPerGroup == 64, "BasicBlock", "has neither groups nor other widths")
    conv1 = Conv2d(inputs, width, kernelSize: 3, stride: Size2(stride), padding: 1, bias: false)
    bn1 = BatchNorm2d(width)
    conv2 = Conv2d(width, width, kernelSize: 3, padding: 1, bias: false)
    bn2 = BatchNorm2d(width)
    downsample = Self.downsample(from: inputs, width: width, stride: stride)
  }

  public func forward(_ x: Tensor) -> Tensor {
    let y = bn2(conv2(relu(bn1(conv1(x)))))
    return relu(y + (downsample?(x) ?? x))
  }
}

/// A 1x1 convolution to fewer channels, a 3x3 convolution, and a 1x1 convolution to four times the width.
public final class Bottleneck: Module, ResidualBlock {
  public static let expansion = 4

  public let conv1: Conv2d
  public let bn1: BatchNorm2d
  public let conv2: Conv2d
  public let bn2: BatchNorm2d
  public let conv3: Conv2d
  public let bn3: BatchNorm2d
  public let relu = ReLU()
  public let downsample: Sequential?

  public init(from inputs: Int, width: Int, stride: Int, groups: Int = 1, widthPerGroup: Int = 64) {
    let inner = width * widthPerGroup / 64 * groups
    conv1 = Conv2d(inputs, inner, kernelSize: 1, bias: false)
    bn1 = BatchNorm2d(inner)
    conv2 = Conv2d(
      inner, inner, kernelSize: 3, stride: Size2(stride), padding: 1, groups: groups, bias: false)
    bn2 = BatchNorm2d(inner)
    conv3 = Conv2d(inner, width * Self.expansion, kernelSize: 1, bias: false)
    bn3 = BatchNorm2d(width * Self.expansion)
    downsample = Self.downsample(from: inputs, width: width, stride: stride)
  }

  public func forward(_ x: Tensor) -> Tensor {
    let y = bn3(conv3(relu(bn2(conv2(relu(bn1(conv1(x))))))))
    return relu(y + (downsample?(x) ?? x))
  }
}

// MARK: The networks

/// ResNet-18: 11.7 million parameters.
public let resnet18 = Architecture(
  "resnet18",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "resnet18-f37072fd.pth", parameters: 11_689_512, accuracy: [69.758, 89.078])
  ]
) { ResNet(BasicBlock.self, [2, 2, 2, 2], classes: $0) }
/// ResNet-34: 21.8 million parameters.
public let resnet34 = Architecture(
  "resnet34",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "resnet34-b627a593.pth", parameters: 21_797_672, accuracy: [73.314, 91.42])
  ]
) { ResNet(BasicBlock.self, [3, 4, 6, 3], classes: $0) }
/// ResNet-50: 25.6 million parameters.
public let resnet50 = Architecture(
  "resnet50",
  weights: [
    PretrainedWeights(
      .imagenet1kV2, "resnet50-11ad3fa6.pth", parameters: 25_557_032, accuracy: [80.858, 95.434],
      transforms: ImageClassification(resize: 232)),
    PretrainedWeights(
      .imagenet1kV1, "resnet50-0676ba61.pth", parameters: 25_557_032, accuracy: [76.13, 92.862]),
  ]
) { ResNet(Bottleneck.self, [3, 4, 6, 3], classes: $0) }
/// ResNet-101: 44.5 million parameters.
public let resnet101 = Architecture(
  "resnet101",
  weights: [
    PretrainedWeights(
      .imagenet1kV2, "resnet101-cd907fc2.pth", parameters: 44_549_160, accuracy: [81.886, 95.78],
      transforms: ImageClassification(resize: 232)),
    PretrainedWeights(
      .imagenet1kV1, "resnet101-63fe2227.pth", parameters: 44_549_160, accuracy: [77.374, 93.546]),
  ]
) { ResNet(Bottleneck.self, [3, 4, 23, 3], classes: $0) }
/// ResNet-152: 60.2 million parameters.
public let resnet152 = Architecture(
  "resnet152",
  weights: [
    PretrainedWeights(
      .imagenet1kV2, "resnet152-f82ba261.pth", parameters: 60_192_808, accuracy: [82.284, 96.002],
      transforms: ImageClassification(resize: 232)),
    PretrainedWeights(
      .imagenet1kV1, "resnet152-394f9c45.pth", parameters: 60_192_808, accuracy: [78.312, 94.046]),
  ]
) { ResNet(Bottleneck.self, [3, 8, 36, 3], classes: $0) }

/// ResNeXt-50, 32 groups of 4 channels: 25.0 million parameters.
public let resnext50_32x4d = Architecture(
  "resnext50_32x4d",
  weights: [
    PretrainedWeights(
      .imagenet1kV2, "resnext50_32x4d-1a0047aa.pth", parameters: 25_028_904,
      accuracy: [81.198, 95.34], transforms: ImageClassification(resize: 232)),
    PretrainedWeights(
      .imagenet1kV1, "resnext50_32x4d-7cdf4587.pth", parameters: 25_028_904,
      accuracy: [77.618, 93.698]),
  ]
) { ResNet(Bottleneck.self, [3, 4, 6, 3], classes: $0, groups: 32, widthPerGroup: 4) }
/// ResNeXt-101, 32 groups of 8 channels: 88.8 million parameters.
public let resnext101_32x8d = Architecture(
  "resnext101_32x8d",
  weights: [
    PretrainedWeights(
      .imagenet1kV2, "resnext101_32x8d-110c445d.pth", parameters: 88_791_336,
      accuracy: [82.834, 96.228], transforms: ImageClassification(resize: 232)),
    PretrainedWeights(
      .imagenet1kV1, "resnext101_32x8d-8ba56ff5.pth", parameters: 88_791_336,
      accuracy: [79.312, 94.526]),
  ]
) { ResNet(Bottleneck.self, [3, 4, 23, 3], classes: $0, groups: 32, widthPerGroup: 8) }
/// ResNeXt-101, 64 groups of 4 channels: 83.5 million parameters.
public let resnext101_64x4d = Architecture(
  "resnext101_64x4d",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "resnext101_64x4d-173b62eb.pth", parameters: 83_455_272,
      accuracy: [83.246, 96.454], transforms: ImageClassification(resize: 232))
  ]
) { ResNet(Bottleneck.self, [3, 4, 23, 3], classes: $0, groups: 64, widthPerGroup: 4) }

/// Wide ResNet-50-2: 68.9 million parameters.
public let wide_resnet50_2 = Architecture(
  "wide_resnet50_2",
  weights: [
    PretrainedWeights(
      .imagenet1kV2, "wide_resnet50_2-9ba9bcbe.pth", parameters: 68_883_240,
      accuracy: [81.602, 95.758], transforms: ImageClassification(resize: 232)),
    PretrainedWeights(
      .imagenet1kV1, "wide_resnet50_2-95faca4d.pth", parameters: 68_883_240,
      accuracy: [78.468, 94.086]),
  ]
) { ResNet(Bottleneck.self, [3, 4, 6, 3], classes: $0, widthPerGroup: 128) }
/// Wide ResNet-101-2: 126.9 million parameters.
public let wide_resnet101_2 = Architecture(
  "wide_resnet101_2",
  weights: [
    PretrainedWeights(
      .imagenet1kV2, "wide_resnet101_2-d733dc28.pth", parameters: 126_886_696,
      accuracy: [82.51, 96.02], transforms: ImageClassification(resize: 232)),
    PretrainedWeights(
      .imagenet1kV1, "wide_resnet101_2-32ee1156.pth", parameters: 126_886_696,
      accuracy: [78.848, 94.284]),
  ]
) { ResNet(Bottleneck.self, [3, 4, 23, 3], classes: $0, widthPerGroup: 128) }

extension ResNet {
  /// The members of the family.
  static let architectures: [any ArchitectureRow] = [
    resnet18, resnet34, resnet50, resnet101, resnet152, resnext50_32x4d, resnext101_32x8d, resnext101_64x4d,
    wide_resnet50_2, wide_resnet101_2,
  ]
}
