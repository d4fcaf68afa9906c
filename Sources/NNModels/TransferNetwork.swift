import NNCore
import NNLayers

/// A pretrained network whose last layer is taken off, and a new head in its place: `head(features(x))`.
///
///     let network = try TransferNetwork(pretrained, classes: 5)
///     network.backbone.freeze()  // trains the head alone
///
/// The features [N, featureCount] are what the last layer was given; those of a network that ends in a convolution
/// (SqueezeNet) are averaged over the image. Those of several nodes are joined, see ``TransferForm``.
public final class TransferNetwork: Module, CallableModule {
  /// The network up to its last layer, under the keys that it has there.
  public let backbone: FeatureExtractor
  /// `norm`, a batch normalisation, if features are normalised; and `linear`.
  public let head: Sequential
  /// What the network was when its last layer was taken off, see ``ImageClassifier/configuration``: to be given to
  /// the network that a transfer network for the same weights is made of.
  public let configuration: [String: String]
  /// What the features are, and what the head consists of.
  public let form: TransferForm
  /// Size of the features of an image.
  public let featureCount: Int

  /// A head on what the last layer was given.
  ///
  /// - Parameters:
  ///   - network: shares its layers.
  ///   - classes: number of outputs.
  ///   - normalizesFeatures: begins the head with a `BatchNorm1d`: features behind a ReLU are not centred and differ
  ///     in size, and a linear layer on normalised ones trains faster. By default for networks without a linear last
  ///     layer.
  /// - Throws: `NodeError` if the network has no last layer to be taken off.
  public convenience init(
    _ network: any ImageClassifier, classes: Int, normalizesFeatures: Bool? = nil
  ) throws {
    var form = try TransferForm(suiting: network)
    form.normalizes = normalizesFeatures ?? form.normalizes
    try self.init(network, classes: classes, form: form)
  }

  /// - Parameters:
  ///   - network: shares its layers.
  ///   - classes: number of outputs.
  ///   - form: what the features are, and what the head consists of.
  /// - Throws: `NodeError` if the network has no last layer to be taken off, or no node of a name.
  public init(_ network: any ImageClassifier, classes: Int, form: TransferForm) throws {
    let last = try network.lastLayer()
    self.form = form
    featureCount =
      form.featureCount ?? (last.module as? Linear)?.inFeatures ?? (last.module as? Conv2d)?.inChannels
      ?? (last.module as? any ClassifierHead)?.featureCount ?? 0
    backbone = try network.features(at: form.nodes.isEmpty ? [last.nodeBefore] : form.nodes)
    head = form.head(features: featureCount, classes: classes)
    configuration = network.configuration
    super.init()
    inputNormalization = network.inputNormalization
  }

  /// Features [N, featureCount] of images [N, 3, H, W].
  public func features(_ x: Tensor) -> Tensor {
    if form.nodes.isEmpty { return Self.pooled(backbone(x)) }
    let outputs = backbone.outputs(x)
    return cat(form.nodes.compactMap { outputs[$0].map(Self.pooled) }, axis: 1)
  }

  /// The average over the image, or over the tokens of a transformer; [N, F].
  private static func pooled(_ y: Tensor) -> Tensor {
    switch y.rank {
    case 4: y.mean([2, 3])
    case 3: y.mean([1])
    default: y
    }
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

extension ImageClassifier {
  /// The last layer, and the node that gives what it is given.
  ///
  /// - Throws: `NodeError` if there is none to be taken off.
  func lastLayer() throws -> (module: Module?, nodeBefore: String) {
    let nodes = nodeNames
    // A head may have layers, which stand before it.
    guard let head = headName,
      let before = nodes.prefix(while: { $0 != head && !$0.hasPrefix(head + ".") }).last
    else { throw NodeError.unknown("head", network: typeName, nodes: nodes) }
    return (module(named: head), before)
  }

  /// Nodes at several depths whose averages tell more about an image than those of the last alone: the last blocks of a
  /// network of convolutions, and at the end what the last layer is given. Empty for other networks.
  ///
  ///     var form = TransferForm(normalizes: true)
  ///     form.nodes = network.deepNodes()
  ///     form.featureCount = try network.featureCount(of: form.nodes, imageSize: 224)
  ///
  /// - Parameter count: of the nodes.
  public func deepNodes(_ count: Int = 4) -> [String] {
    guard let last = try? lastLayer() else { return [] }
    func size(_ module: Module) -> Int { module.parameters().reduce(0) { $0 + $1.count } }
    func blocks(_ parts: [(name: String, module: Module)]) -> [(name: String, module: Module)] {
      let least = parts.reduce(0) { $0 + size($1.module) } / 100
      let large = parts.filter { part in
        size(part.module) >= max(1, least) && part.module.modules.contains { $0 is Conv2d }
      }
      guard large.count == 1, let sequence = large[0].module as? Sequential else { return large }
      return blocks(
        sequence.namedChildren().map { (large[0].name + "." + $0.name, $0.module) })
    }
    let head = headName?.split(separator: ".").first.map(String.init)
    let parts = stages.compactMap { stage in stage.module.map { (name: stage.name, module: $0 as Module) } }
    let names = blocks(parts.filter { $0.name != head }).map(\.name)
    // The last block is what the last layer is given, or nearly so.
    return names.count < 2 ? [] : names.dropLast().suffix(count - 1) + [last.nodeBefore]
  }

  /// Features of some nodes together, each averaged over the image.
  ///
  /// - Parameter imageSize: height and width of an image that the network takes.
  /// - Throws: `NodeError` if there is no node of a name.
  public func featureCount(of nodes: [String], imageSize: Int) throws -> Int {
    var form = TransferForm(normalizes: false)
    (form.nodes, form.featureCount) = (nodes, 1)
    let network = try TransferNetwork(self, classes: 1, form: form)
    return network.evaluating {
      noGrad { network.features(Tensor.zeros([1, 3, imageSize, imageSize])).shape[1] }
    }
  }
}
