import NNCore
import NNLayers

/// DenseNet-BC (Huang et al., "Densely connected convolutional networks", 2017): within a block each layer sees the
/// outputs of all layers before it. Needs images of at least 29x29.
///
/// Layers (table 1 of the paper; growth rate 32, in DenseNet-161 48):
///
/// ```text
/// convolution      7x7, stride 2, 2 · growth rate channels
/// pooling          3x3 max, stride 2
///                  121   161   169   201
/// denseblock1        6     6     6     6    x (1x1, 3x3)
/// transition1      1x1 to half the channels, 2x2 average
/// denseblock2       12    12    12    12
/// transition2
/// denseblock3       24    36    32    48
/// transition3
/// denseblock4       16    24    32    32
/// average over the image, linear layer
/// ```
///
/// Starts from normal weights with variance 2 / fan-in for convolutions (He et al., 2015), PyTorch's default weight
/// for the linear layer, and biases of 0.
///
/// Source: https://docs.pytorch.org/vision/stable/models/densenet.html
public final class DenseNet: Module, ImageClassifier {
  public let features: Sequential
  /// The head.
  public private(set) var classifier: Linear

  /// - Parameters:
  ///   - growthRate: channels that a layer adds.
  ///   - layers: number of layers of each of the four blocks.
  ///   - stem: channels of the first convolution.
  ///   - bottleneck: channels between the two convolutions of a layer over `growthRate`.
  ///   - dropout: behind each layer.
  public init(
    growthRate: Int = 32, layers: [Int], stem: Int = 64, bottleneck: Int = 4, dropout: Double = 0,
    classes: Int = 1000
  ) {
    require(layers.count == 4, "DenseNet", "needs the numbers of layers of 4 blocks, got \(layers)")
    features = Sequential([
      "conv0": Conv2d(3, stem, kernelSize: 7, stride: 2, padding: 3, bias: false),
      "norm0": BatchNorm2d(stem),
      "relu0": ReLU(),
      "pool0": MaxPool2d(kernelSize: 3, stride: 2, padding: 1),
    ])
    var channels = stem
    for (block, count) in zip(1...4, layers) {
      features.append(
        DenseBlock(
          layers: count, from: channels, growthRate: growthRate, bottleneck: bottleneck, dropout: dropout),
        named: "denseblock\(block)")
      channels += count * growthRate
      if block < 4 {
        features.append(DenseTransition(from: channels, to: channels / 2), named: "transition\(block)")
        channels /= 2
      }
    }
    features.append(BatchNorm2d(channels), named: "norm5")
    classifier = Linear(channels, classes)
    super.init()
    drawWeights(convolution: { Init.kaimingNormal($0.shape) })
    classifier.bias?.value = Init.zeros([classes])
  }

  public var stages: [Stage] {
    [
      Stage("features", features), Stage("relu") { $0.relu() },
      Stage("adaptive_avg_pool2d") { $0.adaptiveAvgPool2d(outputSize: 1) }, .flatten,
      Stage("classifier", classifier),
    ]
  }

  public func replaceHead(classes: Int) { classifier = Linear(classifier.inFeatures, classes) }
}

/// Layers that each see the block's input and the outputs of all layers before them.
public final class DenseBlock: Sequential {
  init(layers: Int, from inputs: Int, growthRate: Int, bottleneck: Int, dropout: Double) {
    super.init([any CallableModule]())
    for layer in 0..<layers {
      append(
        DenseLayer(
          from: inputs + layer * growthRate, growthRate: growthRate, bottleneck: bottleneck, dropout: dropout),
        named: "denselayer\(layer + 1)")
    }
  }

  public override func forward(_ x: Tensor) -> Tensor { reduce(x) { cat([$0, $1($0)], axis: 1) } }
}

/// Batch norm, ReLU and a 1x1 convolution, then batch norm, ReLU and a 3x3 convolution to `growthRate` channels.
public final class DenseLayer: Module, Layer, RenamesKeys {
  public let norm1: BatchNorm2d
  public let relu1 = ReLU()
  public let conv1: Conv2d
  public let norm2: BatchNorm2d
  public let relu2 = ReLU()
  public let conv2: Conv2d
  public let dropout: Dropout

  init(from inputs: Int, growthRate: Int, bottleneck: Int, dropout p: Double) {
    norm1 = BatchNorm2d(inputs)
    conv1 = Conv2d(inputs, bottleneck * growthRate, kernelSize: 1, bias: false)
    norm2 = BatchNorm2d(bottleneck * growthRate)
    conv2 = Conv2d(bottleneck * growthRate, growthRate, kernelSize: 3, padding: 1, bias: false)
    dropout = Dropout(p)
  }

  public func forward(_ x: Tensor) -> Tensor {
    dropout(conv2(relu2(norm2(conv1(relu1(norm1(x)))))))
  }

  /// The official files are from a time when names had points: `norm.1.weight`.
  public func currentKey(_ key: String) -> String {
    for part in ["norm", "conv"] {
      for number in ["1", "2"] where key.hasPrefix("\(part).\(number).") {
        return part + key.dropFirst(part.count + 1)
      }
    }
    return key
  }
}

/// Batch norm, ReLU and a 1x1 convolution to fewer channels, then half the height and width.
public final class DenseTransition: Sequential {
  init(from inputs: Int, to outputs: Int) {
    super.init([
      "norm": BatchNorm2d(inputs), "relu": ReLU(),
      "conv": Conv2d(inputs, outputs, kernelSize: 1, bias: false), "pool": AvgPool2d(kernelSize: 2),
    ])
  }
}

// MARK: The networks

/// DenseNet-121: 8.0 million parameters.
public let densenet121 = Architecture(
  "densenet121",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "densenet121-a639ec97.pth", parameters: 7_978_856,
      accuracy: [74.434, 91.972], minimumSize: 29)
  ]
) { DenseNet(layers: [6, 12, 24, 16], classes: $0) }
/// DenseNet-161: 28.7 million parameters.
public let densenet161 = Architecture(
  "densenet161",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "densenet161-8d451a50.pth", parameters: 28_681_000,
      accuracy: [77.138, 93.56], minimumSize: 29)
  ]
) { DenseNet(growthRate: 48, layers: [6, 12, 36, 24], stem: 96, classes: $0) }
/// DenseNet-169: 14.1 million parameters.
public let densenet169 = Architecture(
  "densenet169",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "densenet169-b2777c0a.pth", parameters: 14_149_480,
      accuracy: [75.6, 92.806], minimumSize: 29)
  ]
) { DenseNet(layers: [6, 12, 32, 32], classes: $0) }
/// DenseNet-201: 20.0 million parameters.
public let densenet201 = Architecture(
  "densenet201",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "densenet201-c1103571.pth", parameters: 20_013_928,
      accuracy: [76.896, 93.37], minimumSize: 29)
  ]
) { DenseNet(layers: [6, 12, 48, 32], classes: $0) }

extension DenseNet {
  /// The members of the family.
  static let architectures: [any ArchitectureRow] = [densenet121, densenet161, densenet169, densenet201]
}
