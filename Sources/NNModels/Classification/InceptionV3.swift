// swift-format-ignore-file: AlwaysUseLowerCamelCase (the names of network and parts are torchvision's)
import NNCore
import NNLayers

/// Inception v3 (Szegedy et al., "Rethinking the Inception architecture for computer vision", 2016): modules of
/// branches in which large convolutions are split into small and one-sided ones, and one auxiliary head that helps
/// training. Made for images of 299x299, needs at least 75x75.
///
/// Layers (table 1 of the paper, with sizes for 299x299):
///
/// ```text
/// Conv2d_1a_3x3, Conv2d_2a_3x3, Conv2d_2b_3x3     147x147    64
/// maxpool1, Conv2d_3b_1x1, Conv2d_4a_3x3           71x71    192
/// maxpool2, Mixed_5b, Mixed_5c, Mixed_5d  (A)      35x35    288
/// Mixed_6a                                (B)      17x17    768
/// Mixed_6b … Mixed_6e                     (C)      17x17    768      AuxLogits behind the last
/// Mixed_7a                                (D)       8x8    1280
/// Mixed_7b, Mixed_7c                      (E)       8x8    2048
/// average over the image, dropout, linear layer
/// ```
///
/// Starts from truncated normal weights of standard deviation 0.1 (0.001 for the auxiliary head's linear layer) and
/// PyTorch's default biases.
///
/// Source: https://docs.pytorch.org/vision/stable/models/inception.html
public final class InceptionV3: Module, AuxiliaryClassifier {
  public let Conv2d_1a_3x3 = BasicConv2d(3, 32, kernelSize: 3, stride: 2)
  public let Conv2d_2a_3x3 = BasicConv2d(32, 32, kernelSize: 3)
  public let Conv2d_2b_3x3 = BasicConv2d(32, 64, kernelSize: 3, padding: 1)
  public let maxpool1 = MaxPool2d(kernelSize: 3, stride: 2)
  public let Conv2d_3b_1x1 = BasicConv2d(64, 80, kernelSize: 1)
  public let Conv2d_4a_3x3 = BasicConv2d(80, 192, kernelSize: 3)
  public let maxpool2 = MaxPool2d(kernelSize: 3, stride: 2)
  public let Mixed_5b = InceptionA(192, pool: 32)
  public let Mixed_5c = InceptionA(256, pool: 64)
  public let Mixed_5d = InceptionA(288, pool: 64)
  public let Mixed_6a = InceptionB(288)
  public let Mixed_6b = InceptionC(768, inner: 128)
  public let Mixed_6c = InceptionC(768, inner: 160)
  public let Mixed_6d = InceptionC(768, inner: 160)
  public let Mixed_6e = InceptionC(768, inner: 192)
  public private(set) var AuxLogits: InceptionV3Head?
  public let Mixed_7a = InceptionD(768)
  public let Mixed_7b = InceptionE(1280)
  public let Mixed_7c = InceptionE(2048)
  public let avgpool = AdaptiveAvgPool2d(1)
  public let dropout: Dropout
  /// The head.
  public private(set) var fc: Linear
  public var transformInput = false

  /// - Parameter auxiliaryHead: whether there is `AuxLogits`.
  public init(classes: Int = 1000, auxiliaryHead: Bool = true, dropout p: Double = 0.5) {
    let auxiliary = auxiliaryHead ? InceptionV3Head(from: 768, classes: classes) : nil
    AuxLogits = auxiliary
    dropout = Dropout(p)
    fc = Linear(2048, classes)
    super.init()
    drawWeights(
      convolution: { Init.truncNormal($0.shape, std: 0.1) },
      linear: { Init.truncNormal($0.shape, std: $0 === auxiliary?.fc.weight ? 0.001 : 0.1) },
      zeroBiases: false)
  }

  public var stages: [Stage] {
    (transformInput ? [Stage("transform_input", renormalizedForInception)] : []) + [
      Stage("Conv2d_1a_3x3", Conv2d_1a_3x3), Stage("Conv2d_2a_3x3", Conv2d_2a_3x3),
      Stage("Conv2d_2b_3x3", Conv2d_2b_3x3), Stage("maxpool1", maxpool1),
      Stage("Conv2d_3b_1x1", Conv2d_3b_1x1), Stage("Conv2d_4a_3x3", Conv2d_4a_3x3),
      Stage("maxpool2", maxpool2),
      Stage("Mixed_5b", Mixed_5b), Stage("Mixed_5c", Mixed_5c), Stage("Mixed_5d", Mixed_5d),
      Stage("Mixed_6a", Mixed_6a), Stage("Mixed_6b", Mixed_6b), Stage("Mixed_6c", Mixed_6c),
      Stage("Mixed_6d", Mixed_6d), Stage("Mixed_6e", Mixed_6e),
      Stage("Mixed_7a", Mixed_7a), Stage("Mixed_7b", Mixed_7b), Stage("Mixed_7c", Mixed_7c),
      Stage("avgpool", avgpool), Stage("dropout", dropout), .flatten, Stage("fc", fc),
    ]
  }

