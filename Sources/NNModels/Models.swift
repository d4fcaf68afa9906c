import NNCore
import NNData
import NNLayers

/// A network that can be had by its name.
private struct Architecture: Sendable {
  let weights: [PretrainedWeights]
  let defaultWeights: PretrainedWeights
  /// Takes the number of classes and, if it is not nil, the height and width of the only images that come.
  let build: @Sendable (_ classes: Int, _ imageSize: Int?) -> any ImageClassifier

  init(
    _ weights: any NetworkWeights.Type,
    _ build: @escaping @Sendable (_ classes: Int) -> any ImageClassifier
  ) {
    self.weights = weights.all
    defaultWeights = weights.default
    self.build = { classes, _ in build(classes) }
  }

  /// A network that takes images of one size only.
  init(
    _ weights: any NetworkWeights.Type,
    sized build: @escaping @Sendable (_ classes: Int, _ imageSize: Int) -> any ImageClassifier
  ) {
    self.weights = weights.all
    defaultWeights = weights.default
    self.build = { build($0, $1 ?? 224) }
  }
}

/// All networks by torchvision's names, or timm's where torchvision has none.
private let architectures: [String: Architecture] = {
  let all = [
    Architecture(AlexNetWeights.self) { alexnet(classes: $0) },
    Architecture(VGG11Weights.self) { vgg11(classes: $0) },
    Architecture(VGG13Weights.self) { vgg13(classes: $0) },
    Architecture(VGG16Weights.self) { vgg16(classes: $0) },
    Architecture(VGG19Weights.self) { vgg19(classes: $0) },
    Architecture(VGG11BNWeights.self) { vgg11_bn(classes: $0) },
    Architecture(VGG13BNWeights.self) { vgg13_bn(classes: $0) },
    Architecture(VGG16BNWeights.self) { vgg16_bn(classes: $0) },
    Architecture(VGG19BNWeights.self) { vgg19_bn(classes: $0) },
    Architecture(ResNet18Weights.self) { resnet18(classes: $0) },
    Architecture(ResNet34Weights.self) { resnet34(classes: $0) },
    Architecture(ResNet50Weights.self) { resnet50(classes: $0) },
    Architecture(ResNet101Weights.self) { resnet101(classes: $0) },
    Architecture(ResNet152Weights.self) { resnet152(classes: $0) },
    Architecture(ResNeXt50_32X4DWeights.self) { resnext50_32x4d(classes: $0) },
    Architecture(ResNeXt101_32X8DWeights.self) { resnext101_32x8d(classes: $0) },
    Architecture(ResNeXt101_64X4DWeights.self) { resnext101_64x4d(classes: $0) },
    Architecture(WideResNet50_2Weights.self) { wide_resnet50_2(classes: $0) },
    Architecture(WideResNet101_2Weights.self) { wide_resnet101_2(classes: $0) },
    Architecture(SqueezeNet1_0Weights.self) { squeezenet1_0(classes: $0) },
    Architecture(SqueezeNet1_1Weights.self) { squeezenet1_1(classes: $0) },
    Architecture(DenseNet121Weights.self) { densenet121(classes: $0) },
    Architecture(DenseNet161Weights.self) { densenet161(classes: $0) },
    Architecture(DenseNet169Weights.self) { densenet169(classes: $0) },
    Architecture(DenseNet201Weights.self) { densenet201(classes: $0) },
    Architecture(GoogLeNetWeights.self) { googlenet(classes: $0) },
    Architecture(InceptionV3Weights.self) { inception_v3(classes: $0) },
    Architecture(ShuffleNetV2X0_5Weights.self) { shufflenet_v2_x0_5(classes: $0) },
    Architecture(ShuffleNetV2X1_0Weights.self) { shufflenet_v2_x1_0(classes: $0) },
    Architecture(ShuffleNetV2X1_5Weights.self) { shufflenet_v2_x1_5(classes: $0) },
    Architecture(ShuffleNetV2X2_0Weights.self) { shufflenet_v2_x2_0(classes: $0) },
    Architecture(MobileNetV2Weights.self) { mobilenet_v2(classes: $0) },
    Architecture(MNASNet0_5Weights.self) { mnasnet0_5(classes: $0) },
    Architecture(MNASNet0_75Weights.self) { mnasnet0_75(classes: $0) },
    Architecture(MNASNet1_0Weights.self) { mnasnet1_0(classes: $0) },
    Architecture(MNASNet1_3Weights.self) { mnasnet1_3(classes: $0) },
    Architecture(MobileNetV3LargeWeights.self) { mobilenet_v3_large(classes: $0) },
    Architecture(MobileNetV3SmallWeights.self) { mobilenet_v3_small(classes: $0) },
    Architecture(EfficientNetB0Weights.self) { efficientnet_b0(classes: $0) },
    Architecture(EfficientNetB1Weights.self) { efficientnet_b1(classes: $0) },
    Architecture(EfficientNetB2Weights.self) { efficientnet_b2(classes: $0) },
    Architecture(TFEfficientNetLite0Weights.self) { tf_efficientnet_lite0(classes: $0) },
    Architecture(ConvNeXtTinyWeights.self) { convnext_tiny(classes: $0) },
    Architecture(ViTB16Weights.self, sized: { vit_b_16(classes: $0, imageSize: $1) }),
  ]
  return Dictionary(uniqueKeysWithValues: all.map { ($0.defaultWeights.architecture, $0) })
}()

