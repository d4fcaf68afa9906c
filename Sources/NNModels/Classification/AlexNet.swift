import NNCore
import NNLayers

/// AlexNet in the form of Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014: five
/// convolutions, then three linear layers. Needs images of at least 63x63.
///
/// Starts from PyTorch's defaults.
///
/// Source: https://docs.pytorch.org/vision/stable/models/alexnet.html
public final class AlexNet: Module, ImageClassifier {
  public let features = Sequential(
    Conv2d(3, 64, kernelSize: 11, stride: 4, padding: 2), ReLU(), MaxPool2d(kernelSize: 3, stride: 2),
    Conv2d(64, 192, kernelSize: 5, padding: 2), ReLU(), MaxPool2d(kernelSize: 3, stride: 2),
    Conv2d(192, 384, kernelSize: 3, padding: 1), ReLU(),
    Conv2d(384, 256, kernelSize: 3, padding: 1), ReLU(),
    Conv2d(256, 256, kernelSize: 3, padding: 1), ReLU(), MaxPool2d(kernelSize: 3, stride: 2))
  public let avgpool = AdaptiveAvgPool2d(6)
  public let classifier: Sequential

  public init(classes: Int = 1000, dropout: Double = 0.5) {
    classifier = Sequential(
      Dropout(dropout), Linear(256 * 6 * 6, 4096), ReLU(), Dropout(dropout), Linear(4096, 4096), ReLU(),
      Linear(4096, classes))
  }

  public var stages: [Stage] {
    [Stage("features", features), Stage("avgpool", avgpool), .flatten, Stage("classifier", classifier)]
  }

  public func replaceHead(classes: Int) { classifier.replaceLastLinear(classes: classes) }
}

/// AlexNet: 61.1 million parameters.
public let alexnet = Architecture(
  "alexnet",
  weights: [
    PretrainedWeights(
      .imagenet1kV1, "alexnet-owt-7be5be79.pth", parameters: 61_100_840, accuracy: [56.522, 79.066],
      minimumSize: 63)
  ]
) { AlexNet(classes: $0) }

extension AlexNet {
  /// The members of the family.
  static let architectures: [any ArchitectureRow] = [alexnet]
}
