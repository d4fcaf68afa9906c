// The operations that a device names by a value, with the mathematics of each. Raw values are names that may be written
// to files and graphs.

/// A function of one tensor, element by element.
package enum UnaryOp: String, Sendable, CaseIterable {
  case neg, abs, sign, square, relu, floor, ceil, round, trunc
  case exp, expm1, log, log1p, log2, log10, sqrt, rsqrt, reciprocal
  case sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, sigmoid
  case erf, erfinv
  /// log(1 + exp(x))
  case softplus
}

/// A function of two tensors, element by element.
package enum BinaryOp: String, Sendable, CaseIterable {
  case add, sub, mul, div
  /// The quotient rounded down, or towards 0.
  case floorDiv, truncDiv
  /// What is left of a division, with the sign of the dividend (`fmod`) or of the divisor.
  case fmod, remainder
  case maximum, minimum, pow, atan2
}

/// A comparison, element by element.
package enum CompareOp: String, Sendable, CaseIterable { case eq, ne, lt, le, gt, ge }

/// What makes one value of many.
package enum ReduceOp: String, Sendable, CaseIterable { case sum, prod, max, min }

/// An activation function with its parameters: a kernel for the value and one for the slope.
package enum Activation: Sendable, Hashable {
  /// max(x, 0)
  case relu
  /// x > 0 ? positive · x : negative · (exp(rate · x) - 1)
  case elu(negative: Double, positive: Double, rate: Double)
  /// x · sigmoid(x)
  case silu
  /// x · tanh(log(1 + exp(x)))
  case mish
  /// beta · x > threshold ? x : log(1 + exp(beta · x)) / beta
  case softplus(beta: Double, threshold: Double)
  /// x / (1 + |x|)
  case softsign
  /// log(sigmoid(x))
  case logSigmoid
  /// x · min(max(x + 3, 0), 6) / 6
  case hardswish
  /// min(max(x + 3, 0), 6) / 6
  case hardsigmoid
  /// min(max(x, minimum), maximum)
  case hardtanh(minimum: Double, maximum: Double)
  /// x - tanh(x)
  case tanhshrink
  /// Towards 0 by lambda, 0 within [-lambda, lambda].
  case softshrink(lambda: Double)
  /// 0 within [-lambda, lambda]
  case hardshrink(lambda: Double)
  /// x · Φ(x)
  case gelu
  /// The approximation of x · Φ(x) with tanh.
  case geluTanh
  /// x > 0 ? x : negativeSlope · x
  case leakyRelu(negativeSlope: Double)
  /// x > threshold ? x : value
  case threshold(Double, value: Double)

  /// The parameters by name, for traces and exported files.
  package var parameters: [String: Double] {
    switch self {
    case .relu, .silu, .mish, .softsign, .logSigmoid, .hardswish, .hardsigmoid, .tanhshrink, .gelu, .geluTanh:
      [:]
    case .elu(let negative, let positive, let rate):
      ["negative": negative, "positive": positive, "rate": rate]
    case .softplus(let beta, let threshold): ["beta": beta, "threshold": threshold]
    case .hardtanh(let minimum, let maximum): ["minimum": minimum, "maximum": maximum]
    case .softshrink(let lambda), .hardshrink(let lambda): ["lambda": lambda]
    case .leakyRelu(let slope): ["negativeSlope": slope]
    case .threshold(let threshold, let value): ["threshold": threshold, "value": value]
    }
  }
}
