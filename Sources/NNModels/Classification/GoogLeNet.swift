import NNCore
import NNLayers

/// GoogLeNet, "Inception v1" (Szegedy et al., "Going deeper with convolutions", 2015), with batch normalisation:
/// modules of four branches side by side, and two auxiliary heads that help training. Needs images of at least 15x15.
///
/// Channels of the modules (table 1 of the paper, "reduce" being the 1x1 convolution before a larger one):
///
/// ```text
///                 input   1x1   3x3 reduce   3x3   5x5 reduce   5x5   pool
/// inception3a      192     64       96       128       16        32    32
/// inception3b      256    128      128       192       32        96    64
/// inception4a      480    192       96       208       16        48    64      aux1 behind it
/// inception4b      512    160      112       224       24        64    64
/// inception4c      512    128      128       256       24        64    64
/// inception4d      512    112      144       288       32        64    64      aux2 behind it
/// inception4e      528    256      160       320       32       128   128
/// inception5a      832    256      160       320       32       128   128
/// inception5b      832    384      192       384       48       128   128
/// ```
///
/// As in torchvision, and in the TensorFlow network whose weights it has, the "5x5" convolutions are 3x3.
///
/// Starts from truncated normal weights of standard deviation 0.01 and PyTorch's default biases.
///
/// Source: https://docs.pytorch.org/vision/stable/models/googlenet.html
public final class GoogLeNet: Module, AuxiliaryClassifier {
  public let conv1 = BasicConv2d(3, 64, kernelSize: 7, stride: 2, padding: 3)
  public let maxpool1 = MaxPool2d(kernelSize: 3, stride: 2, ceilMode: true)
  public let conv2 = BasicConv2d(64, 64, kernelSize: 1)
  public let conv3 = BasicConv2d(64, 192, kernelSize: 3, padding: 1)
  public let maxpool2 = MaxPool2d(kernelSize: 3, stride: 2, ceilMode: true)
  public let inception3a = Inception(192, 64, 96, 128, 16, 32, 32)
  public let inception3b = Inception(256, 128, 128, 192, 32, 96, 64)
  public let maxpool3 = MaxPool2d(kernelSize: 3, stride: 2, ceilMode: true)
  public let inception4a = Inception(480, 192, 96, 208, 16, 48, 64)
  public let inception4b = Inception(512, 160, 112, 224, 24, 64, 64)
  public let inception4c = Inception(512, 128, 128, 256, 24, 64, 64)
  public let inception4d = Inception(512, 112, 144, 288, 32, 64, 64)
  public let inception4e = Inception(528, 256, 160, 320, 32, 128, 128)
  public let maxpool4 = MaxPool2d(kernelSize: 2, stride: 2, ceilMode: true)
  public let inception5a = Inception(832, 256, 160, 320, 32, 128, 128)
  public let inception5b = Inception(832, 384, 192, 384, 48, 128, 128)
  public private(set) var aux1: GoogLeNetHead?
  public private(set) var aux2: GoogLeNetHead?
  public let avgpool = AdaptiveAvgPool2d(1)
  public let dropout: Dropout
  /// The head.
  public private(set) var fc: Linear
  public var transformInput = false

  /// - Parameter auxiliaryHeads: whether there are `aux1` and `aux2`.
  public init(
    classes: Int = 1000, auxiliaryHeads: Bool = true, dropout p: Double = 0.2, auxiliaryDropout: Double = 0.7
  ) {
    aux1 = auxiliaryHeads ? GoogLeNetHead(from: 512, classes: classes, dropout: auxiliaryDropout) : nil
    aux2 = auxiliaryHeads ? GoogLeNetHead(from: 528, classes: classes, dropout: auxiliaryDropout) : nil
    dropout = Dropout(p)
    fc = Linear(1024, classes)
    super.init()
    func truncated(_ weight: Parameter) -> Tensor { Init.truncNormal(weight.shape, std: 0.01) }
    drawWeights(convolution: truncated, linear: truncated, zeroBiases: false)
  }

