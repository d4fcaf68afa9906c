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
  /// Of what was looked at.
  private var settledSum = 0.0
  public private(set) var weight = 0.0
  /// What comes behind it, in its order: numbers that are on a device still, and what follows them.
  private var waiting: [(number: LazyNumber, weight: Double)] = []

  /// Sum of the numbers times their weights.
  public var sum: Double { waiting.reduce(settledSum) { $0 + $1.number.value * $1.weight } }

  /// The mean of nothing.
  public init() {}

  /// The mean of one number.
  public init(_ value: Double, weight: Double = 1) { update(value, weight: weight) }

  /// - Parameter weight: how many samples the number stands for, at least 0.
  public mutating func update(_ value: Double, weight: Double = 1) {
    require(weight >= 0, "Mean", "the weight must not be negative, got \(weight)")
    add(.known(value), weight)
  }

  /// The mean of one number that is not looked at yet.
  init(_ number: LazyNumber, weight: Double) {
    require(weight >= 0, "Mean", "the weight must not be negative, got \(weight)")
    add(number, weight)
  }

  private mutating func add(_ number: LazyNumber, _ weight: Double) {
    self.weight += weight
    if case .known(let value) = number, waiting.isEmpty {
      settledSum += value * weight
    } else {
      waiting.append((number, weight))
      // A long epoch should not keep memory of the device for each of its steps.
      if waiting.count >= 4_096 { (settledSum, waiting) = (sum, []) }
    }
  }

  public mutating func merge(_ other: Mean) {
    let weight = weight + other.weight
    if other.waiting.isEmpty || other.settledSum != 0 { add(.known(other.settledSum), 1) }
    for (number, weight) in other.waiting { add(number, weight) }
    self.weight = weight
  }

  public static func == (a: Mean, b: Mean) -> Bool { a.sum == b.sum && a.weight == b.weight }

  private enum CodingKeys: String, CodingKey { case sum, weight }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    settledSum = try container.decode(Double.self, forKey: .sum)
    weight = try container.decode(Double.self, forKey: .weight)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(sum, forKey: .sum)
    try container.encode(weight, forKey: .weight)
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
