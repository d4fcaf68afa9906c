import NNCore

/// Harmonic mean of precision and recall where a sample may have several labels, averaged over the labels that occur; as
/// `torchmetrics.classification.MultilabelF1Score` (macro, over labels that occur).
public struct MultiLabelF1: Metric, Equatable {
  private var hits: [Int]
  private var falseAlarms: [Int]
  private var misses: [Int]
  /// Least probability at which each label counts as given.
  public let thresholds: [Double]

  /// - Parameter thresholds: least probability at which each label counts as given; 0.5 for all if nil.
  public init(classes: Int, thresholds: [Double]? = nil) {
    require(classes >= 1, "MultiLabelF1", "needs at least one class, got \(classes)")
    require(
      (thresholds ?? []).count == (thresholds == nil ? 0 : classes), "MultiLabelF1", "a threshold per class")
    self.thresholds = thresholds ?? Array(repeating: 0.5, count: classes)
    hits = Array(repeating: 0, count: classes)
    (falseAlarms, misses) = (hits, hits)
  }

  /// The measure of one batch: probabilities [N, C], targets [N, C] of 1 and 0.
  public init(thresholds: [Double]? = nil, _ probabilities: Tensor, _ target: Tensor) {
    self.init(classes: max(1, probabilities.shape.last ?? 1), thresholds: thresholds)
    update(probabilities, target)
  }

  /// Refuses what no samples give: a checkpoint is a file from elsewhere.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    hits = try container.decode([Int].self, forKey: .hits)
    falseAlarms = try container.decode([Int].self, forKey: .falseAlarms)
    misses = try container.decode([Int].self, forKey: .misses)
    thresholds = try container.decode([Double].self, forKey: .thresholds)
    let counts = [hits, falseAlarms, misses]
    guard !hits.isEmpty, counts.allSatisfy({ $0.count == thresholds.count }),
      counts.joined().allSatisfy({ (0...SavedState.greatestCount / 4).contains($0) })
    else {
      throw DecodingError.dataCorruptedError(
        forKey: .hits, in: container,
        debugDescription: "MultiLabelF1: expected equally many counts of each kind")
    }
  }

  /// Adds a batch: probabilities [N, C], targets [N, C] of 1 and 0.
  public mutating func update(_ probabilities: Tensor, _ target: Tensor) {
    guard let (values, isGiven) = multiLabelRows("MultiLabelF1", probabilities, target, classes: hits.count)
    else { return }
    for (place, value) in values.enumerated() {
      let label = place % hits.count
      switch (value >= thresholds[label], isGiven[place]) {
      case (true, true): hits[label] += 1
      case (true, false): falseAlarms[label] += 1
      case (false, true): misses[label] += 1
      case (false, false): break
      }
    }
  }

  public func canMerge(_ other: MultiLabelF1) -> Bool { thresholds == other.thresholds }

  public mutating func merge(_ other: MultiLabelF1) {
    require(canMerge(other), "MultiLabelF1", "cannot merge measures of other thresholds")
    for label in hits.indices {
      hits[label] += other.hits[label]
      falseAlarms[label] += other.falseAlarms[label]
      misses[label] += other.misses[label]
    }
  }

  /// Of each label; nil where it neither occurs nor was predicted.
  public var scores: [Double?] {
    hits.indices.map { label in
      let whole = 2 * hits[label] + falseAlarms[label] + misses[label]
      return whole == 0 ? nil : 2 * Double(hits[label]) / Double(whole)
    }
  }

  /// NaN before the first label.
  public var value: Double {
    let known = scores.compactMap(\.self)
    return known.reduce(0, +) / Double(known.count)
  }
}

/// Mean over the labels of the area below precision over recall, where a sample may have several labels; as
/// `sklearn.metrics.average_precision_score(average="macro")`. It needs no threshold, and keeps the scores of all
/// samples. Labels that no sample has do not count.
public struct MeanAveragePrecision: Metric, Equatable {
  public let classes: Int
  private var scores: [Float] = []
  private var isGiven: [Bool] = []

  public init(classes: Int) {
    require(classes >= 1, "MeanAveragePrecision", "needs at least one class, got \(classes)")
    self.classes = classes
  }

  /// The measure of one batch: scores [N, C], targets [N, C] of 1 and 0.
  public init(_ scores: Tensor, _ target: Tensor) {
    self.init(classes: max(1, scores.shape.last ?? 1))
    update(scores, target)
  }

