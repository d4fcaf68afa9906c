/// What random numbers are drawn, with PyTorch's ways to make them.
package enum RandomDraw: Sendable {
  /// Floating-point numbers of [low, high).
  case uniform(low: Double, high: Double)
  case normal(mean: Double, std: Double)
  /// `scale` with probability p, else 0.
  case bernoulli(p: Double, scale: Double)
  /// int64 numbers from `low` on, `range` different ones (2^64 if 0).
  case integers(low: Int, range: UInt64)
  /// int64 numbers of 0..<2^63.
  case bits
  /// The int64 numbers 0..<count in random order.
  case permutation
}
