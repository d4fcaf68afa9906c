import Foundation
import NNCore
import NNData
import TestSupport
import Testing

/// Splits, samplers and loader orders of PyTorch 2.9.1.
@Suite struct LoadingFixtureTests {
  static let cases = FixtureGroup("loading", in: URL(fileURLWithPath: fixture(""))).cases

  @Test func fixturesAreThere() { #expect(!Self.cases.isEmpty) }

  @Test(arguments: cases, [0, 1, 4])
  func matchesPyTorch(_ test: FixtureCase, workers: Int) throws {
    // Everything is drawn from the default generator, as in PyTorch.
    let results = try withDefaultGenerator(Generator(seed: test.seed)) {
      try test.withArguments { try run(test, $0, workers: workers) }
    }
    #expect(try test.seededDifferences(results, exact: true) == [])
  }

  private func run(_ test: FixtureCase, _ a: Arguments, workers: Int) throws -> [String: Tensor] {
    switch test.operation {
    case "random_split":
      let (count, lengths) = try (a.int("n"), a.doubles("lengths"))
      let parts =
        lengths.allSatisfy { $0 >= 1 }
        ? randomSplit(Indices(count: count), lengths: lengths.map { Int($0) })
        : randomSplit(Indices(count: count), fractions: lengths)
      return Dictionary(
        uniqueKeysWithValues: parts.enumerated().map { ("split\($0.offset)", Tensor($0.element.indices)) })
    case "dataloader":
      let loader = try DataLoader(
        Indices(count: a.int("n")), batchSize: a.int("batch_size", 1), shuffle: true,
        dropLast: a.bool("drop_last"), workers: workers)
      var results: [String: Tensor] = [:]
      for epoch in try 0..<a.int("epochs") {
        var order: [Int] = []
        try loader.forEach { order += $0.array(of: Int.self) }
        results["epoch\(epoch)"] = Tensor(order)
      }
      results["rand_after"] = Tensor.rand(4)
      return results
    case "weighted_sampler":
      let sampler = try WeightedRandomSampler(
        weights: a.doubles("weights"), count: a.int("num_samples"), replacement: a.bool("replacement", true))
      return ["out": Tensor(sampler.order())]
    case "subset_sampler":
      return try ["out": Tensor(SubsetRandomSampler(a.ints("indices")).order())]
    default: throw FixtureError("operation not supported: \(test.operation)")
    }
  }
}

/// 0, 1, …: each element is its own index.
struct Indices: Dataset {
  let count: Int
  subscript(index: Int) -> Int { index }
}
