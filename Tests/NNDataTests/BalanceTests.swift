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
