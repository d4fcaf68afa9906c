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
