import Foundation
import NNCore
import NNLightning
import Testing

/// Measures of several labels per sample.
@Suite struct MultiLabelMetricsTests {
  // The example of scikit-learn's average_precision_score, a label that all have, and one that nobody has.
  private let scores = Tensor(
    [[0.1, 0.9, 0.5], [0.4, 0.8, 0.2], [0.35, 0.3, 0.1], [0.8, 0.6, 0.7]] as [[Float]])
  private let target = Tensor([[0, 1, 0], [0, 1, 0], [1, 1, 0], [1, 1, 0]] as [[Float]])

  @Test func averagePrecisionIsThatOfScikitLearn() {
    // (0.8333… + 1) / 2.
    #expect(abs(MeanAveragePrecision(scores, target).value - 11.0 / 12) < 1e-6)
    #expect(MeanAveragePrecision(classes: 2).value.isNaN)
    // Equal scores are one cut.
    let equal = MeanAveragePrecision(Tensor.zeros([4, 1]), Tensor([[1], [0], [0], [0]] as [[Float]]))
    #expect(equal.value == 0.25)
  }

  @Test func f1CountsByThresholds() {
    // Above 0.5: of the first label 1 of 2, of the second 3 of 4, of the third 2 false alarms.
    let f1 = MultiLabelF1(scores, target)
    #expect(f1.scores.map { $0 ?? -1 } == [2.0 / 3, 6.0 / 7, 0])
    #expect(abs(f1.value - (2.0 / 3 + 6.0 / 7) / 3) < 1e-12)
    let low = MultiLabelF1(thresholds: [0.2, 0.2, 0.9], scores, target)
    #expect(low.scores == [0.8, 1, nil] && abs(low.value - 0.9) < 1e-12)
  }

  @Test func partsMergeToTheWhole() throws {
    func part(_ range: Range<Int>) -> (Tensor, Tensor) { (scores[range], target[range]) }
    var f1 = MultiLabelF1(part(0..<1).0, part(0..<1).1)
    f1.merge(MultiLabelF1(part(1..<4).0, part(1..<4).1))
    #expect(f1 == MultiLabelF1(scores, target))
    var precision = MeanAveragePrecision(part(0..<3).0, part(0..<3).1)
    precision.merge(MeanAveragePrecision(part(3..<4).0, part(3..<4).1))
    #expect(precision == MeanAveragePrecision(scores, target))
    #expect(!f1.canMerge(MultiLabelF1(classes: 3, thresholds: [0.1, 0.5, 0.5])))
    // And survive a checkpoint, unless it was tampered with.
    let data = try JSONEncoder().encode(precision)
    #expect(try JSONDecoder().decode(MeanAveragePrecision.self, from: data) == precision)
    let text = String(decoding: data, as: UTF8.self).replacingOccurrences(
      of: "\"classes\":3", with: "\"classes\":5")
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(MeanAveragePrecision.self, from: Data(text.utf8))
    }
    let counts = String(decoding: try JSONEncoder().encode(f1), as: UTF8.self)
      .replacingOccurrences(of: "\"misses\":[1", with: "\"misses\":[-1")
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(MultiLabelF1.self, from: Data(counts.utf8))
    }
  }

  @Test func thresholdsAreWhereF1IsGreatest() {
    let thresholds = bestThresholds(scores, target)
    // Between 0.35 and 0.1; below all; none.
    #expect(zip(thresholds, [0.225, 0.15, 0.5]).allSatisfy { abs($0 - $1) < 1e-6 }, "\(thresholds)")
    let best = MultiLabelF1(thresholds: thresholds, scores, target)
    #expect(best.scores[0] == 0.8 && best.scores[1] == 1)
  }
}
