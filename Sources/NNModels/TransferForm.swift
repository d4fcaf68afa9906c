import NNCore
import NNLayers

/// What a ``TransferNetwork`` takes as features, and what its head consists of.
public struct TransferForm: Sendable, Equatable, Codable {
  /// Stored examples that are asked for their classes, see `NearestNeighbors`.
  public struct Neighbors: Sendable, Equatable, Codable {
    /// Stored examples.
    public var stored: Int
    /// How many of them vote.
    public var count: Int
    public var temperature: Double

    public init(stored: Int, count: Int, temperature: Double = 0.07) {
      self.stored = stored
      self.count = count
      self.temperature = temperature
    }
  }

  /// Nodes whose outputs, averaged over the image and joined, are the features; none for what the last layer was given.
  public var nodes: [String] = []
  /// Features of all `nodes` together; nil without nodes.
  public var featureCount: Int?
  /// Begins with a `BatchNorm1d`: features behind a ReLU are not centred and differ in size.
  public var normalizes: Bool
  /// Scales the features of each image to length 1.
  public var unitLength = false
  /// In place of a linear layer.
  public var neighbors: Neighbors?

  public init(normalizes: Bool) { self.normalizes = normalizes }

  /// What the last layer is given, under a linear head, with a batch normalisation for a network without a linear last
  /// layer.
  ///
  /// - Throws: `NodeError` if the network has no last layer to be taken off.
  public init(suiting network: any ImageClassifier) throws {
    self.init(normalizes: !(try network.lastLayer().module is Linear))
  }

  /// Whether it says no more than whether features are normalised.
  public var isPlain: Bool { self == TransferForm(normalizes: normalizes) }

  /// What is wrong with a form that comes from outside, nil if nothing is.
  public var problem: String? {
    if nodes.count > 64 { return "expected at most 64 nodes of features, found \(nodes.count)" }
    if nodes.isEmpty != (featureCount == nil) { return "expected nodes with their number of features" }
    if let featureCount, !(1...1_000_000).contains(featureCount) {
      return "expected 1 to 1000000 features, found \(featureCount)"
    }
    guard let neighbors else { return nil }
    let isSound =
      (1...10_000_000).contains(neighbors.stored) && (1...10_000).contains(neighbors.count)
      && neighbors.temperature > 0 && neighbors.temperature.isFinite
    return isSound ? nil : "expected stored examples of which 1 to 10000 vote, found others"
  }

  /// `norm`, `unit`, and `linear` or `neighbors`, as far as there are such.
  func head(features: Int, classes: Int) -> Sequential {
    let head = Sequential([])
    if normalizes { head.append(BatchNorm1d(features), named: "norm") }
    if unitLength { head.append(UnitLength(), named: "unit") }
    if let neighbors {
      let layer = NearestNeighbors(
        stored: neighbors.stored, features: features, classes: classes, count: neighbors.count,
        temperature: neighbors.temperature)
      head.append(layer, named: "neighbors")
    } else {
      head.append(Linear(features, classes), named: "linear")
    }
    return head
  }
}