/// Names of all networks, in alphabetical order.
public func listModels() -> [String] { architectures.keys.sorted() }

/// The official weights of a network, as `torchvision.models.get_model_weights`.
///
/// - Throws: ``ModelError`` if there is no network of that name.
public func modelWeights(_ name: String) throws -> [PretrainedWeights] { try architecture(name).weights }

/// A network by its name, such as `resnet18`: new, with starting weights drawn from the default generator, or with
/// official weights.
///
///     let network = try model("squeezenet1_0", classes: 10)
///     let pretrained = try model("resnet50", weights: .default, classes: 10)
///
/// - Parameters:
///   - name: one of ``listModels()``.
///   - weights: which official weights, downloaded if they are not on disk; nil for none. See ``modelWeights(_:)``.
///   - classes: number of outputs, 1000 if nil. With weights of other classes the network gets a new head.
///   - cache: where the file is looked for, and downloaded to.
///   - progress: told about a download, ten times a second.
/// - Throws: ``ModelError`` if there is no network of that name; ``WeightsError``, `FileError` or `DownloadError` if
///   the weights cannot be had.
public func model(
  _ name: String, weights: WeightsName? = nil, classes: Int? = nil, cache: WeightCache = .default,
  progress: ((DownloadProgress) -> Void)? = nil
) throws -> any ImageClassifier {
  guard let weights else { return try newModel(name, classes: classes ?? imagenetClassCount) }
  return try officialWeights(name, weights).model(classes: classes, cache: cache, progress: progress)
}

/// A network by its name in the state that a saved one told of, with starting weights to be replaced by the saved ones.
///
///     let network = try skipInit { try model("googlenet", classes: 5, configuration: saved) }
///
/// - Parameters:
///   - name: one of ``listModels()``.
///   - classes: number of outputs.
///   - configuration: what ``ImageClassifier/configuration`` gave; untrusted.
/// - Throws: ``ModelError`` if there is no network of that name, or it has no such settings.
public func model(
  _ name: String, classes: Int, configuration: [String: String]
) throws -> any ImageClassifier {
  // Of a size that is none `configure` says so.
  let size = configuration["image_size"].flatMap { Int($0) }.flatMap { imageSizes.contains($0) ? $0 : nil }
  let network = try newModel(name, classes: classes, imageSize: size)
  try network.configure(configuration)
  return network
}

/// The entry of some weights of a network, as `torchvision.models.get_weight`.
///
/// - Throws: ``ModelError`` if there is no network of that name, ``WeightsError`` if it has no such weights.
public func officialWeights(_ network: String, _ name: WeightsName = .default) throws -> PretrainedWeights {
  let found = try architecture(network)
  if name == .default { return found.defaultWeights }
  guard let entry = found.weights.first(where: { $0.name == name }) else {
    throw WeightsError.unknown(
      name.rawValue, network: network, names: found.weights.map(\.name.rawValue))
  }
  return entry
}

private let largestImageSize = 2048

/// Sizes of images that a vision transformer of patches of 16 is made for.
private let imageSizes = stride(from: 16, through: largestImageSize, by: 16)

/// A network with starting weights.
func newModel(
  _ name: String, classes: Int = imagenetClassCount, imageSize: Int? = nil
) throws -> any ImageClassifier {
  try architecture(name).build(classes, imageSize)
}

private func architecture(_ name: String) throws -> Architecture {
  guard let found = architectures[name] else {
    throw ModelError.unknown(name, nearest: nearestNames(to: name))
  }
  return found
}

/// A network that cannot be made.
public enum ModelError: Error, Equatable, CustomStringConvertible {
  /// There is no network of that name.
  case unknown(String, nearest: [String])
  /// A network has no such setting.
  case configuration(String, String, network: String, expected: [String: String])

  public var description: String {
    switch self {
    case .unknown(let name, let nearest):
      "unknown network \(quoted(name)); nearest names: \(nearest.joined(separator: ", "))"
    case .configuration(let name, let value, let network, let expected):
      "\(network): expected "
        + (expected.isEmpty
          ? "no settings"
          : "settings such as \(expected.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))")
        + ", found \(quoted(name)) \(quoted(value))"
    }
  }
}

/// The three names with the fewest characters to change.
private func nearestNames(to name: String) -> [String] {
  let distances = listModels().map { (name: $0, distance: editDistance($0, name.prefix(64).lowercased())) }
  return distances.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(3).map(\.name)
}
