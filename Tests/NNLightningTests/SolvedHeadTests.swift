import Foundation
import NNCore
import NNLayers
import NNLightning
import TestSupport
import Testing

/// Heads that are solved in place of being trained, and what a search says of the winner.
@Suite struct SolvedHeadTests {
  /// Four clouds that lie partly in one another.
  private func clouds(_ count: Int, seed: Int, spread: Double = 1) throws -> LabelledFeatures {
    let generator = Generator(seed: seed)
    let target = Tensor((0..<count).map { $0 % 4 })
    let means = Tensor.randn([4, 6], generator: Generator(seed: 99))
    let noise = Tensor.randn([count, 6], generator: generator) * spread
    return try LabelledFeatures(means.indexSelect(0, index: target) + noise, target, classes: 4)
  }

  /// At the minimum the gradient is 0: errors and penalty are in balance. The problem is convex, so this is the solution.
  @Test(arguments: [1e-3, 0.1], [false, true])
  func theLogisticHeadIsTheMinimum(regularization: Double, isWeighted: Bool) throws {
    let data = try clouds(80, seed: 1)
    let weight = isWeighted ? Tensor([0.5, 1, 2, 1]) : nil
    let x = data.features.to(.float64)
    let head = try LogisticHead.solve(
      x, data.target, classes: 4, regularization: regularization, weight: weight?.to(.float64))
    let (w, b) = (Parameter(head.weight), Parameter(head.bias))
    let loss =
      crossEntropy(x.linear(w.value, bias: b.value), data.target, weight: weight?.to(.float64))
      + regularization / 2 * w.value.square().sum()
    loss.backward()
    for parameter in [w, b] {
      let slope = try #require(parameter.grad)
      #expect(slope.abs().amax().item() <= 1e-5, "\(slope)")
    }
    #expect(accuracy(head(x), data.target).item() > 0.6)
  }

  /// A weight of 2 is every sample of the class twice.
  @Test func aWeightedRidgeHeadCountsSamplesSoOften() throws {
    let data = try clouds(40, seed: 3)
    let labels = data.target.array(of: Int.self)
    let rows = labels.indices.flatMap { labels[$0] == 2 ? [$0, $0] : [$0] }
    let twice = Tensor(rows)
    let weighted = try RidgeHead.solve(
      data.features, data.target, classes: 4, regularizations: [0.1], weight: Tensor([1.0, 1, 2, 1]))[0]
    let repeated = try RidgeHead.solve(
      data.features.indexSelect(0, index: twice), data.target.indexSelect(0, index: twice), classes: 4,
      regularizations: [0.1])[0]
    #expect(weighted.weight.isClose(to: repeated.weight, relativeTolerance: 1e-9, absoluteTolerance: 1e-12))
    #expect(weighted.bias.isClose(to: repeated.bias, relativeTolerance: 1e-9, absoluteTolerance: 1e-12))
  }

