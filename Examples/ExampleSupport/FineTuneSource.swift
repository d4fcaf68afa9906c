import NNCore
import NNData
import NNLayers
import NNModels

/// What the fine-tuning experiment runs on: images, and a pretrained network that fits them.
public struct FineTuneSource {
  /// Name of the network.
  public let name: String
  /// Lines that say what is used and why.
  public let reasons: [String]
  public let classes: [String]
  /// The pretrained network.
  public let features: any CallableModule
  /// Size of its output.
  public let outputs: Int
  /// Whether its outputs need normalising before a linear layer.
  public let normalizes: Bool
  public let inputShape: [Int]
  /// Epochs without a better validation loss after which training stops.
  public let patience: Int
  /// Images as the network expects them.
  public let data: ExperimentData
  /// The same images for the CNN from scratch.
  public let small: ExperimentData

  /// Decides by what is at hand: photos with an ImageNet network, or else the shapes with the small network that
  /// belongs to them.
  ///
  /// - Parameter head: what the new layers stand on; if nil, the outputs, normalised where they are not centred. With
  ///   the shapes it is always the features.
  public static func choose(
    _ options: ExperimentOptions, _ pretrained: PretrainedOptions, head: FineTuneHead? = nil
  ) throws -> FineTuneSource {
    if options.dataset == .shapes { return try shapes(ImageSource(options), options) }
    let network: PretrainedNetwork
    do {
      network = try pretrained.network()
    } catch let error
      where pretrained.weights == nil && options.dataset == .auto && listModels().contains(pretrained.arch)
    {
      return try shapes(ImageSource(shapesBecause: "no weights for \(pretrained.arch): \(error)"), options)
    }
    let source = try ImageSource(options)
    if source.name == "shapes" { return try shapes(source, options) }
    // SqueezeNet ends with a ReLU and an average: its outputs are never negative and not centred.
    let head = head ?? (pretrained.arch.hasPrefix("squeezenet") ? .normalizedOutputs : .outputs)
    let transfer = try TransferNetwork(network.model, classes: source.classes.count)
    let normalization = network.transforms
    return FineTuneSource(
      name: pretrained.arch,
      reasons: [source.reason, "Weights: \(pretrained.arch), ImageNet, from \(network.origin)"],
      classes: source.classes,
      features: head == .features ? transfer.backbone : network.model,
      outputs: head == .features ? transfer.featureCount : 1_000,
      normalizes: head != .outputs,
      inputShape: [1, 3, 224, 224],
      patience: 3,
      data: source.data(
        options,
        transform: Compose {
          Resize(224, 224)
          ToTensor()
          Normalize(mean: normalization.mean, std: normalization.std)
        }),
      small: source.small(options))
  }

  private static func shapes(_ source: ImageSource, _ options: ExperimentOptions) throws -> FineTuneSource {
    let network = try shapesnet(weights: .default)
    let data = source.small(options)
    return FineTuneSource(
      name: "ShapesNet",
      reasons: [
        source.reason,
        "Weights: ShapesNet, part of the library, pretrained on other classes by PretrainExample",
      ],
      classes: source.classes,
      features: network.features,
      outputs: network.featureCount,
      normalizes: true,
      inputShape: [1, 3, 32, 32],
      // An epoch is 16 steps here, and the validation loss swings: go the whole way.
      patience: options.epochs,
      data: data,
      small: data)
  }
}
