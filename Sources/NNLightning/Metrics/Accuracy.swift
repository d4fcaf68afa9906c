import NNCore

/// Share of the samples whose greatest score is that of their class: a scalar in 0...1.
///
/// - Parameters:
///   - scores: [N, C].
///   - target: class numbers [N].
public func accuracy(_ scores: Tensor, _ target: Tensor) -> Tensor {
  noGrad { (scores.argmax(1) .== target).to(.float32).mean() }
}

/// Share of the samples whose class is among those with the k greatest scores, in 0...1; as
/// `torchmetrics.Accuracy(average="micro", top_k:)` and `sklearn.metrics.top_k_accuracy_score`.
///
/// Of equal scores the class with the smaller number comes first.
public struct Accuracy: Metric, Equatable {
  /// How many guesses a sample has.
  public let topK: Int
  /// Samples whose class was guessed.
  public private(set) var correct = 0
  /// Samples seen.
  public private(set) var total = 0

  public init(topK: Int = 1) {
    require(topK >= 1, "Accuracy", "topK must be at least 1, got \(topK)")
    self.topK = topK
  }

  /// Refuses what no samples give: a checkpoint is a file from elsewhere.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    topK = try container.decode(Int.self, forKey: .topK)
    correct = try container.decode(Int.self, forKey: .correct)
    total = try container.decode(Int.self, forKey: .total)
    guard topK >= 1, 0 <= correct, correct <= total, total <= SavedState.greatestCount else {
      throw DecodingError.dataCorruptedError(
        forKey: .total, in: container,
        debugDescription: "accuracy: expected 0 <= correct <= total, found \(correct) and \(total)")
    }
  }

  /// The accuracy of one batch: scores [N, C], class numbers [N].
  public init(topK: Int = 1, _ scores: Tensor, _ target: Tensor) {
    self.init(topK: topK)
    update(scores, target)
  }

  /// Adds a batch: scores [N, C], class numbers [N].
  public mutating func update(_ scores: Tensor, _ target: Tensor) {
    let labels = checkedLabels("Accuracy", scores, target, classes: nil)
    if labels.isEmpty { return }
    let classes = scores.shape[1]
    let values = scores.array(of: Double.self)
    for (row, label) in labels.enumerated() {
      let own = values[row * classes + label]
      var before = 0
      for other in 0..<classes {
        let value = values[row * classes + other]
        if value > own || (value == own && other < label) { before += 1 }
      }
      // A score that is not a number never wins.
      if before < topK, !own.isNaN { correct += 1 }
    }
    total += labels.count
  }

  public func canMerge(_ other: Accuracy) -> Bool { topK == other.topK }

  public mutating func merge(_ other: Accuracy) {
    require(canMerge(other), "Accuracy", "cannot merge top \(topK) with top \(other.topK)")
    correct += other.correct
    total += other.total
  }

  /// NaN before the first sample.
  public var value: Double { Double(correct) / Double(total) }
}
