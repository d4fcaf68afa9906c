import Foundation
import NNCore
import NNData
import NNLayers
import NNLightning
import TestSupport
import Testing

@Suite struct HeadSearchTests {
  /// Three clouds of points around means of their own, of unequal size in each direction.
  private func clouds(_ count: Int, seed: Int, spread: Double = 0.3) throws -> LabelledFeatures {
    let generator = Generator(seed: seed)
    let target = Tensor((0..<count).map { $0 % 3 })
    let means = Tensor([[3.0, 0, 0, 1, 20], [0, 3, 0, 1, 20], [0, 0, 3, 1, 20]]).to(.float32)
    let noise = Tensor.randn([count, 5], generator: generator) * spread
    return try LabelledFeatures(means.indexSelect(0, index: target) + noise, target, classes: 3)
  }

  @Test(arguments: [1e-4, 0.1, 10])
  func theRidgeHeadIsTheLeastSquaresSolution(regularization: Double) throws {
    let data = try clouds(60, seed: 1)
    let ridge = try #require(
      try RidgeHead.solve(data.features, data.target, classes: 3, regularizations: [regularization]).first)
    // The same problem by QR: rows √(λN) I under the features, and a column of ones that is not regularised.
    let x = data.features.to(.float64)
    let root = (regularization * 60).squareRoot()
    let left = cat([
      cat([x, Tensor.ones([60, 1], dtype: .float64)], axis: 1),
      cat([Tensor.eye(5, dtype: .float64) * root, Tensor.zeros([5, 1], dtype: .float64)], axis: 1),
    ])
    let right = cat([data.target.oneHot(3).to(.float64), Tensor.zeros([5, 3], dtype: .float64)])
    let expected = try LinearAlgebra.lstsq(left, right).solution
    #expect(
      ridge.weight.isClose(
        to: expected.narrow(0, start: 0, length: 5).transpose(0, 1), relativeTolerance: 1e-9,
        absoluteTolerance: 1e-11))
    #expect(
      ridge.bias.isClose(to: expected.select(0, index: 5), relativeTolerance: 1e-9, absoluteTolerance: 1e-11))
    #expect(ridge(x).isClose(to: left.narrow(0, start: 0, length: 60).matmul(expected)))
  }

  @Test func theBestComesFirstAndSeparableClassesAreFound() throws {
    let search = try HeadSearch(
      train: clouds(120, seed: 1), validation: clouds(60, seed: 2), classes: 3, epochs: 8, batchSize: 17)
    var done: [Int] = []
    let trials = try search.run { place, count in
      done.append(place)
      #expect(count == search.heads.count)
    }
    #expect(done == Array(1...search.heads.count) && trials.count == done.count)
    #expect(trials[0].validationAccuracy == 1 && trials.contains { $0.curve.count == 8 })
    for (better, worse) in zip(trials, trials.dropFirst()) {
      #expect(
        (-better.validationAccuracy, better.validationLoss)
          <= (-worse.validationAccuracy, worse.validationLoss))
    }
    for kind in HeadSearch.Head.Kind.allCases {
      #expect(trials.contains { $0.head.kind == kind && $0.validationAccuracy == 1 }, "\(kind)")
    }
    // The same seed gives the same trials, also with other threads.
    let before = ThreadPool.shared.threadCount
    defer { ThreadPool.shared.threadCount = before }
    ThreadPool.shared.threadCount = 1
    #expect(HeadSearch.table(try search.run()) == HeadSearch.table(trials))
  }

  @Test func tableAndPlotAreWritten() throws {
    try withTemporaryFolder { folder in
      let candidate = HeadSearch.Candidate(
        normalizes: true, optimizer: .sgd, learningRate: 0.01, weightDecay: 0)
      let trials = try HeadSearch(
        train: clouds(30, seed: 1), validation: clouds(9, seed: 2), classes: 3,
        heads: [.trained(candidate), .ridge(regularization: 0.1), .neighbors(count: 3)], epochs: 2,
        batchSize: 29
      ).run()
      let (csv, svg) = (folder.path + "/search.csv", folder.path + "/search.svg")
      try HeadSearch.write(csv: csv, trials)
      try HeadSearch.write(plot: svg, trials)
      let lines = try String(contentsOfFile: csv, encoding: .utf8).split(separator: "\n")
      #expect(lines.count == 4 && lines[0] == "head,optimizer,lr,decay,val_acc,val_loss,train_acc")
      #expect(lines.contains { $0.hasPrefix("batchnorm,sgd,0.01,0,") })
      #expect(lines.contains { $0.hasPrefix("ridge,,,") })
      #expect(lines.contains { $0.hasPrefix("3 neighbors,,,,") })
      #expect(HeadSearch.table(trials).split(separator: "\n").count == 5)
      let noted = HeadSearch.table(trials, notes: ["a", "b", "c"], called: "from")
      #expect(noted.contains("from") && noted.split(whereSeparator: \.isWhitespace).last == "c", "\(noted)")
      let plot = try String(contentsOfFile: svg, encoding: .utf8)
      #expect(plot.contains("<polyline") && plot.contains("batchnorm sgd 0.01 0"))
    }
  }

  @Test func featuresComeFromALoader() throws {
    let net = Linear(2, 4)
    let data = try LabelledFeatures(
      pointLoader(10, batchSize: 4, seed: 1, shuffle: false), classes: 2, network: { net($0) })
    #expect(data.features.shape == [10, 4] && data.count == 10 && !data.features.requiresGrad)
  }

  @Test func otherInputsAreRefused() throws {
    let good = try clouds(9, seed: 1)
    func message(_ body: () throws -> Void) -> String {
      let error = #expect(throws: HeadSearchError.self) { try body() }
      return error.map { "\($0)" } ?? ""
    }
    #expect(
      message { _ = try LabelledFeatures(Tensor.zeros([2, 3, 4]), Tensor([0, 1]), classes: 2) }
        == "head search: expected features [N, F] with class numbers [N], found float32 [2, 3, 4] and int64 [2]"
    )
    #expect(
      message { _ = try LabelledFeatures(good.features, good.target, classes: 2) }
        == "head search: expected class numbers in 0..<2, found 2")
    #expect(
      message { _ = try LabelledFeatures(good.features / 0, good.target, classes: 3) }
        .hasSuffix("found infinite ones or NaN"))
    let narrow = try LabelledFeatures(
      good.features.narrow(1, start: 0, length: 2), good.target, classes: 3)
    #expect(
      message { _ = try HeadSearch(train: good, validation: narrow, classes: 3) }
        .contains("validation features of size 5, as those of the training, found 2"))
  }
}
