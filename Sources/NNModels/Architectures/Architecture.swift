import NNCore
import NNData
import NNLayers

/// A network that can be had by its name, with its official weights: everything the library knows of it, in one value.
/// Called, it makes the network.
///
///     let network = resnet18(classes: 10)                       // new, with starting weights
///     let pretrained = try resnet18(weights: .default)          // with official weights
///     let transform = resnet18.defaultWeights.transforms        // how images become its input
///
/// ``makeModel(_:weights:classes:channels:imageSize:dropPath:dropout:cache:progress:)`` does the same by a name that is known at run time only.
public struct Architecture<Network: ImageClassifier>: Sendable {
  /// torchvision's name, or timm's where torchvision has none: `resnet18`.
  public let name: String
  /// The official weights, first the ones to take, which are in general the most accurate.
  public let weights: [PretrainedWeights]
  /// Heights and widths of images that the network can be made for; empty if any one network takes images of any size.
  let imageSizes: [Int]
  private let build: @Sendable (_ classes: Int, _ imageSize: Int?) -> Network

  init(
    _ name: String, weights: [PretrainedWeights], _ build: @escaping @Sendable (_ classes: Int) -> Network
  ) {
    self.init(name, weights, imageSizes: []) { classes, _ in build(classes) }
  }

  /// A network that takes images of one size only: if nobody says which, `usualSize`, or that of its first weights.
  init(
    _ name: String, weights: [PretrainedWeights], imageSizes: [Int], usualSize: Int? = nil,
    _ build: @escaping @Sendable (_ classes: Int, _ imageSize: Int) -> Network
  ) {
    let usual = usualSize ?? weights.first?.imageSize ?? 224
    self.init(name, weights, imageSizes: imageSizes) { build($0, $1 ?? usual) }
  }

  private init(
    _ name: String, _ weights: [PretrainedWeights], imageSizes: [Int],
    build: @escaping @Sendable (_ classes: Int, _ imageSize: Int?) -> Network
  ) {
    require(!weights.isEmpty, "Architecture", "\(name) needs official weights, got none")
    self.name = name
    self.weights = weights.map { $0.of(name) }
    self.imageSizes = imageSizes
    self.build = build
  }

  /// The weights to take, in general the most accurate ones.
  public var defaultWeights: PretrainedWeights { weights[0] }

  /// The official weights of a name.
  ///
  /// - Throws: ``WeightsError`` if the network has no such weights.
  public func officialWeights(_ name: WeightsName) throws -> PretrainedWeights {
    if name == .default { return defaultWeights }
    guard let entry = weights.first(where: { $0.name == name }) else {
      throw WeightsError.unknown(name.rawValue, network: self.name, names: weights.map(\.name.rawValue))
    }
    return entry
  }

  /// A new network with starting weights drawn from the default generator.
  public func callAsFunction(classes: Int = 1000) -> Network { build(classes, nil) }

  /// The network with official weights, in training mode.
  ///
  ///     let network = try resnet50(weights: .imagenet1kV2, classes: 10)
  ///
  /// - Parameters:
  ///   - name: which weights, downloaded if they are not on disk.
  ///   - classes: number of outputs; if it is not that of the weights, the network gets a new head.
  ///   - cache: where the file is looked for, and downloaded to.
  ///   - progress: told about a download, ten times a second.
  /// - Throws: ``WeightsError``, `FileError` or `DownloadError`, in one line.
  public func callAsFunction(
    weights name: WeightsName, classes: Int? = nil, cache: WeightCache = .default,
    progress: ((DownloadProgress) -> Void)? = nil
  ) throws -> Network {
    try makeNetwork(officialWeights(name), classes: classes, cache: cache, progress: progress)
  }
}

extension Architecture: ArchitectureRow {
  func makeNetwork(classes: Int, imageSize: Int?) -> Network { build(classes, imageSize) }
}

/// An ``Architecture`` of whatever network, for lists of them.
protocol ArchitectureRow: Sendable {
  associatedtype Network: ImageClassifier
  var name: String { get }
  var weights: [PretrainedWeights] { get }
  var imageSizes: [Int] { get }
  func officialWeights(_ name: WeightsName) throws -> PretrainedWeights

  /// A new network.
  ///
  /// - Parameter imageSize: one of `imageSizes`; nil for the usual one.
  func makeNetwork(classes: Int, imageSize: Int?) -> Network
}

extension ArchitectureRow {
  /// The network with some weights of it, in training mode.
  func makeNetwork(
    _ weights: PretrainedWeights, classes: Int?, imageSize: Int? = nil, cache: WeightCache,
    progress: ((DownloadProgress) -> Void)?
  ) throws -> Network {
    let file = try cache.file(for: weights, progress: progress)
    let network = skipInit {
      makeNetwork(classes: weights.classCount, imageSize: imageSize ?? weights.imageSize)
    }
    try network.loadWeights(weights, from: file)
    if let classes, classes != weights.classCount { network.replaceHead(classes: classes) }
    return network
  }

  /// Whether the network is one of this type.
  func makes(_ network: any ImageClassifier) -> Bool { network is Network }
}
