import NNCore
import Synchronization

/// The batches of one of several processes that go through a data set together. All must draw the same orders.
///
/// The processes make steps together, each with a batch of its own. Together these are the samples that one process would
/// take for the step: a whole batch of the sampler, or as many batches as there are processes. No sample is left out or
/// taken twice, but for this: where a step of training has too few samples for all, the others have a spare batch, which
/// counts for nothing.
public struct DistributedBatchSampler: Sampler {
  /// What all processes go through.
  public let batches: any Sampler<[Int]>
  public let replicas: Int
  public let rank: Int
  /// Whether a batch of the sampler is that of a step, of which each process takes a part.
  public let dividesBatches: Bool
  /// Whether all processes need the same number of batches.
  public let isTraining: Bool
  private let drawn = DrawnOrder()

  /// - Parameters:
  ///   - replicas: number of processes, at least 1.
  ///   - rank: which of them this one is, from 0.
  ///   - dividesBatches: whether processes take parts of each batch, or each takes one of so many batches.
  ///   - isTraining: fills missing batches with spare ones. Otherwise the first processes may have one batch more.
  public init(
    _ batches: any Sampler<[Int]>, replicas: Int, rank: Int, dividesBatches: Bool = false, isTraining: Bool
  ) {
    require(
      replicas >= 1 && (0..<replicas).contains(rank), "DistributedBatchSampler",
      "expected a rank in 0..<\(replicas), got \(rank)")
    self.batches = batches
    self.replicas = replicas
    self.rank = rank
    self.dividesBatches = dividesBatches
    self.isTraining = isTraining
  }

  public var generator: Generator? { batches.generator }

  /// Steps of all processes together.
  private var steps: Int {
    if dividesBatches { return batches.count }
    let isWhole = (batches as? BatchSampler)?.dropLast == true
    return isWhole ? batches.count / replicas : (batches.count + replicas - 1) / replicas
  }

  /// Samples of the last step, nil if it is like the others or not known before the order is drawn.
  private var lastSize: Int? {
    guard let sampler = batches as? BatchSampler, !sampler.dropLast, steps > 0 else { return nil }
    let whole = dividesBatches ? sampler.batchSize : sampler.batchSize * replicas
    let rest = sampler.sampler.count - (steps - 1) * whole
    return rest == whole ? nil : rest
  }

  public var count: Int {
    guard !isTraining, let size = lastSize else { return steps }
    return size > rank ? steps : steps - 1
  }

  public func order() -> [[Int]] { order(epoch: 0) }

  public func order(epoch: Int) -> [[Int]] {
    let all = batches.order(epoch: epoch)
    let size = dividesBatches ? 1 : replicas
    var parts: [Int: Int] = [:]
    let order = (0..<steps).compactMap { step -> [Int]? in
      let batches = all[step * size..<min((step + 1) * size, all.count)]
      // Batches that all have go as they are.
      if !dividesBatches, batches.count == replicas, batches.allSatisfy({ $0.count == batches.first?.count })
      {
        return batches[batches.startIndex + rank]
      }
      let samples = batches.flatMap { $0 }
      let active = isTraining ? active(samples.count) : replicas
      if active < replicas { parts[step] = active }
      let own = stride(from: rank < active ? rank : 0, to: samples.count, by: active).map { samples[$0] }
      return own.isEmpty ? nil : own
    }
    drawn.parts.withLock { $0 = parts }
    return order
  }

  /// Processes among which the samples of a step are divided. In training none gets a single sample, with which batch norms
  /// cannot be trained, unless there is only one.
  private func active(_ samples: Int) -> Int {
    samples >= replicas * 2 || !isTraining ? replicas : max(1, samples / 2)
  }

  /// Whether a batch of the order drawn last counts for nothing: its samples are those of another process.
  public func isSpare(_ batch: Int) -> Bool { drawn.parts.withLock { $0[batch] }.map { rank >= $0 } ?? false }

  /// Whether all processes have the same samples of a step.
  public func isAlone(_ batch: Int) -> Bool { replicas == 1 || drawn.parts.withLock { $0[batch] } == 1 }
}

/// What is known of an order.
private final class DrawnOrder: Sendable {
  /// Processes that have samples of their own in a step, where these are not all.
  let parts = Mutex<[Int: Int]>([:])
}
