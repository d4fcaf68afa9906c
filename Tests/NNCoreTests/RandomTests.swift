import Foundation
import NNCore
import TestSupport
import Testing

/// Draws of PyTorch 2.9.1's CPU generator.
@Suite struct RandomTests {
  static let fixture = RandomFixture.load()

  @Test(arguments: fixture.cases.filter { $0.isTensorOperation })
  func matchesPyTorch(_ test: RandomFixture.Case) throws {
    let generator = Generator().manualSeed(test.seed)
    let results = try #require(draw(test, generator), "unknown operation \(test.op)")
    #expect(Set(results.keys) == Set(test.outputs.keys))
    for (name, got) in results {
      Self.fixture.check(got, test, name, exact: test.isExact)
    }
  }

  private func draw(_ test: RandomFixture.Case, _ generator: Generator) -> [String: Tensor]? {
    let shape = test.ints("shape")
    let dtype: DType = test.kwargs["dtype"] as? String == "F64" ? .float64 : .float32
    func number(_ key: String, _ standard: Double) -> Double { test.number(key) ?? standard }
    let mode: Init.FanMode = test.kwargs["mode"] as? String == "fan_out" ? .fanOut : .fanIn
    let nonlinearity: Init.Nonlinearity =
      test.kwargs["nonlinearity"] as? String == "relu" ? .relu : .leakyReLU
    switch test.op {
    case "rand": return ["out": Tensor.rand(shape, generator: generator, dtype: dtype)]
    case "randn": return ["out": Tensor.randn(shape, generator: generator, dtype: dtype)]
    case "uniform_":
      return [
        "out": Tensor.uniform(
          shape, low: number("a", 0), high: number("b", 1), generator: generator, dtype: dtype)
      ]
    case "normal_":
      return [
        "out": Tensor.normal(
          shape, mean: number("mean", 0), std: number("std", 1), generator: generator, dtype: dtype)
      ]
    case "randint":
      let (low, high) = (Int(number("low", 0)), Int(number("high", 0)))
      return ["out": Tensor.randint(low, high, shape, generator: generator)]
    case "random_": return ["out": Tensor.random(shape, generator: generator)]
    case "randperm": return ["out": Tensor.randperm(Int(number("n", 0)), generator: generator)]
    case "bernoulli_scalar":
      return ["out": Tensor.bernoulli(shape, p: number("p", 0), generator: generator, dtype: dtype)]
    case "bernoulli_tensor":
      return ["out": Tensor.full(shape, number("p", 0), dtype: dtype).bernoulli(generator: generator)]
    case "dropout": return ["out": Tensor.ones(shape).dropout(p: number("p", 0), generator: generator)]
    case "dropout2d": return ["out": Tensor.ones(shape).dropout2d(p: number("p", 0), generator: generator)]
    case "multinomial":
      let draws = Int(number("num_samples", 0))
      let weights = Tensor(test.doubles("weights"), dtype: .float32)
      let replacement = test.kwargs["replacement"] as? Bool ?? false
      return ["out": weights.multinomial(draws, replacement: replacement, generator: generator)]
    case "init.trunc_normal_":
      return [
        "out": Init.truncNormal(
          shape, mean: number("mean", 0), std: number("std", 1), low: number("a", -2), high: number("b", 2),
          generator: generator)
      ]
    case "init.kaiming_uniform_":
      return [
        "out": Init.kaimingUniform(
          shape, a: number("a", 0), mode: mode, nonlinearity: nonlinearity, generator: generator)
      ]
    case "init.kaiming_normal_":
      return [
        "out": Init.kaimingNormal(
          shape, a: number("a", 0), mode: mode, nonlinearity: nonlinearity, generator: generator)
      ]
    case "init.xavier_uniform_":
      return ["out": Init.xavierUniform(shape, gain: number("gain", 1), generator: generator)]
    case "init.xavier_normal_":
      return ["out": Init.xavierNormal(shape, gain: number("gain", 1), generator: generator)]
    case "module": return module(test, generator)
    case "sequence":
      let calls = test.kwargs["calls"] as? [[Any]] ?? []
      var results: [String: Tensor] = [:]
      for (index, call) in calls.enumerated() {
        guard let name = call.first as? String, let size = (call.last as? [Int])?.first else { return nil }
        results["out\(index)"] = step(name, size, generator)
      }
      return results
    default: return nil
    }
  }

  private func step(_ name: String, _ size: Int, _ generator: Generator) -> Tensor? {
    switch name {
    case "rand": Tensor.rand(size, generator: generator)
    case "rand64": Tensor.rand(size, generator: generator, dtype: .float64)
    case "randn": Tensor.randn(size, generator: generator)
    case "randn64": Tensor.randn(size, generator: generator, dtype: .float64)
    case "randperm": Tensor.randperm(size, generator: generator)
    case "randint10": Tensor.randint(10, [size], generator: generator)
    case "random_": Tensor.random([size], generator: generator)
    case "bernoulli_": Tensor.bernoulli([size], p: 0.5, generator: generator)
    default: nil
    }
  }

  /// What a layer's constructor draws.
  private func module(_ test: RandomFixture.Case, _ generator: Generator) -> [String: Tensor]? {
    guard let weight = test.outputs["weight"]?.shape else { return nil }
    let bias = test.outputs["bias"]?.shape
    switch test.kwargs["type"] as? String {
    case "Conv2d", "ConvTranspose2d", "Linear":
      var results = ["weight": Init.defaultWeight(weight, generator: generator)]
      if let bias {
        results["bias"] = Init.defaultBias(bias[0], weightShape: weight, generator: generator)
      }
      return results
    case "BatchNorm2d":
      return [
        "weight": Init.ones(weight), "bias": Init.zeros(weight), "running_mean": Init.zeros(weight),
        "running_var": Init.ones(weight), "num_batches_tracked": Tensor(0),
      ]
    case "Embedding": return ["weight": Init.normal(weight, generator: generator)]
    default: return nil
    }
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

  @Test(arguments: [
    #"{"seed": 1, "words": [1, 2], "position": 0}"#,
    #"{"seed": 1, "words": [\#(Array(repeating: "7", count: 624).joined(separator: ","))], "position": 625}"#,
    #"{"seed": 1, "words": [\#(Array(repeating: "7", count: 624).joined(separator: ","))], "position": -1}"#,
    #"{"seed": 1, "position": 3}"#,
  ])
  func refusesADamagedState(_ text: String) {
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
    // Other tests may draw from the default generator at the same time: only the seed can be checked safely.
    #expect(Generator.default === manualSeed(11))
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

  @Test func gains() {
    #expect(Init.calculateGain(.tanh) == 5.0 / 3)
    #expect(Init.calculateGain(.relu) == 2.0.squareRoot())
    #expect(Init.calculateGain(.leakyReLU) == (2 / (1 + 0.01 * 0.01)).squareRoot())
    #expect(Init.calculateGain(.selu) == 0.75)
    #expect(Init.calculateFanInAndFanOut([4, 3, 5, 2]) == (30, 40))
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
