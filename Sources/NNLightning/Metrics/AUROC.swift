import NNCore

/// Area under the receiver operating characteristic: how often a sample of a class scores higher for it than one of
/// another class (ties count half), averaged over the classes; as
/// `sklearn.metrics.roc_auc_score(average="macro", multi_class="ovr")`. 0.5 is chance.
///
/// It keeps the scores of all samples. Classes of which all or no samples are do not count.
public struct AUROC: Metric, Equatable {
  public let classes: Int
  private var scores: [Float] = []
  private var labels: [Int32] = []

  public init(classes: Int) {
    require(classes >= 2, "AUROC", "needs at least two classes, got \(classes)")
    self.classes = classes
  }

  /// Refuses scores and labels that do not belong together: a checkpoint is a file from elsewhere.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    classes = try container.decode(Int.self, forKey: .classes)
    scores = try container.decode([Float].self, forKey: .scores)
    labels = try container.decode([Int32].self, forKey: .labels)
    let expected = labels.count.multipliedReportingOverflow(by: classes)
    guard classes >= 2, !expected.overflow, scores.count == expected.partialValue else {
      throw DecodingError.dataCorruptedError(
        forKey: .scores, in: container,
        debugDescription: "AUROC: expected \(classes) scores for each of \(labels.count) labels")
    }
  }

  /// The measure of one batch: scores [N, C], class numbers [N].
  public init(classes: Int, _ scores: Tensor, _ target: Tensor) {
    self.init(classes: classes)
    update(scores, target)
  }

  /// Adds a batch: scores [N, C], class numbers [N]. For more than two classes, scores must be comparable between
  /// samples: probabilities, not logits.
  public mutating func update(_ scores: Tensor, _ target: Tensor) {
    let checked = checkedLabels("AUROC", scores, target, classes: classes)
    if checked.isEmpty { return }
    labels += checked.map(Int32.init)
    self.scores += scores.array(of: Float.self)
  }

  public func canMerge(_ other: AUROC) -> Bool { classes == other.classes }

  public mutating func merge(_ other: AUROC) {
    require(canMerge(other), "AUROC", "cannot merge \(classes) with \(other.classes) classes")
    scores += other.scores
    labels += other.labels
  }

  /// NaN while there is only one class.
  public var value: Double {
    let areas = (0..<classes).compactMap(area)
    return areas.reduce(0, +) / Double(areas.count)
  }

  /// The Mann-Whitney statistic of one class against the others; nil if one side is empty.
  private func area(_ place: Int) -> Double? {
    let ordered = labels.indices
      .map { (score: scores[$0 * classes + place], isPositive: labels[$0] == place) }
      .sorted { $0.score < $1.score }
    let positives = ordered.reduce(0) { $0 + ($1.isPositive ? 1 : 0) }
    let negatives = ordered.count - positives
    if positives == 0 || negatives == 0 { return nil }
    var rankSum = 0.0
    var start = 0
    while start < ordered.count {
      var end = start + 1
      while end < ordered.count, ordered[end].score == ordered[start].score { end += 1 }
      // Equal scores share the mean of their ranks start + 1 … end.
      let rank = Double(start + 1 + end) / 2
      rankSum += rank * Double(ordered[start..<end].reduce(0) { $0 + ($1.isPositive ? 1 : 0) })
      start = end
    }
    let lowest = Double(positives) * Double(positives + 1) / 2
    return (rankSum - lowest) / (Double(positives) * Double(negatives))
  }
}
