import Foundation
import NNCore
import NNData
import NNLayers
import NNLightning
import TestSupport

/// Threads of this process that train together, as processes do: a strategy in one file.
final class ThreadStrategy: Strategy {
  let rank: Int
  private let meeting: Meeting
  /// Calls so far, by name.
  private(set) var calls: [String: Int] = [:]

  var count: Int { meeting.count }

  init(_ meeting: Meeting, rank: Int) {
    self.meeting = meeting
    self.rank = rank
  }

  private func exchange(_ name: String, _ gift: Meeting.Gift) throws -> [Meeting.Gift] {
    calls[name, default: 0] += 1
    return try meeting.exchange(gift, rank: rank)
  }

  /// Every count-th element of each batch.
  func share<Batch>(of loader: any BatchLoader<Batch>, for stage: RunningStage) throws
    -> any BatchLoader<Batch>
  {
    guard let loader = loader as? any ResamplableLoader<Batch> else { return loader }
    return loader.withBatchSampler(ShareSampler(all: loader.batchSampler, rank: rank, of: count))
  }

  func gather(_ bytes: Data) throws -> [Data] { try exchange("gather", .bytes(bytes)).map(\.bytes) }

  func broadcast(_ tensors: [Tensor]) throws -> [Tensor] {
    try exchange("broadcast", .tensors(tensors.map { $0.clone() }, weight: 1))[0].tensors.map { $0.clone() }
  }

  func averageGradients(of parameters: [Parameter], samples: Int) throws {
    let gradients = parameters.map { ($0.grad ?? Tensor.zeros($0.shape)).detach().clone() }
    let all = try exchange("average", .tensors(gradients, weight: Double(samples)))
    let total = all.reduce(0) { $0 + $1.weight }
    for (place, parameter) in parameters.enumerated() where parameter.requiresGrad {
      parameter.grad = noGrad {
        all.map { $0.tensors[place] * ($0.weight / total) }.reduce(Tensor.zeros(parameter.shape), +)
      }
    }
  }

  func abort(_ error: any Error) { meeting.end("rank \(rank): \(error)") }
}

/// The elements of each batch that one of several processes takes; no batch is empty.
struct ShareSampler: Sampler {
  let all: any Sampler<[Int]>
  let rank: Int
  let of: Int

  var count: Int { all.count }
  var generator: Generator? { all.generator }
  func order() -> [[Int]] { order(epoch: 0) }
  func order(epoch: Int) -> [[Int]] {
    all.order(epoch: epoch)
      .map { batch in stride(from: rank, to: batch.count, by: of).map { batch[$0] } }
      .filter { !$0.isEmpty }
  }
}

/// Where threads wait for each other and get what each of them brought.
final class Meeting: @unchecked Sendable {
  enum Gift: Sendable {
    case bytes(Data)
    case tensors([Tensor], weight: Double)

    var bytes: Data { if case .bytes(let data) = self { data } else { Data() } }
    var tensors: [Tensor] { if case .tensors(let tensors, _) = self { tensors } else { [] } }
    var weight: Double { if case .tensors(_, let weight) = self { weight } else { 0 } }
  }

  struct Ended: Error, CustomStringConvertible {
    let description: String
  }

  let count: Int
  private let condition = NSCondition()
  private var gifts: [Int: Gift] = [:]
  private var results: [Gift] = []
  private var round = 0
  private var end: String?

  init(_ count: Int) { self.count = count }

  func exchange(_ gift: Gift, rank: Int) throws -> [Gift] {
    condition.lock()
    defer { condition.unlock() }
    if let end { throw Ended(description: end) }
    let own = round
    gifts[rank] = gift
    if gifts.count == count {
      results = (0..<count).compactMap { gifts[$0] }
      gifts = [:]
      round += 1
      condition.broadcast()
    }
    while round == own {
      if let end { throw Ended(description: end) }
      condition.wait()
    }
    return results
  }

  func end(_ reason: String) {
    condition.lock()
    defer { condition.unlock() }
    end = end ?? reason
    condition.broadcast()
  }

  /// Runs `body` on a thread for each rank.
  static func run<T: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (ThreadStrategy) throws -> T
  ) -> [Result<T, any Error>] {
    let meeting = Meeting(count)
    return onThreads(count) { try body(ThreadStrategy(meeting, rank: $0)) }
  }
}
