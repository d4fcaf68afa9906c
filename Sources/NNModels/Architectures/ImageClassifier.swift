import NNCore
import NNLayers

/// A network from images [N, 3, H, W] to one number (logit) per class, [N, classes].
///
/// The networks of this library have the names and state-dict keys of torchvision (EfficientNet-Lite: of timm), so that
/// its weight files fit, and draw their starting weights in its order, so that the same seed gives the same network.
///
/// Source: https://docs.pytorch.org/vision/stable/models.html, https://huggingface.co/docs/timm
public protocol ImageClassifier: StagedModule {
  /// Puts a new last layer in place of the present one, for another number of classes, with PyTorch's default
  /// starting weights; so too in auxiliary heads. It learns even if the rest of the network is frozen.
  func replaceHead(classes: Int)

  /// Brings the network into the state that goes with its official weights, which were just loaded.
  func didLoadOfficialWeights()

  /// What decides on the network's function, is not in its state dict, and is of its kind only; see ``configuration``.
  /// Empty for most networks.
  var ownConfiguration: [String: String] { get }

  /// Brings a new network into the state that ``ownConfiguration`` tells of.
  ///
  /// - Throws: ``ModelError`` if a name or a value is none of this network's; nothing was changed then.
  func configureOwn(_ configuration: [String: String]) throws
}

extension ImageClassifier {
  public func didLoadOfficialWeights() {}

  public var ownConfiguration: [String: String] { [:] }

  public func configureOwn(_ configuration: [String: String]) throws {
    // What the network already is may be said.
    for (name, value) in configuration.sorted(by: { $0.key < $1.key }) where ownConfiguration[name] != value {
      throw ModelError.configuration(name, value, network: typeName, expected: ownConfiguration)
    }
  }

  /// What decides on the network's function and is not in its state dict, to be written beside it. Empty for most
  /// networks: all the others are made from their name and the number of classes.
  ///
  ///     let settings = network.configuration  // ["transform_input": "true", "aux_logits": "false"] of a GoogLeNet
  ///     let again = try makeModel("googlenet", classes: 10, configuration: settings)
  ///     try again.loadStateDict(network.stateDict())
  public var configuration: [String: String] {
    let channels = inputChannels
    return channels == 3
      ? ownConfiguration : ownConfiguration.merging([channelsKey: "\(channels)"]) { $1 }
  }

  /// Brings a new network into the state that ``configuration`` tells of.
  ///
  /// - Throws: ``ModelError`` if a name or a value is none of this network's; nothing was changed then.
  public func configure(_ configuration: [String: String]) throws {
    let channels = try configuration[channelsKey].map { value in
      guard let count = Int(value), inputChannelsRange.contains(count) else {
        throw ModelError.configuration(channelsKey, value, network: typeName, expected: [channelsKey: "3"])
      }
      return count
    }
    try configureOwn(configuration.filter { $0.key != channelsKey })
    if let channels { adaptInput(channels: channels) }
  }

  /// The last layer, which gives the logits: its name among the network's modules; nil if there is none.
  var headName: String? {
    nodeNames.last { node in
      let module = module(named: node)
      return module is Linear || module is Conv2d || module is any ClassifierHead
    }
  }
}

/// The last part of a network where that is more than a layer.
protocol ClassifierHead: Module {
  /// Size of the features that it is given.
  var featureCount: Int { get }
}

/// A classifier that was trained with further heads between its stages.
///
/// A plain call gives the logits alone, and leaves the auxiliary heads out; in training call ``outputs(_:)``.
public protocol AuxiliaryClassifier: ImageClassifier {
  /// Whether images that were normalised with ImageNet's mean and deviation are brought to mean and deviation 0.5,
  /// as the official weights need it. False in a new network.
  var transformInput: Bool { get set }
  /// The logits and, in training mode, those of the auxiliary heads.
  func outputs(_ x: Tensor) -> ClassifierOutputs
  /// Takes the auxiliary heads away. Nothing but training needs them.
  func removeAuxiliaryHeads()
  /// Whether there are auxiliary heads.
  var hasAuxiliaryHeads: Bool { get }
}

extension AuxiliaryClassifier {
  /// Under the names of torchvision's arguments: `transform_input` and `aux_logits`.
  public var ownConfiguration: [String: String] {
    ["transform_input": "\(transformInput)", "aux_logits": "\(hasAuxiliaryHeads)"]
  }

  public func configureOwn(_ configuration: [String: String]) throws {
    for (name, value) in configuration.sorted(by: { $0.key < $1.key }) {
      let isKnown = ownConfiguration[name] != nil && Bool(value) != nil
      // Heads that are gone do not come back.
      guard isKnown, name != "aux_logits" || value == "false" || hasAuxiliaryHeads else {
        throw ModelError.configuration(name, value, network: typeName, expected: ownConfiguration)
      }
    }
    if let value = configuration["transform_input"].flatMap(Bool.init) { transformInput = value }
    if configuration["aux_logits"] == "false" { removeAuxiliaryHeads() }
  }
}

/// What a classifier with auxiliary heads gives; as torchvision's `GoogLeNetOutputs` and `InceptionOutputs`.
public struct ClassifierOutputs: Sendable {
  /// [N, classes].
  public let logits: Tensor
  /// [N, classes] of each auxiliary head, from the first to the last in the network; empty in evaluation mode, while
  /// the network is frozen, and without heads.
  public let auxiliaryLogits: [Tensor]

  /// A loss that also counts the auxiliary heads: `loss(logits) + weight · Σ loss(auxiliary)`.
  ///
  ///     let loss = googlenet.outputs(images).loss(auxiliaryWeight: 0.3) { crossEntropy($0, labels) }
  ///
  /// - Parameter auxiliaryWeight: 0.3 in the paper of GoogLeNet, 0.4 is usual for Inception v3.
  public func loss(auxiliaryWeight: Double, _ loss: (_ logits: Tensor) -> Tensor) -> Tensor {
    auxiliaryLogits.reduce(loss(logits)) { $0 + loss($1) * auxiliaryWeight }
  }
}

extension AuxiliaryClassifier {
  /// Runs the stages, and each head behind the stage of its name.
  func outputs(_ x: Tensor, heads: KeyValuePairs<String, (any Layer)?>) -> ClassifierOutputs {
    var (y, auxiliary): (Tensor, [Tensor]) = (x, [])
    for stage in stages {
      y = stage(y)
      guard isTraining else { continue }
      for case (stage.name, let head?) in heads { auxiliary.append(head(y)) }
    }
    return ClassifierOutputs(logits: y, auxiliaryLogits: auxiliary)
  }
}

extension Stage {
  /// All but the batch as one dimension.
  static var flatten: Stage { Stage("flatten") { $0.flatten(from: 1) } }
}

extension Sequential {
  /// Puts a linear layer for another number of classes in place of the last layer.
  func replaceLastLinear(classes: Int) {
    guard let last = last as? Linear else { fail("replaceHead", "the last layer is not linear: \(self)") }
    self[count - 1] = Linear(last.inFeatures, classes)
  }
}
