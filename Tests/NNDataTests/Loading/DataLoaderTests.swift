import Foundation
import NNCore
import NNData
import Synchronization
import Testing

@Suite struct DataLoaderTests {
  /// Images whose noise is drawn from the context, as a random transform draws it.
  struct Noisy: Dataset {
    var count = 37
    subscript(index: Int) -> Sample { Sample(input: Tensor.full([2, 3], Double(index)), label: index % 5) }
    func element(at index: Int, context: SampleContext) -> Sample {
      let generator = Generator(seed: Int(truncatingIfNeeded: context.generatorSeed))
      let sample = self[index]
      return Sample(input: sample.input + Tensor.rand(2, 3, generator: generator), target: sample.target)
    }
  }

  struct Failure: Error, Equatable { let index: Int }

  /// Counts what is asked for, and fails at one place.
  final class Counting: Dataset {
    let count: Int
    let failing: Int?
    let asked = Atomic<Int>(0)
    init(count: Int, failing: Int? = nil) {
      self.count = count
      self.failing = failing
    }
    subscript(index: Int) -> Int {
      get throws {
        asked.add(1, ordering: .relaxed)
        if index == failing { throw Failure(index: index) }
        return index
      }
    }
  }

  private func values(_ batch: Sample) -> [Double] {
    batch.input.array(of: Double.self) + batch.target.array(of: Double.self)
  }

  private func epochs(_ loader: DataLoader<Sample>, _ count: Int) throws -> [[Double]] {
    var all: [[Double]] = []
    for _ in 0..<count { try loader.forEach { all.append(values($0)) } }
    return all
  }

  // MARK: Order

  @Test(arguments: [1, 2, 4], [1, 3])
  func batchesDoNotDependOnWorkers(workers: Int, prefetch: Int) throws {
    func run(_ workers: Int) throws -> [[Double]] {
      let loader = DataLoader(
        Noisy(), batchSize: 5, shuffle: true, workers: workers, prefetch: prefetch,
        generator: Generator(seed: 3))
      return try epochs(loader, 3)
    }
    let serial = try run(0)
    #expect(serial.count == 24)
    #expect(Set(serial).count == 24, "epochs repeat each other")
    #expect(try run(workers) == serial)
  }

  @Test(arguments: [(0, 4), (1, 4), (2, 4), (3, 4)])
  func shufflingDrawsFourWordsPerEpochAndElseTwo(_ pair: (Int, Int)) throws {
    for shuffle in [false, true] {
      let generator = Generator(seed: 5)
      try withDefaultGenerator(generator) {
        let loader = DataLoader(Indices(count: 10), batchSize: 3, shuffle: shuffle, workers: pair.0)
        let batches = loader.makeIterator()
        let expected = Generator(seed: 5)
        _ = expected.nextSeed()
        #expect(generator.state == expected.state, "an iterator draws its base seed")
        _ = try batches.next()
        if shuffle { _ = expected.nextSeed() }
        #expect(generator.state == expected.state, "the order is drawn by the first next()")
        while try batches.next() != nil {}
        #expect(generator.state == expected.state)
      }
    }
  }

