import NNCore
import NNData
import NNLayers

/// The families of networks; each lists its members where it is defined.
private let families: [[any ArchitectureRow]] = [
  AlexNet.architectures, VGG.architectures, ResNet.architectures, SqueezeNet.architectures,
  DenseNet.architectures, GoogLeNet.architectures, InceptionV3.architectures, ShuffleNetV2.architectures,
  MobileNetV2.architectures, MNASNet.architectures, MobileNetV3.architectures, EfficientNet.architectures,
  EfficientNetLite.architectures, RegNet.architectures, ConvNeXt.architectures,
  VisionTransformer.architectures, SwinTransformer.architectures, MaxViT.architectures,
  PatchTransformer.architectures, ConvNeXtV2.architectures, MobileNetV4.architectures,
  RepViT.architectures,
  ShapesNet.architectures,
]

/// All networks by their names.
private let architectures = Dictionary(uniqueKeysWithValues: families.joined().map { ($0.name, $0) })

/// Names of all networks, in alphabetical order.
public func listModels() -> [String] { architectures.keys.sorted() }

/// The official weights of a network, as `torchvision.models.get_model_weights`.
///
/// - Throws: ``ModelError`` if there is no network of that name.
public func modelWeights(_ name: String) throws -> [PretrainedWeights] { try architecture(name).weights }

/// A network by its name, such as `resnet18`: new, with starting weights drawn from the default generator, or with
/// official weights.
///
///     let network = try makeModel("squeezenet1_0", classes: 10)
///     let pretrained = try makeModel("resnet50", weights: .default, classes: 10)
///
/// - Parameters:
///   - name: one of ``listModels()``.
///   - weights: which official weights, downloaded if they are not on disk; nil for none. See ``modelWeights(_:)``.
///   - classes: number of outputs, 1000 if nil. With weights of other classes the network gets a new head.
///   - channels: of the images, 3 for colours; weights are adapted, see ``ImageClassifier/adaptInput(channels:)``.
///   - imageSize: height and width of the images, for networks that take one size only; their usual one if nil. Positions
///     of weights for another size are resized.
///   - dropPath: probability with which a sample skips the last block in training, growing from 0 at the first block in
///     equal steps; the network's own if nil.
///   - dropout: probability with which a feature before the head is left out in training; the network's own if nil.
///   - cache: where the file is looked for, and downloaded to.
///   - progress: told about a download, ten times a second.
/// - Throws: ``ModelError`` if there is no network of that name, or it has no such setting; ``WeightsError``, `FileError`
///   or `DownloadError` if the weights cannot be had.
public func makeModel(
  _ name: String, weights: WeightsName? = nil, classes: Int? = nil, channels: Int = 3, imageSize: Int? = nil,
  dropPath: Double? = nil, dropout: Double? = nil, cache: WeightCache = .default,
  progress: ((DownloadProgress) -> Void)? = nil
) throws -> any ImageClassifier {
  let found = try architecture(name)
  if let imageSize, !found.imageSizes.contains(imageSize) {
    throw ModelError.setting(
      "image size", "\(imageSize)", network: name,
      expected: found.imageSizes.isEmpty
        ? "none, as it takes images of any size" : "a multiple of its patches' size")
  }
  let network =
    if let weights {
      try found.makeNetwork(
        found.officialWeights(weights), classes: classes, imageSize: imageSize, cache: cache,
        progress: progress)
    } else {
      found.makeNetwork(classes: classes ?? imagenetClassCount, imageSize: imageSize)
    }
  try network.configureTraining(dropPath: dropPath, dropout: dropout)
  guard inputChannelsRange.contains(channels) else {
    throw ModelError.setting("channels", "\(channels)", network: name, expected: "a number in 1...1024")
  }
  network.adaptInput(channels: channels)
  return network
}

/// A network by its name in the state that a saved one told of, with starting weights to be replaced by the saved ones.
///
///     let network = try skipInit { try makeModel("googlenet", classes: 5, configuration: saved) }
///
/// - Parameters:
///   - name: one of ``listModels()``.
///   - classes: number of outputs.
///   - configuration: what ``ImageClassifier/configuration`` gave; untrusted.
/// - Throws: ``ModelError`` if there is no network of that name, or it has no such settings.
public func makeModel(
  _ name: String, classes: Int, configuration: [String: String]
) throws -> any ImageClassifier {
  let found = try architecture(name)
  // Of a size that is none `configure` says so.
  let size = configuration["image_size"].flatMap { Int($0) }.flatMap {
    found.imageSizes.contains($0) ? $0 : nil
  }
  let network = found.makeNetwork(classes: classes, imageSize: size)
  try network.configure(configuration)
  return network
}

/// The entry of some weights of a network, as `torchvision.models.get_weight`.
///
/// - Throws: ``ModelError`` if there is no network of that name, ``WeightsError`` if it has no such weights.
public func officialWeights(_ network: String, _ name: WeightsName = .default) throws -> PretrainedWeights {
  try architecture(network).officialWeights(name)
}

/// The former name of ``makeModel(_:weights:classes:channels:imageSize:dropPath:dropout:cache:progress:)``.
@available(
  *, deprecated,
  renamed: "makeModel(_:weights:classes:channels:imageSize:dropPath:dropout:cache:progress:)"
)
public func model(
  _ name: String, weights: WeightsName? = nil, classes: Int? = nil, cache: WeightCache = .default,
  progress: ((DownloadProgress) -> Void)? = nil
) throws -> any ImageClassifier {
  try makeModel(name, weights: weights, classes: classes, cache: cache, progress: progress)
}

/// The former name of ``makeModel(_:classes:configuration:)``.
@available(*, deprecated, renamed: "makeModel(_:classes:configuration:)")
public func model(
  _ name: String, classes: Int, configuration: [String: String]
) throws -> any ImageClassifier {
  try makeModel(name, classes: classes, configuration: configuration)
}

/// What is known of networks of this type, which may have more than one name.
func architectures(of network: any ImageClassifier) -> [any ArchitectureRow] {
  families.joined().filter { $0.makes(network) }
}

/// What is known of the network of a name.
///
/// - Throws: ``ModelError`` if there is none.
func architecture(_ name: String) throws -> any ArchitectureRow {
  guard let found = architectures[name] else {
    throw ModelError.unknown(name, nearest: nearestNames(to: name, among: listModels()))
  }
  return found
}