  /// Refuses scores and labels that do not belong together: a checkpoint is a file from elsewhere.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    classes = try container.decode(Int.self, forKey: .classes)
    scores = try container.decode([Float].self, forKey: .scores)
    isGiven = try container.decode([Bool].self, forKey: .isGiven)
    guard classes >= 1, scores.count == isGiven.count, scores.count % classes == 0 else {
      throw DecodingError.dataCorruptedError(
        forKey: .scores, in: container,
        debugDescription: "MeanAveragePrecision: expected as many scores as labels, by \(classes)")
    }
  }

  /// Adds a batch: scores [N, C], targets [N, C] of 1 and 0.
  public mutating func update(_ scores: Tensor, _ target: Tensor) {
    guard let rows = multiLabelRows("MeanAveragePrecision", scores, target, classes: classes) else { return }
    self.scores += rows.values.map { Float($0) }
    isGiven += rows.isGiven
  }

  public func canMerge(_ other: MeanAveragePrecision) -> Bool { classes == other.classes }

  public mutating func merge(_ other: MeanAveragePrecision) {
    require(canMerge(other), "MeanAveragePrecision", "cannot merge measures of other classes")
    scores += other.scores
    isGiven += other.isGiven
  }

  /// NaN before the first label.
  public var value: Double {
    let known = (0..<classes).compactMap { label in
      let cuts = LabelCuts(scores: scores.map(Double.init), isGiven: isGiven, label: label, classes: classes)
      return cuts.positives == 0 ? nil : cuts.averagePrecision
    }
    return known.reduce(0, +) / Double(known.count)
  }
}

/// For each label the least probability at which it is to be named so that its F1 on these samples is greatest: in the
/// middle between the last sample that counts and the first that does not. 0.5 for a label that no sample has.
///
/// - Parameters:
///   - probabilities: [N, C].
///   - target: [N, C] of 1 and 0.
public func bestThresholds(_ probabilities: Tensor, _ target: Tensor) -> [Double] {
  let classes = probabilities.shape.last ?? 1
  guard let (values, isGiven) = multiLabelRows("bestThresholds", probabilities, target, classes: classes)
  else {
    return Array(repeating: 0.5, count: classes)
  }
  return (0..<classes).map {
    LabelCuts(scores: values, isGiven: isGiven, label: $0, classes: classes).bestThreshold
  }
}

/// The samples by falling score of one label, cut behind each score.
private struct LabelCuts {
  /// Samples above the cut, and those of them that have the label.
  private var cuts: [(score: Double, count: Int, hits: Int)] = []
  private(set) var positives = 0

  init(scores: [Double], isGiven: [Bool], label: Int, classes: Int) {
    let rows = stride(from: label, to: scores.count, by: classes).filter { !scores[$0].isNaN }
      .sorted { scores[$0] > scores[$1] }
    for (place, row) in rows.enumerated() {
      if isGiven[row] { positives += 1 }
      // Equal scores are on one side of any threshold.
      if cuts.last?.score == scores[row] { cuts.removeLast() }
      cuts.append((scores[row], place + 1, positives))
    }
  }

  var averagePrecision: Double {
    var (area, before) = (0.0, 0)
    for cut in cuts {
      area += Double(cut.hits - before) * Double(cut.hits) / Double(cut.count)
      before = cut.hits
    }
    return area / Double(positives)
  }

  var bestThreshold: Double {
    func f1(_ place: Int) -> Double { 2 * Double(cuts[place].hits) / Double(cuts[place].count + positives) }
    guard positives > 0, let best = cuts.indices.max(by: { f1($0) < f1($1) }) else { return 0.5 }
    let next = best + 1 < cuts.count ? cuts[best + 1].score : 0
    return (cuts[best].score + next) / 2
  }
}

/// Scores and labels of a batch, row by row; nil if they do not fit.
private func multiLabelRows(
  _ operation: StaticString, _ scores: Tensor, _ target: Tensor, classes: Int
) -> (values: [Double], isGiven: [Bool])? {
  guard
    fits(
      scores.rank == 2 && target.shape == scores.shape && scores.shape[1] == classes, operation, .type,
      "expected scores and targets [N, \(classes)], got \(scores.shape) and \(target.dtype) \(target.shape)")
  else { return nil }
  return (scores.detach().array(of: Double.self), target.array(of: Double.self).map { $0 >= 0.5 })
}
