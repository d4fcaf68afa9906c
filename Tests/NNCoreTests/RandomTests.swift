import Foundation
import NNCore
import TestSupport
import Testing

/// Draws of PyTorch 2.9.1's CPU generator, and what is made from them: weights, splits, orders of loaders.
@Suite struct RandomTests {
  static let cases = FixtureGroup("rng", in: fixtureFolder).cases

  @Test func fixturesAreThere() { #expect(!Self.cases.isEmpty) }

  @Test(arguments: cases)
  func matchesPyTorch(_ test: FixtureCase) throws {
    let differences = try catchingMistakes {
      let results = try withDefaultGenerator(Generator().manualSeed(test.seed)) {
        try test.withArguments { arguments in
          guard let draw = drawFixtures[test.operation] else {
            throw FixtureError("operation not supported: \(test.operation)")
          }
          return try draw(arguments)
        }
      }
      return try test.seededDifferences(results, exact: !isRounded(test))
    }
    #expect(differences == [], "\(test)")
  }
}

@Suite struct GeneratorTests {
  @Test func continuesFromASavedState() throws {
    let generator = Generator(seed: 3)
    _ = Tensor.randn(7, generator: generator)  // leaves a spare value behind
    let text = try JSONEncoder().encode(generator.state)
    func draw(_ generator: Generator) -> [Double] {
      Tensor.randn(5, generator: generator).array(of: Double.self)
        + Tensor.rand(2_000, generator: generator).array(of: Double.self)
        + Tensor.randn(33, generator: generator).array(of: Double.self)
    }
    let expected = draw(generator)
    let copy = Generator(state: try JSONDecoder().decode(Generator.State.self, from: text))
    #expect(draw(copy) == expected)
    #expect(copy.initialSeed == 3)
    generator.state = try JSONDecoder().decode(Generator.State.self, from: text)
    #expect(draw(generator) == expected)
  }

  /// Of so many words, at such a place (none if nil).
  @Test(arguments: [(2, 0), (624, 625), (624, -1), (nil, 3)] as [(Int?, Int)])
  func refusesADamagedState(words: Int?, position: Int) {
    let list =
      words.map { #""words": [\#(Array(repeating: "7", count: $0).joined(separator: ","))], "# } ?? ""
    let text = #"{"seed": 1, \#(list)"position": \#(position)}"#
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(Generator.State.self, from: Data(text.utf8))
    }
  }

  @Test func onlyTheLow32BitsOfASeedCount() {
    let (a, b) = (Generator(seed: 5), Generator(seed: 5 + 1 << 32))
    #expect(
      Tensor.rand(10, generator: a).array(of: Float.self)
        == Tensor.rand(10, generator: b).array(of: Float.self))
    #expect(Generator(seed: -1).initialSeed == -1)
  }

  @Test func singleValuesAreThoseOfTensors() {
    let (a, b) = (Generator(seed: 9), Generator(seed: 9))
    #expect(Double(a.rand()) == Tensor.rand(1, generator: b).item())
    #expect(Double(a.uniform(-2, 3.5)) == Tensor.uniform([1], low: -2, high: 3.5, generator: b).item())
    #expect(Double(Float(a.normal())) == Tensor.randn(1, generator: b).item())
    #expect(Double(Float(a.normal())) == Tensor.randn(1, generator: b).item())
    #expect(a.randint(-3, 12) == Int(Tensor.randint(-3, 12, [1], generator: b).item()))
    #expect(a.randint(0, 1 << 40) == Int(Tensor.randint(0, 1 << 40, [1], generator: b).item()))
    #expect(a.nextSeed() == Tensor.random([1], generator: b).array(of: Int.self)[0])
    #expect(a.randperm(9) == Tensor.randperm(9, generator: b).array(of: Int.self))
    #expect(a.randperm(0) == [])
    #expect(a.state == b.state)
  }

  @Test func theDefaultGeneratorIsUsedAndSeeded() {
    let outer = Generator.default
    withDefaultGenerator(Generator(seed: 1)) {
      #expect(Generator.default !== outer)
      #expect(manualSeed(11) === Generator.default)
      let got = Tensor.rand(5).array(of: Float.self)
      #expect(got == Tensor.rand(5, generator: Generator(seed: 11)).array(of: Float.self))
    }
    #expect(Generator.default === outer)
  }

  @Test func drawsOfSeveralThreadsDoNotMix() async {
    let generator = Generator(seed: 1)
    let parts = await withTaskGroup(of: [Float].self) { group in
      for _ in 0..<8 { group.addTask { Tensor.rand(1_000, generator: generator).array(of: Float.self) } }
      return await group.reduce(into: [[Float]]()) { $0.append($1) }
    }
    let serial = Generator(seed: 1)
    let expected = (0..<8).map { _ in Tensor.rand(1_000, generator: serial).array(of: Float.self) }
    #expect(Set(parts) == Set(expected))
  }

  @Test func emptyShapes() {
    let generator = Generator(seed: 2)
    let before = generator.state
    #expect(Tensor.rand([0, 3], generator: generator).shape == [0, 3])
    #expect(Tensor.randn([2, 0], generator: generator).count == 0)
    #expect(Tensor.randperm(0, generator: generator).count == 0)
    #expect(Tensor.zeros([0]).dropout(generator: generator).count == 0)
    #expect(generator.state == before)
  }

