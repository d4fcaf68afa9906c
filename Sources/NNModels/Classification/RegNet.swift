// swift-format-ignore-file: AlwaysUseLowerCamelCase (the names of the networks are torchvision's)
import NNCore
import NNLayers

/// RegNet (Radosavovic et al., "Designing network design spaces", 2020): four stages of residual bottlenecks with
/// grouped convolutions, whose widths lie on a quantised line. Y has squeeze-and-excitation, X has not.
///
/// ```text
/// layer         output     y_400mf: channels, blocks
/// convolution   112x112     32
/// stage 1       56x56       48, 1
/// stage 2       28x28      104, 3
/// stage 3       14x14      208, 6
/// stage 4       7x7        440, 6
/// average over the image, linear layer
/// ```
///
/// Starts from normal weights with variance 2 / fan-out for convolutions (He et al., 2015) and of standard deviation
/// 0.01 for the linear layer, whose bias is 0.
///
/// Source: https://docs.pytorch.org/vision/stable/models/regnet.html
public final class RegNet: Module, ImageClassifier {
  public let stem: Conv2dNormActivation
  /// The stages, named `block1`, …, with blocks named `block1-0`, ….
  @Key("trunk_output") public private(set) var trunk: Sequential
  public let avgpool = AdaptiveAvgPool2d(1)
  public private(set) var fc: Linear

  /// - Parameters:
  ///   - stages: channels and number of blocks of each stage.
  ///   - groupWidth: channels of a group of the convolutions; a stage of fewer channels is one group.
  ///   - squeeze: channels inside squeeze-and-excitation as a share of the block's inputs; nil leaves it out.
  public init(
    _ stages: [(channels: Int, blocks: Int)], groupWidth: Int, squeeze: Double? = nil, classes: Int = 1000
  ) {
    var channels = 32
    stem = Conv2dNormActivation(3, channels, stride: 2)
    let trunk = Sequential()
    for (index, stage) in stages.enumerated() {
      let blocks = Sequential()
      for block in 0..<stage.blocks {
        blocks.append(
          RegNetBlock(
            from: channels, to: stage.channels, stride: block == 0 ? 2 : 1,
            groupWidth: min(groupWidth, stage.channels),
            squeeze: squeeze.map { Int((Double(channels) * $0).rounded(.toNearestOrEven)) }),
          named: "block\(index + 1)-\(block)")
        channels = stage.channels
      }
      trunk.append(blocks, named: "block\(index + 1)")
    }
    fc = Linear(channels, classes)
    super.init()
    self.trunk = trunk
    // Squeeze-and-excitation keeps the biases that it was made with.
    drawWeights(convolution: kaimingFanOut, linear: normalHundredth, zeroBiases: false)
    fc.bias?.value = Init.zeros([classes])
  }

  public var stages: [Stage] {
    [
      Stage("stem", stem), Stage("trunk_output", trunk), Stage("avgpool", avgpool), .flatten,
      Stage("fc", fc),
    ]
  }

  public func replaceHead(classes: Int) { fc = Linear(fc.inFeatures, classes) }
}

/// A 1x1 convolution, a grouped 3x3 convolution, squeeze-and-excitation and a 1x1 convolution, added to the input (or a
/// projection of it where sizes differ), then ReLU.
public final class RegNetBlock: Module, Layer {
  public let proj: Conv2dNormActivation?
  /// The layers `a`, `b`, `se` and `c`.
  public let f = Sequential()
  public let activation = ReLU()

  init(from inputs: Int, to outputs: Int, stride: Int, groupWidth: Int, squeeze: Int?) {
    let changes = inputs != outputs || stride != 1
    proj =
      changes
      ? Conv2dNormActivation(inputs, outputs, kernelSize: 1, stride: Size2(stride), activation: nil) : nil
    f.append(Conv2dNormActivation(inputs, outputs, kernelSize: 1), named: "a")
    f.append(
      Conv2dNormActivation(outputs, outputs, stride: Size2(stride), groups: outputs / groupWidth), named: "b")
    if let squeeze { f.append(SqueezeExcitation(outputs, squeeze: squeeze), named: "se") }
    f.append(Conv2dNormActivation(outputs, outputs, kernelSize: 1, activation: nil), named: "c")
  }

  public func forward(_ x: Tensor) -> Tensor { activation((proj?(x) ?? x) + f(x)) }
}

// MARK: The networks

