import NNCore

/// A measure that is added up from parts of the data: the metric of two parts together is not the mean of theirs unless
/// the parts weigh the same, so each keeps what it takes to merge exactly.
///
///     var f1 = F1Score(classes: 10)
///     f1.update(scores, target)             // for each batch
///     print(f1.value)
///
/// A metric is a value: a step makes one of its batch and logs it (`context.log("val_f1", F1Score(classes: 10, y, t))`),
/// and the Trainer merges those of an epoch. It is `Codable` so that a checkpoint in the middle of an epoch keeps it.
public protocol Metric: Sendable, Codable {
  /// Takes over the samples that `other` has seen.
  mutating func merge(_ other: Self)
  /// Whether `other` is of the same settings, so that the two can be merged; true unless a metric says otherwise. A
  /// metric of a checkpoint may be of others.
  func canMerge(_ other: Self) -> Bool
  /// The measure over all samples so far; NaN if it is not defined for them.
  var value: Double { get }
}

extension Metric {
  public func canMerge(_ other: Self) -> Bool { true }
}

/// The mean of numbers with weights, such as losses of batches of different sizes.
public struct Mean: Metric, Equatable {
  public private(set) var sum = 0.0
  public private(set) var weight = 0.0

  /// The mean of nothing.
  public init() {}

  /// The mean of one number.
  public init(_ value: Double, weight: Double = 1) { update(value, weight: weight) }

  /// - Parameter weight: how many samples the number stands for, at least 0.
  public mutating func update(_ value: Double, weight: Double = 1) {
    require(weight >= 0, "Mean", "the weight must not be negative, got \(weight)")
    sum += value * weight
    self.weight += weight
  }

  public mutating func merge(_ other: Mean) {
    sum += other.sum
    weight += other.weight
  }

  /// NaN before the first number.
  public var value: Double { sum / weight }
}

/// Checks scores and class numbers of a batch and gives the latter back; none if they do not fit.
func checkedLabels(_ operation: StaticString, _ scores: Tensor, _ target: Tensor, classes: Int?) -> [Int] {
  guard
    fits(
      scores.rank == 2 && target.shape == [scores.shape[0]] && !target.dtype.isFloatingPoint, operation,
      .type,
      "expected scores [N, C] and class numbers [N], got \(scores.shape) and \(target.dtype) \(target.shape)")
  else { return [] }
  let count = scores.shape[1]
  if let classes {
    guard fits(count == classes, operation, "expected scores of \(classes) classes, got \(scores.shape)")
    else { return [] }
  }
  let labels = target.array(of: Int.self)
  for (row, label) in labels.enumerated() where !(0..<count).contains(label) {
    misfit(operation, .label, row: row, "class numbers must lie in 0..<\(count), got \(label)")
    return []
  }
  return labels
}
