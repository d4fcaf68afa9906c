import NNCore
import NNLayers

/// A pretrained network whose last layer is taken off, and a new head in its place: `head(features(x))`.
///
///     let network = try TransferNetwork(pretrained, classes: 5)
///     network.backbone.freeze()  // trains the head alone
///
/// The features [N, featureCount] are what the last layer was given; those of a network that ends in a convolution
/// (SqueezeNet) are averaged over the image.
public final class TransferNetwork: Module, CallableModule {
  /// The network up to its last layer, under the keys that it has there.
  public let backbone: FeatureExtractor
  /// `norm`, a batch normalisation, if features are normalised; and `linear`.
  public let head: Sequential
  /// What the network was when its last layer was taken off, see ``ImageClassifier/configuration``: to be given to
  /// the network that a transfer network for the same weights is made of.
  public let configuration: [String: String]
  /// Size of the features of an image.
  public let featureCount: Int

  /// - Parameters:
  ///   - network: shares its layers.
  ///   - classes: number of outputs.
  ///   - normalizesFeatures: begins the head with a `BatchNorm1d`: features behind a ReLU are not centred and differ
  ///     in size, and a linear layer on normalised ones trains faster. By default for networks without a linear last
  ///     layer.
  /// - Throws: `NodeError` if the network has no last layer to be taken off.
  public init(_ network: any ImageClassifier, classes: Int, normalizesFeatures: Bool? = nil) throws {
    let nodes = network.nodeNames
    // A head may have layers, which stand before it.
    guard let head = network.headName,
      let node = nodes.prefix(while: { $0 != head && !$0.hasPrefix(head + ".") }).last
    else {
      throw NodeError.unknown("head", network: network.typeName, nodes: nodes)
    }
    let last = network.module(named: head)
    featureCount =
      (last as? Linear)?.inFeatures ?? (last as? Conv2d)?.inChannels
      ?? (last as? any ClassifierHead)?.featureCount ?? 0
    backbone = try network.features(at: node)
    self.head = Sequential([])
    configuration = network.configuration
    super.init()
    inputNormalization = network.inputNormalization
    if normalizesFeatures ?? !(last is Linear) { self.head.append(BatchNorm1d(featureCount), named: "norm") }
    self.head.append(Linear(featureCount, classes), named: "linear")
  }

  /// Features [N, featureCount] of images [N, 3, H, W].
  public func features(_ x: Tensor) -> Tensor {
    let y = backbone(x)
    return y.rank == 4 ? y.mean([2, 3]) : y
  }

  public func callAsFunction(_ x: Tensor) -> Tensor { head(features(x)) }

  /// The parts of the backbone from its last block on: the last stage, or where one stage is nearly all of the network,
  /// the last block in it. What holds less than a hundredth of the parameters is no block of its own.
  public var lastBlock: [Module] {
    func size(_ module: Module) -> Int { module.parameters().reduce(0) { $0 + $1.count } }
    let least = max(1, size(backbone) / 100)
    var parts = backbone.children
    var behind: [Module] = []
    while let place = parts.lastIndex(where: { size($0) >= least }) {
      behind = Array(parts[(place + 1)...]) + behind
      let isOnly = !parts[..<place].contains { size($0) >= least }
      guard isOnly, parts[place].children.contains(where: { size($0) >= least }) else {
        return [parts[place]] + behind
      }
      parts = parts[place].children
    }
    return parts + behind
  }
}