  public func outputs(_ x: Tensor) -> ClassifierOutputs { outputs(x, heads: ["Mixed_6e": AuxLogits]) }

  public func replaceHead(classes: Int) {
    fc = Linear(fc.inFeatures, classes)
    AuxLogits?.replaceHead(classes: classes)
  }

  public var hasAuxiliaryHeads: Bool { AuxLogits != nil }
  public func removeAuxiliaryHeads() { AuxLogits = nil }

  public func didLoadOfficialWeights() { transformInput = true }
}

/// Figure 5 of the paper: 1x1; 1x1 and 5x5; 1x1, 3x3 and 3x3; average and 1x1.
public final class InceptionA: Module, Layer {
  public let branch1x1: BasicConv2d
  public let branch5x5_1: BasicConv2d
  public let branch5x5_2 = BasicConv2d(48, 64, kernelSize: 5, padding: 2)
  public let branch3x3dbl_1: BasicConv2d
  public let branch3x3dbl_2 = BasicConv2d(64, 96, kernelSize: 3, padding: 1)
  public let branch3x3dbl_3 = BasicConv2d(96, 96, kernelSize: 3, padding: 1)
  public let branch_pool: BasicConv2d

  init(_ inputs: Int, pool: Int) {
    branch1x1 = BasicConv2d(inputs, 64, kernelSize: 1)
    branch5x5_1 = BasicConv2d(inputs, 48, kernelSize: 1)
    branch3x3dbl_1 = BasicConv2d(inputs, 64, kernelSize: 1)
    branch_pool = BasicConv2d(inputs, pool, kernelSize: 1)
  }

  public func forward(_ x: Tensor) -> Tensor {
    cat(
      [
        branch1x1(x), branch5x5_2(branch5x5_1(x)), branch3x3dbl_3(branch3x3dbl_2(branch3x3dbl_1(x))),
        branch_pool(averaged(x)),
      ], axis: 1)
  }
}

/// Half the height and width: 3x3 with stride 2; 1x1, 3x3 and 3x3 with stride 2; max-pooling.
public final class InceptionB: Module, Layer {
  public let branch3x3: BasicConv2d
  public let branch3x3dbl_1: BasicConv2d
  public let branch3x3dbl_2 = BasicConv2d(64, 96, kernelSize: 3, padding: 1)
  public let branch3x3dbl_3 = BasicConv2d(96, 96, kernelSize: 3, stride: 2)

  init(_ inputs: Int) {
    branch3x3 = BasicConv2d(inputs, 384, kernelSize: 3, stride: 2)
    branch3x3dbl_1 = BasicConv2d(inputs, 64, kernelSize: 1)
  }

  public func forward(_ x: Tensor) -> Tensor {
    cat(
      [
        branch3x3(x), branch3x3dbl_3(branch3x3dbl_2(branch3x3dbl_1(x))),
        x.maxPool2d(kernelSize: 3, stride: 2),
      ], axis: 1)
  }
}

/// Figure 6 of the paper: 7x7 convolutions as 1x7 and 7x1.
public final class InceptionC: Module, Layer {
  public let branch1x1: BasicConv2d
  public let branch7x7_1: BasicConv2d
  public let branch7x7_2: BasicConv2d
  public let branch7x7_3: BasicConv2d
  public let branch7x7dbl_1: BasicConv2d
  public let branch7x7dbl_2: BasicConv2d
  public let branch7x7dbl_3: BasicConv2d
  public let branch7x7dbl_4: BasicConv2d
  public let branch7x7dbl_5: BasicConv2d
  public let branch_pool: BasicConv2d

  /// - Parameter inner: channels between the one-sided convolutions.
  init(_ inputs: Int, inner: Int) {
    branch1x1 = BasicConv2d(inputs, 192, kernelSize: 1)
    branch7x7_1 = BasicConv2d(inputs, inner, kernelSize: 1)
    branch7x7_2 = BasicConv2d(inner, inner, kernelSize: [1, 7], padding: [0, 3])
    branch7x7_3 = BasicConv2d(inner, 192, kernelSize: [7, 1], padding: [3, 0])
    branch7x7dbl_1 = BasicConv2d(inputs, inner, kernelSize: 1)
    branch7x7dbl_2 = BasicConv2d(inner, inner, kernelSize: [7, 1], padding: [3, 0])
    branch7x7dbl_3 = BasicConv2d(inner, inner, kernelSize: [1, 7], padding: [0, 3])
    branch7x7dbl_4 = BasicConv2d(inner, inner, kernelSize: [7, 1], padding: [3, 0])
    branch7x7dbl_5 = BasicConv2d(inner, 192, kernelSize: [1, 7], padding: [0, 3])
    branch_pool = BasicConv2d(inputs, 192, kernelSize: 1)
  }

