import NNCore
import NNData
import Testing

@Suite struct DatasetTests {
  @Test func tensorDataset() {
    let data = TensorDataset(Tensor.arange(12).reshape([4, 3]), Tensor([7, 8, 9, 10]))
    #expect(data.count == 4)
    #expect(data[2].input.array(of: Int.self) == [6, 7, 8])
    #expect(data[2].target.item() == 9)
    #expect(data[2].target.shape == [])
  }

  @Test func subsets() throws {
    let part = Subset(Indices(count: 10), indices: [4, 2, 9])
    #expect(part.count == 3)
    #expect(try (0..<3).map { try part[$0] } == [4, 2, 9])
    #expect(try Subset(part, indices: [2])[0] == 9)
    #expect(Indices(count: 5).prefix(3).indices == [0, 1, 2])
    #expect(Indices(count: 2).prefix(3).count == 2)
  }

  @Test func concatenated() throws {
    let all = ConcatDataset([
      Indices(count: 2), Indices(count: 0), Subset(Indices(count: 9), indices: [5, 6, 7]),
    ])
    #expect(all.count == 5)
    #expect(try (0..<5).map { try all[$0] } == [0, 1, 5, 6, 7])
    let sum = Indices(count: 1) + Indices(count: 2).map { $0 + 10 }
    #expect(try (0..<3).map { try sum[$0] } == [0, 10, 11])
    #expect(ConcatDataset<Int>([]).count == 0)
  }

  @Test func mapped() throws {
    let squares = Indices(count: 4).map { $0 * $0 }
    #expect(squares.count == 4)
    #expect(try squares[3] == 9)
    let places = Indices(count: 4).map { element, context in [element, context.index, context.epoch] }
    #expect(try places[2] == [2, 2, 0])
    let context = SampleContext(seed: 1, epoch: 5, index: 3)
    #expect(try Subset(places, indices: [0, 2]).element(at: 1, context: context) == [2, 3, 5])
    #expect(try ConcatDataset([places]).element(at: 1, context: context) == [1, 3, 5])
  }

  @Test func inputsThroughATransform() throws {
    let data = TensorDataset(Tensor.ones([2, 3]), Tensor([0, 1])).mapInput(Lambda("double") { $0 * 2 })
    #expect(try data[1].input.array(of: Float.self) == [2, 2, 2])
    #expect(try data[1].target.item() == 1)
  }

  @Test func splitsDrawOnce() {
    let (generator, expected) = (Generator(seed: 2), Generator(seed: 2))
    let parts = randomSplit(Indices(count: 10), lengths: [7, 0, 3], generator: generator)
    #expect(parts.flatMap(\.indices) == expected.randperm(10))
    #expect(parts.map(\.count) == [7, 0, 3])
    #expect(generator.state == expected.state)
    let thirds = randomSplit(
      Indices(count: 11), fractions: [1.0 / 3, 1.0 / 3, 1.0 / 3], generator: generator)
    #expect(thirds.map(\.count) == [4, 4, 3])
  }
}

@Suite struct SamplerTests {
  @Test func sequential() {
    #expect(SequentialSampler(Indices(count: 3)).order() == [0, 1, 2])
  }

  @Test func randomWithMoreOrFewerThanThereAre() {
    for count in [0, 2, 5, 13] {
      let expected = Generator(seed: 1)
      var order: [Int] = []
      for _ in 0..<count / 5 { order += expected.randperm(5) }
      order += expected.randperm(5).prefix(count % 5)
      #expect(RandomSampler(sourceCount: 5, count: count, generator: Generator(seed: 1)).order() == order)
    }
  }

  @Test func theDefaultGeneratorGivesASeedOnly() {
    withDefaultGenerator(Generator(seed: 6)) {
      let expected = Generator(seed: 6)
      for generator in [nil, Generator.default] {
        let order = RandomSampler(sourceCount: 9, generator: generator).order()
        #expect(order == Generator(seed: expected.nextSeed()).randperm(9))
      }
    }
  }

  @Test func randomWithReplacement() {
    let sampler = RandomSampler(
      Indices(count: 6), replacement: true, count: 70, generator: Generator(seed: 1))
    let expected = Tensor.randint(6, [70], generator: Generator(seed: 1)).array(of: Int.self)
    #expect(sampler.count == 70)
    #expect(sampler.order() == expected)
  }

  @Test func weightedWithoutReplacement() {
    let sampler = WeightedRandomSampler(
      weights: [0.5, 0, 3, 1], count: 3, replacement: false, generator: Generator(seed: 1))
    #expect(Set(sampler.order()) == [0, 2, 3])
  }

  @Test func batches() {
    #expect(BatchSampler(SequentialSampler(count: 5), batchSize: 2).order() == [[0, 1], [2, 3], [4]])
    #expect(
      BatchSampler(SequentialSampler(count: 5), batchSize: 2, dropLast: true).order() == [[0, 1], [2, 3]])
    #expect(BatchSampler(SequentialSampler(count: 0), batchSize: 2).order() == [])
  }
}
