import NNCore

/// How often samples of each class were taken for which: `counts[true][predicted]`, as
/// `sklearn.metrics.confusion_matrix`. Precision, recall and F1 come from it.
public struct ConfusionMatrix: Metric, Equatable {
  /// Rows are the true classes, columns the predicted ones.
  public private(set) var counts: [[Int]]

  public init(classes: Int) {
    require(classes >= 1, "ConfusionMatrix", "needs at least one class, got \(classes)")
    counts = Array(repeating: Array(repeating: 0, count: classes), count: classes)
  }

  /// The matrix of one batch: scores [N, C], class numbers [N].
  public init(classes: Int, _ scores: Tensor, _ target: Tensor) {
    self.init(classes: classes)
    update(scores, target)
  }

  /// Refuses what is no square of counts: a checkpoint is a file from elsewhere.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    counts = try container.decode([[Int]].self, forKey: .counts)
    // Twice the number of all samples must be an Int.
    let limit = SavedState.greatestCount
    guard !counts.isEmpty, counts.allSatisfy({ $0.count == counts.count }),
      counts.joined().allSatisfy({ (0...limit).contains($0) }),
      counts.joined().reduce(0, { Swift.min($0 + $1, 2 * limit) }) <= limit
    else {
      throw DecodingError.dataCorruptedError(
        forKey: .counts, in: container, debugDescription: "confusion matrix: expected a square of counts")
    }
  }

  public var classes: Int { counts.count }

  /// Adds a batch: scores [N, C], of which the greatest counts as the prediction, and class numbers [N].
  public mutating func update(_ scores: Tensor, _ target: Tensor) {
    let labels = checkedLabels("ConfusionMatrix", scores, target, classes: classes)
    if labels.isEmpty { return }
    let predictions = scores.detach().argmax(1).array(of: Int.self)
    for (label, prediction) in zip(labels, predictions) { counts[label][prediction] += 1 }
  }

  public func canMerge(_ other: ConfusionMatrix) -> Bool { classes == other.classes }

  public mutating func merge(_ other: ConfusionMatrix) {
    require(
      canMerge(other), "ConfusionMatrix", "cannot merge \(classes) with \(other.classes) classes")
    for row in counts.indices {
      for column in counts.indices { counts[row][column] += other.counts[row][column] }
    }
  }

  /// The accuracy: share of the samples on the diagonal; NaN before the first sample.
  public var value: Double {
    Double(counts.indices.reduce(0) { $0 + counts[$1][$1] }) / Double(counts.joined().reduce(0, +))
  }

  /// How numbers per class become one.
  public enum Average: String, Sendable, Codable {
    /// All samples count the same.
    case micro
    /// All classes that occur or were predicted count the same.
    case macro
    /// Classes count by the number of their samples.
    case weighted
  }

  /// Share of the samples predicted as a class that belong to it, for each class; 0 where none was predicted.
  public var precisions: [Double] { counts.indices.map { share(counts[$0][$0], predicted($0)) } }
  /// Share of the samples of a class that were recognised, for each class; 0 where there are none.
  public var recalls: [Double] { counts.indices.map { share(counts[$0][$0], actual($0)) } }
  /// Harmonic mean of precision and recall for each class.
  public var f1Scores: [Double] {
    counts.indices.map { share(2 * counts[$0][$0], predicted($0) + actual($0)) }
  }

  private func actual(_ place: Int) -> Int { counts[place].reduce(0, +) }
  private func predicted(_ place: Int) -> Int { counts.reduce(0) { $0 + $1[place] } }
  private func share(_ part: Int, _ whole: Int) -> Double {
    whole == 0 ? 0 : Double(part) / Double(whole)
  }

  /// One number from those of the classes; NaN before the first sample.
  func averaged(_ scores: [Double], _ average: Average) -> Double {
    switch average {
    case .micro:
      // With one class per sample, what one class gains in wrong predictions another misses.
      return value
    case .macro:
      let seen = counts.indices.filter { actual($0) + predicted($0) > 0 }
      return seen.reduce(0) { $0 + scores[$1] } / Double(seen.count)
    case .weighted:
      let total = counts.joined().reduce(0, +)
      return counts.indices.reduce(0) { $0 + scores[$1] * Double(actual($1)) } / Double(total)
    }
  }
}
