import NNCore

/// The part of a data set that one of several processes goes through, `torch.utils.data.DistributedSampler`: every
/// `replicas`-th index of a common order, from `rank` on.
///
/// The order of an epoch is a function of the seed and the epoch, which the loader knows; so all processes agree
/// without talking to each other, and there is no `set_epoch` to forget.
public struct DistributedSampler: Sampler {
  /// Number of indices that the processes share.
  public let sourceCount: Int
  public let replicas: Int
  public let rank: Int
  public let shuffle: Bool
  public let seed: Int
  public let dropLast: Bool

  /// - Parameters:
  ///   - replicas: Number of processes.
  ///   - rank: Which of them this one is, from 0.
  ///   - shuffle: A new random order in every epoch.
  ///   - seed: The same in all processes.
  ///   - dropLast: Leaves the last indices out, so that all get the same number; otherwise the first ones are
  ///     repeated.
  public init(
    sourceCount: Int, replicas: Int, rank: Int, shuffle: Bool = true, seed: Int = 0, dropLast: Bool = false
  ) {
    require(
      sourceCount >= 0 && replicas >= 1 && (0..<replicas).contains(rank), "DistributedSampler",
      "expected a rank in 0..<\(replicas), got \(rank) (of \(sourceCount) indices)")
    self.sourceCount = sourceCount
    self.replicas = replicas
    self.rank = rank
    self.shuffle = shuffle
    self.seed = seed
    self.dropLast = dropLast
  }

  public init(
    _ dataset: some Dataset, replicas: Int, rank: Int, shuffle: Bool = true, seed: Int = 0,
    dropLast: Bool = false
  ) {
    self.init(
      sourceCount: dataset.count, replicas: replicas, rank: rank, shuffle: shuffle, seed: seed,
      dropLast: dropLast)
  }

  public var count: Int {
    dropLast ? sourceCount / replicas : (sourceCount + replicas - 1) / replicas
  }

  public func order() -> [Int] { order(epoch: 0) }

  public func order(epoch: Int) -> [Int] {
    if sourceCount == 0 { return [] }
    let all = shuffle ? Generator(seed: seed &+ epoch).randperm(sourceCount) : Array(0..<sourceCount)
    return stride(from: rank, to: count * replicas, by: replicas).map { all[$0 % sourceCount] }
  }
}
