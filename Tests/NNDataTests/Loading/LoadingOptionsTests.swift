import Foundation
import NNCore
import Synchronization
import Testing

import NNData

@Suite struct LoadingOptionsTests {
  // MARK: Distributed

  /// Orders of `torch.utils.data.DistributedSampler`.
  @Test func distributedOrdersArePyTorchs() {
    func order(_ count: Int, _ replicas: Int, _ rank: Int, _ shuffle: Bool, _ dropLast: Bool, _ epoch: Int)
      -> [Int]
    {
      let sampler = DistributedSampler(
        sourceCount: count, replicas: replicas, rank: rank, shuffle: shuffle, seed: 7, dropLast: dropLast)
      let order = sampler.order(epoch: epoch)
      #expect(order.count == sampler.count)
      return order
    }
    #expect(order(10, 3, 0, true, false, 0) == [5, 4, 9, 2])
    #expect(order(10, 3, 2, true, false, 1) == [0, 6, 8, 5])
    #expect(order(10, 3, 1, false, false, 0) == [1, 4, 7, 0])
    #expect(order(10, 3, 1, false, true, 5) == [1, 4, 7])
    #expect(order(10, 4, 3, true, true, 3) == [1, 8])
    #expect(order(2, 5, 4, false, false, 0) == [0])
    #expect(order(7, 2, 1, true, false, 12) == [5, 1, 0, 6])
  }

  @Test func distributedLoadersShareAnEpoch() throws {
    var epochs: [[Int]] = []
    let loaders = (0..<3).map { rank in
      DataLoader(
        Indices(count: 10), batchSize: 2,
        sampler: DistributedSampler(sourceCount: 10, replicas: 3, rank: rank, dropLast: true), workers: 1)
    }
    for _ in 0..<2 {
      var seen: [Int] = []
      for loader in loaders { try loader.forEach { seen += $0.array(of: Int.self) } }
      #expect(seen.count == 9 && Set(seen).count == 9)
      epochs.append(seen)
    }
    #expect(epochs[0] != epochs[1])
  }

  // MARK: Workers

  /// Which threads ask for elements.
  private final class Threads: Dataset {
    let count = 40
    let seen = Mutex<Set<UInt>>([])
    subscript(index: Int) -> Int {
      let thread = UInt(bitPattern: ObjectIdentifier(Thread.current).hashValue)
      seen.withLock { _ = $0.insert(thread) }
      Thread.sleep(forTimeInterval: 0.0005)
      return index
    }
  }

  @Test func persistentWorkersStay() throws {
    let loader = DataLoader(Threads(), batchSize: 2, shuffle: true, workers: 3, persistentWorkers: true)
    for _ in 0..<5 {
      var seen: [Int] = []
      try loader.forEach { seen += $0.array(of: Int.self) }
      #expect(seen.sorted() == Array(0..<40))
    }
    // A thread may be late in the first passes, never would more than two sets of them be needed.
    #expect((3...6).contains(try #require(loader.persistent).startedThreads))
    // A pass in the middle of another gets threads of its own.
    var pairs = 0
    try loader.forEach { _ in try loader.forEach { _ in pairs += 1 } }
    #expect(pairs == 400)
    #expect(DataLoader(Threads(), workers: 2).persistent == nil)
  }

  @Test func threadsEndWithTheLoader() throws {
    let threads = Threads()
    weak var gone: WorkerThreads?
    try {
      let loader = DataLoader(threads, batchSize: 4, workers: 2, persistentWorkers: true)
      try loader.forEach { _ in }
      gone = loader.persistent
      #expect(gone != nil)
    }()
    #expect(gone == nil)
  }

  // MARK: Batch transforms

  @Test(arguments: [0, 2])
  func batchTransformsDrawFromTheirBatch(workers: Int) throws {
    let data = TensorDataset(Tensor.arange(120).to(.float32).reshape([10, 3, 2, 2]), Tensor.arange(10))
    func run(_ workers: Int) throws -> [[Float]] {
      let loader = DataLoader(
        data, batchSize: 4, shuffle: true, workers: workers, generator: Generator(seed: 2),
        batchTransform: MixUp(classes: 10))
      var all: [[Float]] = []
      for _ in 0..<2 {
        try loader.forEach { batch in
          #expect(batch.target.shape == [batch.batchSize, 10])
          all.append(batch.input.array(of: Float.self) + batch.target.array(of: Float.self))
        }
      }
      return all
    }
    let batches = try run(workers)
    #expect(batches == (try run(0)))
    #expect(Set(batches).count == 6)
  }

  // MARK: Waiting

  private struct Slow: Dataset {
    let count = 24
    let seconds: Double
    subscript(index: Int) -> Int {
      Thread.sleep(forTimeInterval: seconds)
      return index
    }
  }

  @Test func waitingIsMeasured() throws {
    let loader = DataLoader(Slow(seconds: 0.002), batchSize: 2)
    #expect(loader.times == nil)
    let batches = loader.makeIterator()
    while try batches.next() != nil {}
    let times = try #require(loader.times)
    #expect(times == batches.times && times.batches == 12)
    // Eleven batches of two elements of at least 2 ms each.
    #expect(times.waited >= 0.044 && times.first >= 0.004)
    #expect(times.waitingShare > 0.5)
    #expect(times.suggestion?.contains("workers: 1 or more") == true)
    let anyLoader: any BatchLoader<Tensor> = loader
    #expect(anyLoader.times == times)
  }

  @Test func suggestionsFitTheLoader() {
    func suggestion(_ workers: Int, _ waited: Double, _ worked: Double, batches: Int = 100) -> String? {
      var times = LoadingTimes(workers: workers)
      (times.batches, times.waited, times.worked) = (batches, waited, worked)
      return times.suggestion(processors: 4)
    }
    #expect(suggestion(0, 1, 10) == nil)
    #expect(suggestion(0, 5, 5, batches: 9) == nil)
    #expect(suggestion(2, 5, 5) == "waited for data 50% of the time with 2 workers: use up to workers: 4")
    #expect(suggestion(4, 3, 7)?.contains("make loading cheaper") == true)
    #expect(LoadingTimes(workers: 1).waitingShare == 0)
  }
}