  @Test func aGeneratorOfItsOwnGivesTheOrderDirectly() throws {
    let (generator, expected) = (Generator(seed: 8), Generator(seed: 8))
    let loader = DataLoader(Indices(count: 7), batchSize: 7, shuffle: true, generator: generator)
    for _ in 0..<2 {
      _ = expected.nextSeed()
      let order = expected.randperm(7)
      _ = expected.randperm(7)
      try loader.forEach { #expect($0.array(of: Int.self) == order) }
    }
    #expect(generator.state == expected.state)
  }

  @Test(arguments: [0, 2])
  func unevenLastBatch(workers: Int) throws {
    for (dropLast, sizes) in [(false, [4, 4, 2]), (true, [4, 4])] {
      let loader = DataLoader(Indices(count: 10), batchSize: 4, dropLast: dropLast, workers: workers)
      #expect(loader.batchCount == sizes.count)
      for _ in 0..<2 {
        var got: [Tensor] = []
        try loader.forEach { got.append($0) }
        #expect(got.map(\.count) == sizes)
        #expect(got.flatMap { $0.array(of: Int.self) } == Array(0..<sizes.reduce(0, +)))
      }
    }
  }

  @Test(arguments: [0, 2])
  func anEmptyDataSetHasNoBatches(workers: Int) throws {
    let loader = DataLoader(Indices(count: 0), batchSize: 4, shuffle: true, workers: workers)
    let batches = loader.makeIterator()
    #expect(try batches.next() == nil)
    #expect(try batches.next() == nil)
    #expect(loader.batchCount == 0)
  }

  @Test func samplersDecideTheOrder() throws {
    var got: [[Int]] = []
    let loader = DataLoader(Indices(count: 9), batchSize: 2, sampler: Reversed(count: 9), dropLast: true)
    try loader.forEach { got.append($0.array(of: Int.self)) }
    #expect(got == [[8, 7], [6, 5], [4, 3], [2, 1]])
    got = []
    try DataLoader(Indices(count: 9), batchSampler: Uneven(), workers: 2)
      .forEach { got.append($0.array(of: Int.self)) }
    #expect(got == [[3], [1, 4, 1], [5, 8]])
  }

  struct Reversed: Sampler {
    let count: Int
    func order() -> [Int] { (0..<count).reversed() }
  }
  struct Uneven: Sampler {
    let count = 3
    func order() -> [[Int]] { [[3], [1, 4, 1], [5, 8]] }
  }

  @Test func rejectedArguments() async {
    await #expect(processExitsWith: .failure) { _ = DataLoader(Indices(count: 3), batchSize: 0) }
    await #expect(processExitsWith: .failure) { _ = DataLoader(Indices(count: 3), workers: -1) }
    await #expect(processExitsWith: .failure) {
      _ = DataLoader(Indices(count: 3), shuffle: true, sampler: SequentialSampler(count: 3))
    }
    await #expect(processExitsWith: .failure) {
      _ = DataLoader(Indices(count: 3), batchSize: 2, batchSampler: Uneven())
    }
    await #expect(processExitsWith: .failure) { _ = randomSplit(Indices(count: 3), lengths: [1, 1]) }
    await #expect(processExitsWith: .failure) { _ = randomSplit(Indices(count: 3), fractions: [0.5, 0.4]) }
    await #expect(processExitsWith: .failure) { _ = Subset(Indices(count: 3), indices: [3]) }
    await #expect(processExitsWith: .failure) { _ = TensorDataset(Tensor.zeros([2]), Tensor.zeros([3])) }
  }

  // MARK: Threads

  @Test(arguments: [0, 1, 4])
  func anErrorIsThrownByTheNextWhoseBatchItIs(workers: Int) throws {
    let loader = DataLoader(Counting(count: 40, failing: 13), batchSize: 4, workers: workers)
    for _ in 0..<2 {
      let batches = loader.makeIterator()
      for number in 0..<3 { #expect(try batches.next()?.array(of: Int.self).first == number * 4) }
      #expect(throws: Failure(index: 13)) { try batches.next() }
      #expect(try batches.next() == nil)
    }
  }

  @Test func workersStayABoundedNumberOfBatchesAhead() throws {
    let data = Counting(count: 1_000)
    let loader = DataLoader(data, batchSize: 1, workers: 2, prefetch: 3)
    let batches = loader.makeIterator()
    _ = try batches.next()
    Thread.sleep(forTimeInterval: 0.05)
    let asked = data.asked.load(ordering: .relaxed)
    #expect(asked <= 1 + 2 * 3)
    _ = try batches.next()
  }

  @Test func lettingGoOfAnIteratorStopsTheWorkers() throws {
    let data = Counting(count: 100_000)
    let loader = DataLoader(data, batchSize: 10, workers: 4)
    let prefetcher: Prefetcher<Tensor>? = try {
      let batches = loader.makeIterator()
      _ = try batches.next()
      return batches.prefetcher
    }()
    try waitUntil { prefetcher?.liveThreads == 0 }
    #expect(data.asked.load(ordering: .relaxed) < 200)
    // The next pass is complete.
    var count = 0
    try DataLoader(data, batchSize: 1_000, workers: 2).forEach { count += $0.count }
    #expect(count == 100_000)
  }

  @Test func anErrorInTheBodyStopsThePass() throws {
    let loader = DataLoader(Indices(count: 100), workers: 2)
    var seen = 0
    #expect(throws: Failure(index: 3)) {
      try loader.forEach { batch in
        seen += batch.count
        if seen == 3 { throw Failure(index: 3) }
      }
    }
    #expect(seen == 3)
  }

  @Test func passesMayRunBesideEachOther() throws {
    let loader = DataLoader(Indices(count: 6), batchSize: 2, workers: 1)
    var pairs: [[Int]] = []
    try loader.forEach { outer in
      try loader.forEach { inner in pairs.append([outer, inner].map { $0.array(of: Int.self)[0] }) }
    }
    #expect(pairs.count == 9)
    #expect(Set(pairs).count == 9)
  }

  private func waitUntil(_ condition: () -> Bool) throws {
    for _ in 0..<2_000 {
      if condition() { return }
      Thread.sleep(forTimeInterval: 0.005)
    }
    Issue.record("the condition did not come true in 10 s")
  }

  // MARK: Batches

  @Test func samplesMakeABatch() throws {
    let loader = DataLoader(Noisy(count: 3), batchSize: 3)
    let batch = try #require(try loader.makeIterator().next())
    #expect(batch.input.shape == [3, 2, 3])
    #expect(batch.target.shape == [3])
    #expect(batch.target.dtype == .int64)
    #expect(batch.batchSize == 3)
  }

  /// A type of a user.
  struct Pair: Collatable, Equatable {
    var left: Int, right: [Float]
    static func collate(_ pairs: [Pair]) throws -> [Pair] { pairs.reversed() }
  }
  struct Pairs: Dataset {
    let count = 4
    subscript(index: Int) -> Pair { Pair(left: index, right: []) }
  }

  @Test func customElementsAndCustomCollate() throws {
    var got: [[Int]] = []
    try DataLoader(Pairs(), batchSize: 2).forEach { got.append($0.map(\.left)) }
    #expect(got == [[1, 0], [3, 2]])
    var sums: [Int] = []
    let loader = DataLoader(Pairs(), batchSize: 3, workers: 2) { $0.reduce(0) { $0 + $1.left } }
    try loader.forEach { sums.append($0) }
    #expect(sums == [3, 3])
  }

  @Test func elementsOfDifferentShapesThrow() throws {
    let shapes = Indices(count: 3).map { Tensor.zeros([2, $0 == 2 ? 4 : 3]) }
    let error = #expect(throws: CollateError.self) {
      try DataLoader(shapes, batchSize: 3).makeIterator().next()
    }
    #expect(
      error?.description
        == "batch: expected float32 [2, 3] as in its first element, found float32 [2, 4] in element 2")
    let types = Indices(count: 2).map { Tensor.zeros([2], dtype: $0 == 0 ? .float32 : .int64) }
    #expect(throws: CollateError.self) { try DataLoader(types, batchSize: 2).forEach { _ in } }
  }

  @Test func batchesCarryNoGraph() throws {
    let weight = Tensor.ones([2]).requiringGrad()
    for workers in [0, 1] {
      let loader = DataLoader(Indices(count: 2).map { weight * $0 }, batchSize: 2, workers: workers)
      try loader.forEach { #expect(!$0.requiresGrad) }
    }
  }

  @Test(arguments: [0, 2])
  func wholeBatchesAreWhatTheirElementsMake(workers: Int) throws {
    let input = Tensor.randn([20, 3, 2], generator: Generator(seed: 0)).permute([0, 2, 1])
    let data = Subset(TensorDataset(input, Tensor.arange(20)), indices: (0..<20).reversed())
    func batches(_ loader: DataLoader<Sample>) throws -> [[Double]] {
      var all: [[Double]] = []
      try loader.forEach { all.append(values($0)) }
      return all
    }
    let fast = DataLoader(data, batchSize: 6, shuffle: true, workers: workers, generator: Generator(seed: 1))
    let slow = DataLoader(data, batchSize: 6, shuffle: true, generator: Generator(seed: 1)) {
      try Sample.collate($0)
    }
    #expect(try batches(fast) == batches(slow))
  }

  // MARK: Going on

  @Test(arguments: [(0, 0), (0, 2), (3, 0), (3, 2), (7, 2), (8, 0)])
  func goesOnInTheMiddleOfAnEpoch(_ point: (position: Int, workers: Int)) throws {
    func loader() -> DataLoader<Sample> {
      DataLoader(Noisy(), batchSize: 5, shuffle: true, workers: point.workers)
    }
    let generator = Generator(seed: 12)
    var saved: (text: Data, generator: Generator.State)?
    var expected: [[Double]] = []
    try withDefaultGenerator(generator) {
      let loader = loader()
      _ = try epochs(loader, 1)
      let batches = loader.makeIterator()
      for _ in 0..<point.position { _ = try batches.next() }
      _ = Tensor.randn(3)  // a model's own draws
      saved = (try JSONEncoder().encode(loader.state), generator.state)
      while let batch = try batches.next() { expected.append(values(batch)) }
      expected += try epochs(loader, 2)
    }
    let state = try #require(saved)
    try withDefaultGenerator(Generator(state: state.generator)) {
      let loader = loader()
      try loader.restore(JSONDecoder().decode(DataLoaderState.self, from: state.text))
      #expect(loader.state.epoch == 1)
      #expect(loader.state.position == point.position)
      #expect(try epochs(loader, 3) == expected)
      #expect(Generator.default.state == generator.state)
    }
  }

  @Test func refusesAStateOfAnotherLoader() throws {
    let long = DataLoader(Indices(count: 100))
    let batches = long.makeIterator()
    for _ in 0..<50 { _ = try batches.next() }
    let short = DataLoader(Indices(count: 10))
    #expect(throws: DataLoaderError.self) { try short.restore(long.state) }
    #expect(short.state == DataLoader(Indices(count: 1)).state)
    for text in [#"{"epoch": 0, "position": 3}"#, #"{"epoch": -1, "position": 0}"#] {
      let state = try JSONDecoder().decode(DataLoaderState.self, from: Data(text.utf8))
      #expect(throws: DataLoaderError.self) { try long.restore(state) }
    }
  }
}
