import NNCore
import NNData
import NNFiles
import NNLayers

/// A small convolutional network for images of 32x32, with weights that travel with the library: pretrained on the
/// pretraining classes of `SyntheticShapes`, so that fine-tuning can be shown without Internet.
public final class ShapesNet: Module, ImageClassifier {
  /// Four blocks of convolution, batch normalisation, ReLU and pooling, then an average over the image.
  public let features: Sequential
  public private(set) var classifier: Linear

  /// Size of the output of `features`.
  public let featureCount = 128

  public init(classes: Int) {
    var layers: [any CallableModule] = []
    for (inputs, outputs) in [(3, 16), (16, 32), (32, 64), (64, 128)] {
      layers += [
        Conv2d(inputs, outputs, kernelSize: 3, padding: 1, bias: false), BatchNorm2d(outputs), ReLU(),
        inputs == 64 ? AdaptiveAvgPool2d(1) : MaxPool2d(kernelSize: 2),
      ]
    }
    features = Sequential(layers + [Flatten()])
    classifier = Linear(featureCount, classes)
  }

  public var stages: [Stage] { [Stage("features", features), Stage("classifier", classifier)] }

  public func replaceHead(classes: Int) { classifier = Linear(featureCount, classes) }

  /// The network of a weight file, with as many classes as the file has.
  ///
  /// - Throws: `FileError` if the file cannot be read or holds other weights.
  public convenience init(contentsOf path: String) throws {
    let classes = try StateDict(contentsOf: path)["classifier.weight"]?.shape.first ?? 0
    self.init(classes: classes)
    try loadWeights(from: path)
  }
}

/// ShapesNet, with the weights that `PretrainExample` trained: 0.1 million parameters.
public let shapesnet = Architecture(
  "shapesnet",
  weights: [
    PretrainedWeights(
      "SHAPES_V1", "shapesnet.safetensors", from: .library, parameters: 100_260, minimumSize: 8,
      // The drawn images as they are.
      transforms: ImageClassification(crop: 32, resize: 32, mean: [0, 0, 0], std: [1, 1, 1]),
      categories: SyntheticShapes(.pretraining, count: 0).classes,
      sha256: "d9ec9957897f41948d110f9e06ba074002c50b62184f39fa75a172533ad6e61b")
  ]
) { ShapesNet(classes: $0) }

extension ShapesNet {
  /// The members of the family.
  static let architectures: [any ArchitectureRow] = [shapesnet]
}