  public var stages: [Stage] {
    (transformInput ? [Stage("transform_input", renormalizedForInception)] : []) + [
      Stage("conv1", conv1), Stage("maxpool1", maxpool1),
      Stage("conv2", conv2), Stage("conv3", conv3), Stage("maxpool2", maxpool2),
      Stage("inception3a", inception3a), Stage("inception3b", inception3b), Stage("maxpool3", maxpool3),
      Stage("inception4a", inception4a), Stage("inception4b", inception4b), Stage("inception4c", inception4c),
      Stage("inception4d", inception4d), Stage("inception4e", inception4e), Stage("maxpool4", maxpool4),
      Stage("inception5a", inception5a), Stage("inception5b", inception5b),
      Stage("avgpool", avgpool), .flatten, Stage("dropout", dropout), Stage("fc", fc),
    ]
  }

  public func outputs(_ x: Tensor) -> ClassifierOutputs {
    outputs(x, heads: ["inception4a": aux1, "inception4d": aux2])
  }

  public func replaceHead(classes: Int) {
    fc = Linear(fc.inFeatures, classes)
    for head in [aux1, aux2] { head?.replaceHead(classes: classes) }
  }

  public var hasAuxiliaryHeads: Bool { aux1 != nil || aux2 != nil }
  public func removeAuxiliaryHeads() { (aux1, aux2) = (nil, nil) }

  /// As torchvision does: the auxiliary heads of the official file are not trained.
  public func didLoadOfficialWeights() {
    transformInput = true
    removeAuxiliaryHeads()
  }
}

/// Four branches side by side: 1x1; 1x1 and 3x3; 1x1 and "5x5"; max-pooling and 1x1.
public final class Inception: Module, Layer {
  public let branch1: BasicConv2d
  public let branch2: Sequential
  public let branch3: Sequential
  public let branch4: Sequential

  /// The channels of a row of the table at ``GoogLeNet``.
  init(
    _ inputs: Int, _ c1x1: Int, _ c3x3Reduce: Int, _ c3x3: Int, _ c5x5Reduce: Int, _ c5x5: Int, _ pool: Int
  ) {
    branch1 = BasicConv2d(inputs, c1x1, kernelSize: 1)
    branch2 = Sequential(
      BasicConv2d(inputs, c3x3Reduce, kernelSize: 1), BasicConv2d(c3x3Reduce, c3x3, kernelSize: 3, padding: 1)
    )
    branch3 = Sequential(
      BasicConv2d(inputs, c5x5Reduce, kernelSize: 1), BasicConv2d(c5x5Reduce, c5x5, kernelSize: 3, padding: 1)
    )
    branch4 = Sequential(
      MaxPool2d(kernelSize: 3, stride: 1, padding: 1, ceilMode: true),
      BasicConv2d(inputs, pool, kernelSize: 1))
  }

  public func forward(_ x: Tensor) -> Tensor {
    cat([branch1(x), branch2(x), branch3(x), branch4(x)], axis: 1)
  }
}

/// An auxiliary head of ``GoogLeNet``: average over 4x4 parts of the image, a 1x1 convolution, two linear layers.
public final class GoogLeNetHead: Module, Layer {
  public let conv: BasicConv2d
  public let fc1: Linear
  public private(set) var fc2: Linear
  public let dropout: Dropout

  init(from inputs: Int, classes: Int, dropout p: Double) {
    conv = BasicConv2d(inputs, 128, kernelSize: 1)
    fc1 = Linear(2048, 1024)
    fc2 = Linear(1024, classes)
    dropout = Dropout(p)
  }

  public func forward(_ x: Tensor) -> Tensor {
    let y = conv(x.adaptiveAvgPool2d(outputSize: 4)).flatten(from: 1)
    return fc2(dropout(fc1(y).relu()))
  }

  func replaceHead(classes: Int) { fc2 = Linear(1024, classes) }
}

/// GoogLeNet: 6.6 million parameters, and 6.4 million of its auxiliary heads.
public let googlenet = Architecture(
  "googlenet",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "googlenet-1378be20.pth", parameters: 6_624_904, accuracy: [69.778, 89.53],
      minimumSize: 15)
  ]
) { GoogLeNet(classes: $0) }

extension GoogLeNet {
  /// The members of the family.
  static let architectures: [any ArchitectureRow] = [googlenet]
}