  @Test func normalWithTensorsOfMeanAndDeviation() {
    let mean = Tensor([[0.0], [10]]), std = Tensor([1.0, 0, 2])
    let got = Tensor.normal(mean: mean, std: std, generator: Generator(seed: 4))
    let unit = Tensor.randn([2, 3], generator: Generator(seed: 4), dtype: .float64)
    #expect(got.array(of: Double.self) == (unit * std + mean).array(of: Double.self))
  }

  @Test(arguments: [[6, 4], [4, 6], [5, 2, 3]])
  func orthogonalMatrices(_ shape: [Int]) {
    let matrix = Init.orthogonal(shape, gain: 2, generator: Generator(seed: 3), dtype: .float64)
      .reshape([shape[0], -1])
    let columns = matrix.transpose(0, 1)
    let product = matrix.shape[0] < matrix.shape[1] ? matrix.matmul(columns) : columns.matmul(matrix)
    let error = (product - Tensor.eye(product.shape[0], dtype: .float64) * 4).abs().amax().item()
    #expect(error < 1e-14)
    #expect(Init.orthogonal([0, 3]).shape == [0, 3])
  }

  @Test func multinomialOfRows() {
    let weights = Tensor([[0, 1, 0], [0.5, 0, 0.5]])
    let got = weights.multinomial(50, replacement: true, generator: Generator(seed: 1))
    #expect(got.shape == [2, 50])
    #expect(Set(got[0].array(of: Int.self)) == [1])
    #expect(Set(got[1].array(of: Int.self)) == [0, 2])
    #expect(weights[1].multinomial(2, generator: Generator(seed: 1)).sum().item() == 2)
  }

  @Test func gains() {
    #expect(Init.calculateGain(.tanh) == 5.0 / 3)
    #expect(Init.calculateGain(.relu) == 2.0.squareRoot())
    #expect(Init.calculateGain(.leakyReLU) == (2 / (1 + 0.01 * 0.01)).squareRoot())
    #expect(Init.calculateGain(.selu) == 0.75)
    #expect(Init.calculateFanInAndFanOut([4, 3, 5, 2]) == (30, 40))
  }
}

@Suite struct RandomMistakeTests {
  @Test func rejectedArguments() async {
    await #expect(processExitsWith: .failure) { _ = Tensor.rand(2, dtype: .int64) }
    await #expect(processExitsWith: .failure) { _ = Tensor.uniform([2], low: 1, high: 0) }
    await #expect(processExitsWith: .failure) { _ = Tensor.randint(3, 3, [2]) }
    await #expect(processExitsWith: .failure) { _ = Tensor.bernoulli([2], p: 1.5) }
    await #expect(processExitsWith: .failure) { _ = Tensor([0.5, 2]).bernoulli() }
    await #expect(processExitsWith: .failure) { _ = Tensor.ones([2]).dropout(p: -0.1) }
    await #expect(processExitsWith: .failure) { _ = Tensor.ones([2]).dropout2d() }
    await #expect(processExitsWith: .failure) { _ = Tensor([0.5, 0]).multinomial(2) }
    await #expect(processExitsWith: .failure) { _ = Tensor([0.5, -1]).multinomial(2, replacement: true) }
    await #expect(processExitsWith: .failure) { _ = Init.kaimingUniform([3]) }
    await #expect(processExitsWith: .failure) { _ = Init.orthogonal([3]) }
  }
}

@Suite struct DropoutTests {
  @Test func gradientIsTheMask() {
    let x = Tensor.randn([2, 3, 4, 4], generator: Generator(seed: 0)).requiringGrad()
    let y = x.dropout(p: 0.3, generator: Generator(seed: 1))
    y.backward(gradient: Tensor.ones(y.shape))
    let mask = Tensor.ones(x.shape).dropout(p: 0.3, generator: Generator(seed: 1))
    #expect(x.grad?.array(of: Float.self) == mask.array(of: Float.self))
    #expect(y.array(of: Float.self) == (x * mask).array(of: Float.self))
  }

  @Test func channelsLastDrawsTheSameMask() {
    let x = Tensor.ones([2, 3, 4, 5])
    let a = x.dropout(p: 0.5, generator: Generator(seed: 1))
    let b = x.channelsLast().dropout(p: 0.5, generator: Generator(seed: 1))
    #expect(b.isChannelsLast)
    #expect(a.array(of: Float.self) == b.array(of: Float.self))
  }

  @Test func planesAreDroppedWhole() {
    let x = Tensor.ones([4, 8, 3, 3]).requiringGrad()
    let y = x.dropout2d(p: 0.5, generator: Generator(seed: 1))
    y.sum().backward()
    #expect(x.grad?.array(of: Float.self) == y.array(of: Float.self))
    for plane in y.reshape([32, 9]).array(of: Float.self).chunks(of: 9) { #expect(Set(plane).count == 1) }
  }

  @Test func atTheEnds() {
    let x = Tensor.ones([3])
    #expect(x.dropout(p: 0.5, training: false).array(of: Float.self) == [1, 1, 1])
    #expect(x.dropout(p: 0).array(of: Float.self) == [1, 1, 1])
    #expect(x.dropout(p: 1).array(of: Float.self) == [0, 0, 0])
  }
}

extension Array {
  fileprivate func chunks(of size: Int) -> [ArraySlice<Element>] {
    stride(from: 0, to: count, by: size).map { self[$0..<Swift.min($0 + size, count)] }
  }
}
