import NNCore

/// An order in which to go through a data set, `torch.utils.data.Sampler`. The items of a sampler are
/// indices, or lists of indices for one that decides about whole batches.
public protocol Sampler<Item>: Sendable {
  associatedtype Item: Sendable

  /// Items of one epoch.
  var count: Int { get }

  /// The items of one epoch. All random numbers are drawn by this call.
  func order() -> [Item]

  /// The items of one epoch, for an order that depends on its number. This is what a loader calls; it need not be
  /// written.
  func order(epoch: Int) -> [Item]

  /// Where the random numbers come from; nil stands for `Generator.default`.
  var generator: Generator? { get }
}

extension Sampler {
  public var generator: Generator? { nil }
  public func order(epoch: Int) -> [Item] { order() }
}

/// 0, 1, 2, …, `torch.utils.data.SequentialSampler`.
public struct SequentialSampler: Sampler {
  public let count: Int

  public init(count: Int) {
    require(count >= 0, "SequentialSampler", "count must not be negative, got \(count)")
    self.count = count
  }
  public init(_ dataset: some Dataset) { self.init(count: dataset.count) }

  public func order() -> [Int] { Array(0..<count) }
}

/// Indices in random order, `torch.utils.data.RandomSampler`: a permutation (as many as are needed), or with
/// replacement each index drawn by itself.
///
/// The default generator (nil means it, too) gives a seed, and a fresh generator started from it gives the
/// order; another generator gives the order directly. Both are PyTorch's draws.
public struct RandomSampler: Sampler {
  /// Number of indices to draw from.
  public let sourceCount: Int
  public let count: Int
  public let replacement: Bool
  public let generator: Generator?

  /// - Parameters:
  ///   - sourceCount: the indices are those of `0..<sourceCount`.
  ///   - count: indices per epoch; `sourceCount` if nil.
  public init(
    sourceCount: Int, replacement: Bool = false, count: Int? = nil, generator: Generator? = nil
  ) {
    self.sourceCount = sourceCount
    self.count = count ?? sourceCount
    self.replacement = replacement
    self.generator = generator
    require(
      sourceCount >= 0 && self.count >= 0 && (sourceCount > 0 || self.count == 0), "RandomSampler",
      "cannot draw \(self.count) indices of \(sourceCount)")
  }
  public init(
    _ dataset: some Dataset, replacement: Bool = false, count: Int? = nil, generator: Generator? = nil
  ) {
    self.init(sourceCount: dataset.count, replacement: replacement, count: count, generator: generator)
  }

  public func order() -> [Int] {
    let given = generator ?? .default
    let source = given === Generator.default ? Generator(seed: given.nextSeed()) : given
    if replacement {
      return Tensor.randint(Swift.max(sourceCount, 1), [count], generator: source).array(of: Int.self)
    }
    var order: [Int] = []
    order.reserveCapacity(count)
    if sourceCount > 0 {
      for _ in 0..<count / sourceCount { order += source.randperm(sourceCount) }
      // PyTorch draws a last permutation even if nothing of it is needed; a shared generator notices.
      order += source.randperm(sourceCount).prefix(count % sourceCount)
    }
    return order
  }
}

/// Given indices in random order, `torch.utils.data.SubsetRandomSampler`.
public struct SubsetRandomSampler: Sampler {
  public let indices: [Int]
  public let generator: Generator?
  public var count: Int { indices.count }

  public init(_ indices: [Int], generator: Generator? = nil) {
    self.indices = indices
    self.generator = generator
  }

  public func order() -> [Int] {
    (generator ?? .default).randperm(indices.count).map { indices[$0] }
  }
}

/// Indices drawn in proportion to weights, `torch.utils.data.WeightedRandomSampler`: `multinomial` in
/// float64.
public struct WeightedRandomSampler: Sampler {
  /// One weight, at least 0, per index; they need not sum to 1.
  public let weights: [Double]
  public let count: Int
  public let replacement: Bool
  public let generator: Generator?

  /// - Parameter count: indices per epoch.
  public init(weights: [Double], count: Int, replacement: Bool = true, generator: Generator? = nil) {
    require(count > 0, "WeightedRandomSampler", "count must be positive, got \(count)")
    self.weights = weights
    self.count = count
    self.replacement = replacement
    self.generator = generator
  }

  public func order() -> [Int] {
    Tensor(weights).multinomial(count, replacement: replacement, generator: generator ?? .default)
      .array(of: Int.self)
  }
}

/// Cuts the order of another sampler into batches, `torch.utils.data.BatchSampler`.
public struct BatchSampler: Sampler {
  public let sampler: any Sampler<Int>
  public let batchSize: Int
  /// Whether a last batch that is not full is left out.
  public let dropLast: Bool

  public init(_ sampler: any Sampler<Int>, batchSize: Int, dropLast: Bool = false) {
    require(batchSize >= 1, "BatchSampler", "the batch size must be at least 1, got \(batchSize)")
    self.sampler = sampler
    self.batchSize = batchSize
    self.dropLast = dropLast
  }

  public var generator: Generator? { sampler.generator }
  public var count: Int {
    dropLast ? sampler.count / batchSize : (sampler.count + batchSize - 1) / batchSize
  }

  public func order() -> [[Int]] { order(epoch: 0) }

  public func order(epoch: Int) -> [[Int]] {
    let order = sampler.order(epoch: epoch)
    let end = dropLast ? order.count / batchSize * batchSize : order.count
    return stride(from: 0, to: end, by: batchSize).map { Array(order[$0..<min($0 + batchSize, end)]) }
  }
}