  /// Each solved head as layers says what its trial says, and its probabilities are as sure as they are right.
  @Test(arguments: [
    HeadSearch.Head.logistic(regularization: 0.01), .ridge(regularization: 0.1), .neighbors(count: 7),
    .prototypes,
  ])
  func aSolvedHeadIsOfLayers(head: HeadSearch.Head) throws {
    let (train, validation) = (try clouds(200, seed: 1), try clouds(100, seed: 2))
    let search = try HeadSearch(train: train, validation: validation, classes: 4, heads: [head])
    let trial = try search.run()[0]
    let layers = try search.fit(head).eval()
    let scores = layers(validation.features)
    #expect(accuracy(scores, validation.target).item() == trial.validationAccuracy)
    #expect(
      trial.validationAccuracy > 0.6 && trial.hits.count { $0 } == Int(trial.validationAccuracy * 100 + 0.5))
    let loss = crossEntropy(scores, validation.target).item()
    #expect(loss == trial.validationLoss && loss < log(4.0))
    if head.kind == .ridge || head.kind == .prototypes {
      for factor in [0.8, 1.25] {
        #expect(crossEntropy(scores * factor, validation.target).item() >= loss)
      }
    }
    let names: [String] =
      switch head.kind {
      case .neighbors: ["norm", "unit", "neighbors"]
      case .prototypes: ["norm", "unit", "linear"]
      default: ["norm", "linear"]
      }
    #expect(layers.names == names)
  }

  /// Against the definition: the k greatest cosines, their weights added up by class.
  @Test(arguments: [1, 5, 60, 500])
  func nearestNeighborsVoteAsDefined(count: Int) throws {
    let (train, others) = (try clouds(60, seed: 1), try clouds(9, seed: 2))
    let votes = train.target.oneHot(4).to(.float32)
    let layer = NearestNeighbors(train.features, votes, count: count, temperature: 0.2)
    let found = layer(UnitLength()(others.features)).exp()
    let cosines = others.features.normalize().matmul(train.features.normalize().transpose(0, 1))
    let best = cosines.topk(min(count, 60))
    for row in 0..<9 {
      var shares = [0.0, 0, 0, 0]
      let (values, places) = (best.values[row].array(of: Double.self), best.indices[row].array(of: Int.self))
      for (cosine, place) in zip(values, places) {
        shares[train.target.array(of: Int.self)[place]] += exp(cosine / 0.2)
      }
      let expected = Tensor(shares.map { max(1e-4, $0 / shares.reduce(0, +)) }).to(.float32)
      #expect(found[row].isClose(to: expected, relativeTolerance: 1e-3, absoluteTolerance: 1e-5))
    }
  }

  /// Views are versions of the same images: an epoch has each image once, a solved head sees all versions.
  @Test func viewsAreUsedInTurn() throws {
    let one = try clouds(40, seed: 1)
    let candidate = HeadSearch.Candidate(
      normalizes: false, optimizer: .sgd, learningRate: 0.1, weightDecay: 0)
    func run(_ train: LabelledFeatures, views: Int) throws -> HeadSearch.Trial {
      try HeadSearch(
        train: train, validation: clouds(40, seed: 2), classes: 4, heads: [.trained(candidate)], views: views,
        epochs: 4
      ).run()[0]
    }
    // Two views that are the same are no more than one.
    #expect(try run(one.joined(one), views: 2).validationLoss == run(one, views: 1).validationLoss)
    #expect(
      try run(one.joined(clouds(40, seed: 5)), views: 2).validationLoss != run(one, views: 1).validationLoss)
  }

  private func trial(_ hits: [Bool], _ head: HeadSearch.Head = .prototypes) throws -> HeadSearch.Trial {
    // Class 0 where it is right: features that a nearest neighbour of two stored examples tells apart.
    let target = Tensor(hits.map { $0 ? 0 : 1 })
    let train = try LabelledFeatures(Tensor([[1.0, 0], [0, 1], [0, 1.0]]), Tensor([0, 1, 1]), classes: 2)
    let rows = try LabelledFeatures(Tensor(hits.map { _ in [1.0, 0] }), target, classes: 2)
    return try HeadSearch(train: train, validation: rows, classes: 2, heads: [head]).run()[0]
  }

  /// Values of scipy.stats.binomtest(least, count).pvalue and statsmodels' Wilson interval.
  @Test func chanceAndIntervalAreThoseOfTheTextbooks() throws {
    func hits(_ pattern: String) -> [Bool] { pattern.map { $0 == "x" } }
    let first = try trial(hits("xxxxxxxxxx..x"))
    let second = try trial(hits("..........xxx"))
    #expect(first.hits == hits("xxxxxxxxxx..x"))
    #expect(abs(HeadSearch.chance(first, second) - 0.03857421875) < 1e-9)
    #expect(HeadSearch.chance(first, first) == 1)
    let bounds = HeadSearch.interval(hits: 361, of: 500)
    #expect(abs(bounds.lowerBound - 0.681190) < 1e-4 && abs(bounds.upperBound - 0.759529) < 1e-4, "\(bounds)")
  }

  @Test func theVerdictSaysWhetherItMayBeLuck() throws {
    let best = try trial(Array(repeating: true, count: 60) + Array(repeating: false, count: 40))
    let near = try trial(
      Array(repeating: true, count: 58) + Array(repeating: false, count: 42), .ridge(regularization: 1))
    let far = try trial(
      Array(repeating: true, count: 30) + Array(repeating: false, count: 70), .ridge(regularization: 1))
    let unsure = HeadSearch.verdict([best, near])
    #expect(
      unsure.hasPrefix("prototypes won: right about 60 of 100 validation images (0.600; on many more images ")
        && unsure.contains("ridge 1, the best of another kind, is right about 2 fewer")
        && unsure.hasSuffix("in 50 of 100 cases, so this may be luck."), "\(unsure)")
    let sure = HeadSearch.verdict([best, far])
    #expect(sure.hasSuffix("in fewer than 1 of 100 cases, so this is more than luck."), "\(sure)")
    #expect(!HeadSearch.verdict([best]).contains("another kind"))
  }
}
