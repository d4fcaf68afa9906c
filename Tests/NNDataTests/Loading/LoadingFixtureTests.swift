import Foundation
import NNCore
import NNData
import TestSupport
import Testing

/// Splits, samplers and loader orders of PyTorch 2.9.1.
@Suite struct LoadingFixtureTests {
  static let group: FixtureGroup = {
    let folder = Bundle.module.bundleURL.appending(path: "Fixtures/loading")
    do {
      return try FixtureGroup(directory: folder)
    } catch {
      preconditionFailure("fixtures in \(folder.path): \(error)")
    }
  }()

  @Test func fixturesAreThere() { #expect(Self.group.cases.count == 16) }

  @Test(arguments: group.cases, [0, 1, 4])
  func matchesPyTorch(_ test: FixtureCase, workers: Int) throws {
    // Everything is drawn from the default generator, as in PyTorch.
    let results = try withDefaultGenerator(Generator(seed: test.seed)) { try run(test, workers: workers) }
    #expect(Set(results.keys) == Set(test.outputNames))
    for (name, got) in results {
      let differences = test.seededDifferences(name, got, exact: true)
      #expect(differences.isEmpty, "\(differences)")
    }
  }

  private func run(_ test: FixtureCase, workers: Int) throws -> [String: Tensor] {
    let count = test.kwargs["n"]?.int ?? 0
    switch test.operation {
    case "random_split":
      let lengths = test.kwargs["lengths"]?.doubles ?? []
      let parts =
        lengths.allSatisfy { $0 >= 1 }
        ? randomSplit(Indices(count: count), lengths: lengths.map { Int($0) })
        : randomSplit(Indices(count: count), fractions: lengths)
      return Dictionary(
        uniqueKeysWithValues: parts.enumerated().map { ("split\($0.offset)", Tensor($0.element.indices)) })
    case "dataloader":
      let loader = DataLoader(
        Indices(count: count), batchSize: test.kwargs["batch_size"]?.int ?? 1, shuffle: true,
        dropLast: test.kwargs["drop_last"]?.bool ?? false, workers: workers)
      var results: [String: Tensor] = [:]
      for epoch in 0..<(test.kwargs["epochs"]?.int ?? 0) {
        var order: [Int] = []
        try loader.forEach { order += $0.array(of: Int.self) }
        results["epoch\(epoch)"] = Tensor(order)
      }
      results["rand_after"] = Tensor.rand(4)
      return results
    case "weighted_sampler":
      let sampler = WeightedRandomSampler(
        weights: test.kwargs["weights"]?.doubles ?? [], count: test.kwargs["num_samples"]?.int ?? 0,
        replacement: test.kwargs["replacement"]?.bool ?? true)
      return ["out": Tensor(sampler.order())]
    case "subset_sampler":
      return ["out": Tensor(SubsetRandomSampler(test.kwargs["indices"]?.ints ?? []).order())]
    default: return [:]
    }
  }
}

/// 0, 1, …: each element is its own index.
struct Indices: Dataset {
  let count: Int
  subscript(index: Int) -> Int { index }
}