/// RegNetX of 400 million multiplications: 5.5 million parameters.
public let regnet_x_400mf = Architecture(
  "regnet_x_400mf",
  weights: [
    PretrainedWeights(
      .imagenet1kV2, "regnet_x_400mf-62229a5f.pth", parameters: 5_495_976,
      accuracy: [74.864, 92.322], transforms: ImageClassification(resize: 232)),
    PretrainedWeights(
      .imagenet1kV1, "regnet_x_400mf-adf1edd5.pth", parameters: 5_495_976,
      accuracy: [72.834, 90.95]),
  ]
) { RegNet([(32, 1), (64, 2), (160, 7), (400, 12)], groupWidth: 16, classes: $0) }
/// RegNetX of 800 million multiplications: 7.3 million parameters.
public let regnet_x_800mf = Architecture(
  "regnet_x_800mf",
  weights: [
    PretrainedWeights(
      .imagenet1kV2, "regnet_x_800mf-94a99ebd.pth", parameters: 7_259_656,
      accuracy: [77.522, 93.826], transforms: ImageClassification(resize: 232)),
    PretrainedWeights(
      .imagenet1kV1, "regnet_x_800mf-ad17e45c.pth", parameters: 7_259_656,
      accuracy: [75.212, 92.348]),
  ]
) { RegNet([(64, 1), (128, 3), (288, 7), (672, 5)], groupWidth: 16, classes: $0) }
/// RegNetX of 1.6 billion multiplications: 9.2 million parameters.
public let regnet_x_1_6gf = Architecture(
  "regnet_x_1_6gf",
  weights: [
    PretrainedWeights(
      .imagenet1kV2, "regnet_x_1_6gf-a12f2b72.pth", parameters: 9_190_136,
      accuracy: [79.668, 94.922], transforms: ImageClassification(resize: 232)),
    PretrainedWeights(
      .imagenet1kV1, "regnet_x_1_6gf-e3633e7f.pth", parameters: 9_190_136,
      accuracy: [77.04, 93.44]),
  ]
) { RegNet([(72, 2), (168, 4), (408, 10), (912, 2)], groupWidth: 24, classes: $0) }
/// RegNetX of 3.2 billion multiplications: 15.3 million parameters.
public let regnet_x_3_2gf = Architecture(
  "regnet_x_3_2gf",
  weights: [
    PretrainedWeights(
      .imagenet1kV2, "regnet_x_3_2gf-7071aa85.pth", parameters: 15_296_552,
      accuracy: [81.196, 95.43], transforms: ImageClassification(resize: 232)),
    PretrainedWeights(
      .imagenet1kV1, "regnet_x_3_2gf-f342aeae.pth", parameters: 15_296_552,
      accuracy: [78.364, 93.992]),
  ]
) { RegNet([(96, 2), (192, 6), (432, 15), (1008, 2)], groupWidth: 48, classes: $0) }
/// RegNetX of 8 billion multiplications: 39.6 million parameters.
public let regnet_x_8gf = Architecture(
  "regnet_x_8gf",
  weights: [
    PretrainedWeights(
      .imagenet1kV2, "regnet_x_8gf-2b70d774.pth", parameters: 39_572_648,
      accuracy: [81.682, 95.678], transforms: ImageClassification(resize: 232)),
    PretrainedWeights(
      .imagenet1kV1, "regnet_x_8gf-03ceed89.pth", parameters: 39_572_648,
      accuracy: [79.344, 94.686]),
  ]
) { RegNet([(80, 2), (240, 5), (720, 15), (1920, 1)], groupWidth: 120, classes: $0) }
/// RegNetX of 16 billion multiplications: 54.3 million parameters.
public let regnet_x_16gf = Architecture(
  "regnet_x_16gf",
  weights: [
    PretrainedWeights(
      .imagenet1kV2, "regnet_x_16gf-ba3796d7.pth", parameters: 54_278_536,
      accuracy: [82.716, 96.196], transforms: ImageClassification(resize: 232)),
    PretrainedWeights(
      .imagenet1kV1, "regnet_x_16gf-2007eb11.pth", parameters: 54_278_536,
      accuracy: [80.058, 94.944]),
  ]
) { RegNet([(256, 2), (512, 6), (896, 13), (2048, 1)], groupWidth: 128, classes: $0) }
/// RegNetX of 32 billion multiplications: 107.8 million parameters.
public let regnet_x_32gf = Architecture(
  "regnet_x_32gf",
  weights: [
    PretrainedWeights(
      .imagenet1kV2, "regnet_x_32gf-6eb8fdc6.pth", parameters: 107_811_560,
      accuracy: [83.014, 96.288], transforms: ImageClassification(resize: 232)),
    PretrainedWeights(
      .imagenet1kV1, "regnet_x_32gf-9d47f8d0.pth", parameters: 107_811_560,
      accuracy: [80.622, 95.248]),
  ]
) { RegNet([(336, 2), (672, 7), (1344, 13), (2520, 1)], groupWidth: 168, classes: $0) }
/// RegNetY of 400 million multiplications: 4.3 million parameters.
public let regnet_y_400mf = Architecture(
  "regnet_y_400mf",
  weights: [
    PretrainedWeights(
      .imagenet1kV2, "regnet_y_400mf-e6988f5f.pth", parameters: 4_344_144,
      accuracy: [75.804, 92.742], transforms: ImageClassification(resize: 232)),
    PretrainedWeights(
      .imagenet1kV1, "regnet_y_400mf-c65dace8.pth", parameters: 4_344_144,
      accuracy: [74.046, 91.716]),
  ]
) { RegNet([(48, 1), (104, 3), (208, 6), (440, 6)], groupWidth: 8, squeeze: 0.25, classes: $0) }
/// RegNetY of 800 million multiplications: 6.4 million parameters.
public let regnet_y_800mf = Architecture(
  "regnet_y_800mf",
  weights: [
    PretrainedWeights(
      .imagenet1kV2, "regnet_y_800mf-58fc7688.pth", parameters: 6_432_512,
      accuracy: [78.828, 94.502], transforms: ImageClassification(resize: 232)),
    PretrainedWeights(
      .imagenet1kV1, "regnet_y_800mf-1b27b58c.pth", parameters: 6_432_512,
      accuracy: [76.42, 93.136]),
  ]
) { RegNet([(64, 1), (144, 3), (320, 8), (784, 2)], groupWidth: 16, squeeze: 0.25, classes: $0) }
/// RegNetY of 1.6 billion multiplications: 11.2 million parameters.
public let regnet_y_1_6gf = Architecture(
  "regnet_y_1_6gf",
  weights: [
    PretrainedWeights(
      .imagenet1kV2, "regnet_y_1_6gf-0d7bc02a.pth", parameters: 11_202_430,
      accuracy: [80.876, 95.444], transforms: ImageClassification(resize: 232)),
    PretrainedWeights(
      .imagenet1kV1, "regnet_y_1_6gf-b11a554e.pth", parameters: 11_202_430,
      accuracy: [77.95, 93.966]),
  ]
) { RegNet([(48, 2), (120, 6), (336, 17), (888, 2)], groupWidth: 24, squeeze: 0.25, classes: $0) }
/// RegNetY of 3.2 billion multiplications: 19.4 million parameters.
public let regnet_y_3_2gf = Architecture(
  "regnet_y_3_2gf",
  weights: [
    PretrainedWeights(
      .imagenet1kV2, "regnet_y_3_2gf-9180c971.pth", parameters: 19_436_338,
      accuracy: [81.982, 95.972], transforms: ImageClassification(resize: 232)),
    PretrainedWeights(
      .imagenet1kV1, "regnet_y_3_2gf-b5a9779c.pth", parameters: 19_436_338,
      accuracy: [78.948, 94.576]),
  ]
) { RegNet([(72, 2), (216, 5), (576, 13), (1512, 1)], groupWidth: 24, squeeze: 0.25, classes: $0) }
/// RegNetY of 8 billion multiplications: 39.4 million parameters.
public let regnet_y_8gf = Architecture(
  "regnet_y_8gf",
  weights: [
    PretrainedWeights(
      .imagenet1kV2, "regnet_y_8gf-dc2b1b54.pth", parameters: 39_381_472,
      accuracy: [82.828, 96.33], transforms: ImageClassification(resize: 232)),
    PretrainedWeights(
      .imagenet1kV1, "regnet_y_8gf-d0d0e4a8.pth", parameters: 39_381_472,
      accuracy: [80.032, 95.048]),
  ]
) { RegNet([(224, 2), (448, 4), (896, 10), (2016, 1)], groupWidth: 56, squeeze: 0.25, classes: $0) }
/// RegNetY of 16 billion multiplications: 83.6 million parameters.
public let regnet_y_16gf = Architecture(
  "regnet_y_16gf",
  weights: [
    PretrainedWeights(
      .imagenet1kV2, "regnet_y_16gf-3e4a00f9.pth", parameters: 83_590_140,
      accuracy: [82.886, 96.328], transforms: ImageClassification(resize: 232)),
    PretrainedWeights(
      .imagenet1kV1, "regnet_y_16gf-9e6ed7dd.pth", parameters: 83_590_140,
      accuracy: [80.424, 95.24]),
    // Not for commercial use (CC BY-NC 4.0), see https://github.com/facebookresearch/SWAG/blob/main/LICENSE.
    PretrainedWeights(
      .imagenet1kSwagE2EV1, "regnet_y_16gf_swag-43afe44d.pth", parameters: 83_590_140,
      accuracy: [86.012, 98.054],
      license: .nonCommercial,
      transforms: ImageClassification(crop: 384, resize: 384, interpolation: .bicubic)),
    // Not for commercial use (CC BY-NC 4.0), see https://github.com/facebookresearch/SWAG/blob/main/LICENSE.
    PretrainedWeights(
      .imagenet1kSwagLinearV1, "regnet_y_16gf_lc_swag-f3ec0043.pth", parameters: 83_590_140,
      accuracy: [83.976, 97.244], license: .nonCommercial,
      transforms: ImageClassification(resize: 224, interpolation: .bicubic)),
  ]
) { RegNet([(224, 2), (448, 4), (1232, 11), (3024, 1)], groupWidth: 112, squeeze: 0.25, classes: $0) }
/// RegNetY of 32 billion multiplications: 145.0 million parameters.
public let regnet_y_32gf = Architecture(
  "regnet_y_32gf",
  weights: [
    PretrainedWeights(
      .imagenet1kV2, "regnet_y_32gf-8db6d4b5.pth", parameters: 145_046_770,
      accuracy: [83.368, 96.498], transforms: ImageClassification(resize: 232)),
    PretrainedWeights(
      .imagenet1kV1, "regnet_y_32gf-4dee3f7a.pth", parameters: 145_046_770,
      accuracy: [80.878, 95.34]),
    // Not for commercial use (CC BY-NC 4.0), see https://github.com/facebookresearch/SWAG/blob/main/LICENSE.
    PretrainedWeights(
      .imagenet1kSwagE2EV1, "regnet_y_32gf_swag-04fdfa75.pth", parameters: 145_046_770,
      accuracy: [86.838, 98.362],
      license: .nonCommercial,
      transforms: ImageClassification(crop: 384, resize: 384, interpolation: .bicubic)),
    // Not for commercial use (CC BY-NC 4.0), see https://github.com/facebookresearch/SWAG/blob/main/LICENSE.
    PretrainedWeights(
      .imagenet1kSwagLinearV1, "regnet_y_32gf_lc_swag-e1583746.pth", parameters: 145_046_770,
      accuracy: [84.622, 97.48], license: .nonCommercial,
      transforms: ImageClassification(resize: 224, interpolation: .bicubic)),
  ]
) { RegNet([(232, 2), (696, 5), (1392, 12), (3712, 1)], groupWidth: 232, squeeze: 0.25, classes: $0) }
/// RegNetY of 128 billion multiplications: 644.8 million parameters.
public let regnet_y_128gf = Architecture(
  "regnet_y_128gf",
  weights: [
    // Not for commercial use (CC BY-NC 4.0), see https://github.com/facebookresearch/SWAG/blob/main/LICENSE.
    PretrainedWeights(
      .imagenet1kSwagE2EV1, "regnet_y_128gf_swag-c8ce3e52.pth", parameters: 644_812_894,
      accuracy: [88.228, 98.682],
      license: .nonCommercial,
      transforms: ImageClassification(crop: 384, resize: 384, interpolation: .bicubic)),
    // Not for commercial use (CC BY-NC 4.0), see https://github.com/facebookresearch/SWAG/blob/main/LICENSE.
    PretrainedWeights(
      .imagenet1kSwagLinearV1, "regnet_y_128gf_lc_swag-cbe8ce12.pth", parameters: 644_812_894,
      accuracy: [86.068, 97.844], license: .nonCommercial,
      transforms: ImageClassification(resize: 224, interpolation: .bicubic)),
  ]
) { RegNet([(528, 2), (1056, 7), (2904, 17), (7392, 1)], groupWidth: 264, squeeze: 0.25, classes: $0) }

extension RegNet {
  /// The members of the family.
  static let architectures: [any ArchitectureRow] = [
    regnet_x_400mf, regnet_x_800mf, regnet_x_1_6gf, regnet_x_3_2gf, regnet_x_8gf, regnet_x_16gf,
    regnet_x_32gf, regnet_y_400mf, regnet_y_800mf, regnet_y_1_6gf, regnet_y_3_2gf, regnet_y_8gf,
    regnet_y_16gf, regnet_y_32gf, regnet_y_128gf,
  ]
}