  public func forward(_ x: Tensor) -> Tensor {
    let twice = branch7x7dbl_3(branch7x7dbl_2(branch7x7dbl_1(x)))
    return cat(
      [
        branch1x1(x), branch7x7_3(branch7x7_2(branch7x7_1(x))), branch7x7dbl_5(branch7x7dbl_4(twice)),
        branch_pool(averaged(x)),
      ], axis: 1)
  }
}

/// Half the height and width: 1x1 and 3x3 with stride 2; 1x1, 1x7, 7x1 and 3x3 with stride 2; max-pooling.
public final class InceptionD: Module, Layer {
  public let branch3x3_1: BasicConv2d
  public let branch3x3_2 = BasicConv2d(192, 320, kernelSize: 3, stride: 2)
  public let branch7x7x3_1: BasicConv2d
  public let branch7x7x3_2 = BasicConv2d(192, 192, kernelSize: [1, 7], padding: [0, 3])
  public let branch7x7x3_3 = BasicConv2d(192, 192, kernelSize: [7, 1], padding: [3, 0])
  public let branch7x7x3_4 = BasicConv2d(192, 192, kernelSize: 3, stride: 2)

  init(_ inputs: Int) {
    branch3x3_1 = BasicConv2d(inputs, 192, kernelSize: 1)
    branch7x7x3_1 = BasicConv2d(inputs, 192, kernelSize: 1)
  }

  public func forward(_ x: Tensor) -> Tensor {
    cat(
      [
        branch3x3_2(branch3x3_1(x)), branch7x7x3_4(branch7x7x3_3(branch7x7x3_2(branch7x7x3_1(x)))),
        x.maxPool2d(kernelSize: 3, stride: 2),
      ], axis: 1)
  }
}

/// Figure 7 of the paper: 3x3 convolutions as 1x3 and 3x1 side by side.
public final class InceptionE: Module, Layer {
  public let branch1x1: BasicConv2d
  public let branch3x3_1: BasicConv2d
  public let branch3x3_2a = BasicConv2d(384, 384, kernelSize: [1, 3], padding: [0, 1])
  public let branch3x3_2b = BasicConv2d(384, 384, kernelSize: [3, 1], padding: [1, 0])
  public let branch3x3dbl_1: BasicConv2d
  public let branch3x3dbl_2 = BasicConv2d(448, 384, kernelSize: 3, padding: 1)
  public let branch3x3dbl_3a = BasicConv2d(384, 384, kernelSize: [1, 3], padding: [0, 1])
  public let branch3x3dbl_3b = BasicConv2d(384, 384, kernelSize: [3, 1], padding: [1, 0])
  public let branch_pool: BasicConv2d

  init(_ inputs: Int) {
    branch1x1 = BasicConv2d(inputs, 320, kernelSize: 1)
    branch3x3_1 = BasicConv2d(inputs, 384, kernelSize: 1)
    branch3x3dbl_1 = BasicConv2d(inputs, 448, kernelSize: 1)
    branch_pool = BasicConv2d(inputs, 192, kernelSize: 1)
  }

  public func forward(_ x: Tensor) -> Tensor {
    let (once, twice) = (branch3x3_1(x), branch3x3dbl_2(branch3x3dbl_1(x)))
    return cat(
      [
        branch1x1(x), branch3x3_2a(once), branch3x3_2b(once), branch3x3dbl_3a(twice), branch3x3dbl_3b(twice),
        branch_pool(averaged(x)),
      ], axis: 1)
  }
}

/// Averages over 3x3 neighbourhoods; the zeros around the image count.
private func averaged(_ x: Tensor) -> Tensor { x.avgPool2d(kernelSize: 3, stride: 1, padding: 1) }

/// The auxiliary head of ``InceptionV3``.
public final class InceptionV3Head: Module, Layer {
  public let conv0: BasicConv2d
  public let conv1 = BasicConv2d(128, 768, kernelSize: 5)
  public private(set) var fc: Linear

  init(from inputs: Int, classes: Int) {
    conv0 = BasicConv2d(inputs, 128, kernelSize: 1)
    fc = Linear(768, classes)
  }

  public func forward(_ x: Tensor) -> Tensor {
    let y = conv1(conv0(x.avgPool2d(kernelSize: 5, stride: 3)))
    return fc(y.adaptiveAvgPool2d(outputSize: 1).flatten(from: 1))
  }

  func replaceHead(classes: Int) { fc = Linear(768, classes) }
}

/// Inception v3: 23.8 million parameters, and 3.3 million of its auxiliary head.
public let inception_v3 = Architecture(
  "inception_v3",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "inception_v3_google-0cc3c7bd.pth", parameters: 27_161_264,
      accuracy: [77.294, 93.45], minimumSize: 75, transforms: ImageClassification(crop: 299, resize: 342))
  ]
) { InceptionV3(classes: $0) }

extension InceptionV3 {
  /// The members of the family.
  static let architectures: [any ArchitectureRow] = [inception_v3]
}
