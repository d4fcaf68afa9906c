import Foundation
import NNCore
import TestSupport
import Testing

import NNLightning

/// Metrics merged from uneven batches against figures of scikit-learn.
@Suite struct MetricTests {
  struct Golden: Decodable {
    struct Case: Decodable {
      var classes: Int
      var batches: [Int]
      var scores: [[Double]]
      var target: [Int]
      var confusion: [[Int]]
      var accuracy: Double
      var auroc: Double
      var precision_micro, precision_macro, precision_weighted: Double
      var recall_micro, recall_macro, recall_weighted: Double
      var f1_micro, f1_macro, f1_weighted: Double
      var topk: [String: Double]?
    }
    var cases: [Case]
  }

  static let cases: [Golden.Case] = {
    guard
      let url = Bundle.module.url(forResource: "metrics", withExtension: "json", subdirectory: "Fixtures"),
      let data = try? Data(contentsOf: url), let golden = try? JSONDecoder().decode(Golden.self, from: data)
    else { return [] }
    return golden.cases
  }()

  /// The metric of all batches, merged one after the other and, to see that it makes no difference, backwards.
  private func merged<M: Metric>(_ golden: Golden.Case, _ make: (Tensor, Tensor) -> M) throws -> Double {
    let scores = Tensor(golden.scores.flatMap { $0 }).reshape([golden.target.count, golden.classes])
    let parts = zip(scores.split(golden.batches), Tensor(golden.target).split(golden.batches)).map(make)
    func sum(_ parts: [M]) throws -> M {
      var sum = try #require(parts.first)
      for part in parts.dropFirst() { sum.merge(part) }
      return sum
    }
    let value = try sum(parts).value
    #expect(abs(try sum(parts.reversed()).value - value) < 1e-12)
    // A checkpoint in the middle of an epoch keeps the sum as JSON.
    let copies = try parts.map { try JSONDecoder().decode(M.self, from: JSONEncoder().encode($0)) }
    #expect(try sum(copies).value == value)
    return value
  }

  @Test func fixturesAreThere() { #expect(Self.cases.count == 6) }

  @Test(arguments: cases.indices)
  func agreesWithScikitLearn(place: Int) throws {
    let golden = Self.cases[place]
    let classes = golden.classes
    func check(_ name: String, _ got: Double, _ want: Double) {
      #expect(abs(got - want) < 1e-6, "\(name): \(got), expected \(want)")
    }
    check("accuracy", try merged(golden) { ConfusionMatrix(classes: classes, $0, $1) }, golden.accuracy)
    check("AUROC", try merged(golden) { AUROC(classes: classes, $0, $1) }, golden.auroc)
    for (key, value) in golden.topk ?? [:] {
      let k = try #require(Int(key))
      check("top \(k)", try merged(golden) { Accuracy(topK: k, $0, $1) }, value)
    }
    for (average, precision, recall, f1) in [
      (ConfusionMatrix.Average.micro, golden.precision_micro, golden.recall_micro, golden.f1_micro),
      (.macro, golden.precision_macro, golden.recall_macro, golden.f1_macro),
      (.weighted, golden.precision_weighted, golden.recall_weighted, golden.f1_weighted),
    ] {
      check(
        "precision \(average)",
        try merged(golden) { Precision(classes: classes, average: average, $0, $1) }, precision)
      check(
        "recall \(average)", try merged(golden) { Recall(classes: classes, average: average, $0, $1) }, recall
      )
      check("F1 \(average)", try merged(golden) { F1Score(classes: classes, average: average, $0, $1) }, f1)
    }
    let whole = Tensor(golden.scores.flatMap { $0 }).reshape([golden.target.count, classes])
    #expect(ConfusionMatrix(classes: classes, whole, Tensor(golden.target)).counts == golden.confusion)
  }

  @Test(arguments: ["{\"counts\":[]}", "{\"counts\":[[1,2],[3]]}", "{\"counts\":[[-1]]}"])
  func damagedMatricesAreRefused(json: String) {
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(ConfusionMatrix.self, from: Data(json.utf8))
    }
  }

  @Test func damagedScoresAreRefused() {
    let json = "{\"classes\":3,\"scores\":[0.5],\"labels\":[1]}"
    #expect(throws: DecodingError.self) { try JSONDecoder().decode(AUROC.self, from: Data(json.utf8)) }
  }

  @Test func nothingSeenIsNotANumber() {
    #expect(Mean().value.isNaN && Accuracy().value.isNaN && F1Score(classes: 2).value.isNaN)
    #expect(AUROC(classes: 2, Tensor([[0.1, 0.9]]), Tensor([1])).value.isNaN)
  }

  @Test func scoresThatAreNoNumbersAreWrong() {
    #expect(Accuracy(Tensor([[Double.nan, 0.0]]), Tensor([0])).value == 0)
  }
}
