/// How many batches of a pass are used: a whole number of them, or a fraction of those there are.
///
///     Trainer(limitTrainBatches: 10, limitValidationBatches: 0.25)
public enum Limit: Sendable, Equatable, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
  case all
  /// At least 0.
  case batches(Int)
  /// In 0...1; rounded down, as in Lightning.
  case fraction(Double)

  public init(integerLiteral value: Int) { self = .batches(value) }
  public init(floatLiteral value: Double) { self = .fraction(value) }

  /// What is wrong with the value, nil if nothing is.
  var problem: String? {
    switch self {
    case .all: nil
    case .batches(let count): count >= 0 ? nil : "a limit must not be negative, got \(count)"
    case .fraction(let part): (0...1).contains(part) ? nil : "a limit must lie in 0...1, got \(part)"
    }
  }

  /// Batches of a pass that has `count` of them; nil if that is not known and all are used.
  func batches(of count: Int?) throws -> Int? {
    switch self {
    case .all: return count
    case .batches(let limit): return min(limit, count ?? limit)
    case .fraction(let part):
      guard let count else { throw TrainerError.unknownLength(setting: "a limit of \(part)") }
      return Int(Double(count) * part)
    }
  }
}

/// When a fit validates.
public enum ValidationInterval: Sendable, Equatable, ExpressibleByFloatLiteral {
  /// At the end of every n-th epoch.
  case epochs(Int)
  /// Several times in each epoch: 0.25 is four times.
  case fraction(Double)
  /// After every n training batches, counted over epochs.
  case batches(Int)

  public init(floatLiteral value: Double) { self = .fraction(value) }

  var problem: String? {
    switch self {
    case .epochs(let n), .batches(let n): n >= 1 ? nil : "validationInterval must be at least 1, got \(n)"
    case .fraction(let part):
      part > 0 && part <= 1 ? nil : "validationInterval must lie in (0, 1], got \(part)"
    }
  }
}

/// How gradients are kept from exploding.
public enum GradientClip: Sendable, Equatable {
  /// Scales all gradients so that their common Euclidean norm is at most this.
  case norm(Double)
  /// Cuts each element to [-value, value].
  case value(Double)

  var problem: String? {
    switch self {
    case .norm(let limit), .value(let limit):
      limit > 0 ? nil : "gradientClip must be positive, got \(limit)"
    }
  }
}
