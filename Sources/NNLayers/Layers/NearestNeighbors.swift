import NNCore

/// Scales features [N, F] to length 1, so that products of two of them are the cosines of their angles.
public final class UnitLength: Module, Layer {
  public override init() {}

  public func forward(_ x: Tensor) -> Tensor {
    // Of features that are all 0 nothing is left to be scaled.
    x / (x.square().sum(1, keepDim: true) + 1e-12).sqrt()
  }
}

/// Asks the nearest of stored examples for their classes: each of the `count` examples with the greatest cosine votes for
/// its class with the weight exp(cosine / temperature), as DINO judges features (Caron et al., 2021).
///
///     let neighbors = NearestNeighbors(features, labels.oneHot(10).to(.float32), count: 20)
///     let probabilities = neighbors(UnitLength()(others)).softmax(1)
///
/// Nothing is trained; examples and votes are buffers, so a state dict holds them. Examples as near as the last of the
/// nearest count too. Composed of operations that can be exported.
public final class NearestNeighbors: Module, Layer {
  /// Features of the stored examples, of length 1, [S, F].
  public let examples: Buffer
  /// How much each example votes for each class, [S, C].
  public let votes: Buffer
  public let count: Int
  public let temperature: Double
  /// The least share of the votes a class is given, so that logarithms are finite.
  private static let leastShare = 1e-4

  /// - Parameters:
  ///   - examples: features [S, F], scaled to length 1 here.
  ///   - votes: not negative, [S, C]; rows of a single 1 for examples of one class each.
  ///   - count: nearest examples that vote, at least 1; all of them if there are fewer.
  ///   - temperature: the smaller, the more the nearest count; above 0.
  public init(_ examples: Tensor, _ votes: Tensor, count: Int = 20, temperature: Double = 0.07) {
    require(
      examples.rank == 2 && votes.rank == 2 && examples.shape[0] == votes.shape[0] && examples.shape[0] > 0,
      "NearestNeighbors", "examples \(examples.shape) and votes \(votes.shape) do not fit")
    require(count >= 1, "NearestNeighbors", "count must be at least 1, got \(count)")
    require(temperature > 0, "NearestNeighbors", "the temperature must be above 0, got \(temperature)")
    self.examples = Buffer(UnitLength()(examples.detach()))
    self.votes = Buffer(votes.detach())
    self.count = count
    self.temperature = temperature
  }

  /// So many examples that are yet to be loaded.
  public init(stored: Int, features: Int, classes: Int, count: Int = 20, temperature: Double = 0.07) {
    require(
      stored > 0 && features > 0 && classes > 0 && count >= 1 && temperature > 0, "NearestNeighbors",
      "\(stored) examples of \(features) features and \(classes) classes, count \(count), temperature \(temperature)"
    )
    // A single zero for all, so that no memory is taken before there are examples.
    examples = Buffer(Tensor.zeros([1, 1]).expand([stored, features]))
    votes = Buffer(Tensor.zeros([1, 1]).expand([stored, classes]))
    self.count = count
    self.temperature = temperature
  }

  /// - Parameter x: features of length 1, [N, F].
  /// - Returns: logarithms of each class's share of the votes, [N, C].
  public func forward(_ x: Tensor) -> Tensor {
    let cosines = x.linear(examples.value)
    let nearest = cosines.amax([1], keepDim: true)
    // The cosine of the last that votes: the greatest of those below the greatest, and so on. No cosine is below -1.
    var least = nearest
    for _ in 1..<max(1, min(count, examples.value.shape[0])) {
      least = cosines.maskedFill(cosines .>= least, with: -2).amax([1], keepDim: true)
    }
    let weights = ((cosines - nearest) / temperature).exp().maskedFill(cosines .< least, with: 0)
    let shares = weights.matmul(votes.value)
    return (shares / shares.sum(1, keepDim: true)).clamp(min: Self.leastShare).log()
  }

  public override var extraDescription: String {
    "\(examples.value.shape), count: \(count), temperature: \(temperature)"
  }
}
