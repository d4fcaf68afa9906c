import NNCore
import NNData
import Testing

/// Few images, and classes of unequal size.
@Suite struct BalanceTests {
  private let targets = Array(repeating: 0, count: 60) + Array(repeating: 1, count: 30) + [3, 3, 3, 3, 3]

  @Test func weightsMakeClassesCountTheSame() {
    let weights = balancedClassWeights(targets, classes: 4)
    #expect(weights[2] == 0)
    let sums = [0, 1, 3].map { label in weights[label] * Double(targets.count { $0 == label }) }
    for sum in sums { #expect(abs(sum - 95.0 / 4) < 1e-9) }
  }

  @Test func samplingBringsClassesEquallyOften() {
    let sampler = WeightedRandomSampler.balancing(targets, count: 6_000, generator: Generator(seed: 1))
    let counts = sampler.order().reduce(into: [0, 0, 0, 0]) { $0[targets[$1]] += 1 }
    // Of 2,000 each; a deviation of 5 standard deviations is 183.
    #expect(counts[2] == 0 && [0, 1, 3].allSatisfy { abs(counts[$0] - 2_000) < 183 }, "\(counts)")
    #expect(WeightedRandomSampler.balancing(targets).count == targets.count)
  }

  @Test(arguments: [2, 3, 5, 7])
  func foldsHaveTheirShareOfEachClass(count: Int) {
    let folds = stratifiedFolds(targets, count: count, generator: Generator(seed: 3))
    #expect(folds.count == count && folds.joined().sorted() == Array(targets.indices))
    for label in [0, 1, 3] {
      let sizes = folds.map { fold in fold.count { targets[$0] == label } }
      #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1, "\(sizes)")
    }
    let sizes = folds.map(\.count)
    #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1)
    #expect(folds != stratifiedFolds(targets, count: count, generator: Generator(seed: 4)))
  }

  /// Labels that come together in all ways, one of them rare and never alone: each part has its share of each.
  @Test func partsHaveTheirShareOfEachLabel() {
    let labels = (0..<400).map { number in
      (number % 2 == 0 ? [0] : []) + (number % 5 < 2 ? [1] : []) + (number % 40 == 0 ? [2, 0] : [])
    }
    let shares = [0.7, 0.2, 0.1]
    let parts = stratifiedParts(labels, shares: shares, generator: Generator(seed: 1))
    #expect(parts.joined().sorted() == Array(0..<400))
    for (part, share) in zip(parts, shares) {
      #expect(abs(Double(part.count) - 400 * share) <= 2, "\(part.count)")
      for label in 0...2 {
        let (all, here) = (labels.count { $0.contains(label) }, part.count { labels[$0].contains(label) })
        #expect(abs(Double(here) - Double(all) * share) <= 1.5, "label \(label): \(here) of \(all)")
      }
    }
    #expect(parts == stratifiedParts(labels, shares: shares, generator: Generator(seed: 1)))
    #expect(parts != stratifiedParts(labels, shares: shares, generator: Generator(seed: 2)))
    let folds = stratifiedFolds(ofLabels: labels, count: 5, generator: Generator(seed: 1))
    #expect(folds.map { fold in fold.count { labels[$0].contains(2) } } == [2, 2, 2, 2, 2])
    #expect(stratifiedParts([], shares: [1, 1]) == [[], []])
  }

  @Test func fewShotsOfEachClass() {
    let shapes = SyntheticShapes(count: 100)
    let few = shapes.fewShot(3, generator: Generator(seed: 5))
    let counts = few.indices.reduce(into: Array(repeating: 0, count: shapes.classes.count)) {
      $0[shapes.targets[$1]] += 1
    }
    #expect(counts.allSatisfy { $0 == 3 } && Set(few.indices).count == few.count)
    #expect(shapes.fewShot(1_000).count == 100)
  }
}
