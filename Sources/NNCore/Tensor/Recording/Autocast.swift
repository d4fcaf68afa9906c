import CThreadState

/// Runs `body` with mixed precision: products and convolutions of float32 tensors are computed in `dtype`, what is sensitive to
/// rounding (exponentials, sums, losses, ...) in float32, and everything else in the type of its operands. As
/// `torch.autocast`, with the lists that PyTorch has for GPUs, on every device.
///
/// Parameters stay float32: each is converted once, for as long as nobody changes it, and gets a float32 gradient. float64
/// tensors stay what they are. A backward pass goes through each operation in the type that it was computed in, inside of
/// `body` and behind it. The mode belongs to the calling thread.
///
/// - Parameter dtype: `bfloat16`; nil for no mixed precision, whatever the surrounding mode.
public func withAutocast<T>(_ dtype: DType? = .bfloat16, _ body: () throws -> T) rethrows -> T {
  require(
    dtype == nil || dtype == .bfloat16, "withAutocast",
    "needs bfloat16 or nil, got \(dtype?.description ?? "nil")")
  let former = nn_autocast()
  nn_set_autocast(dtype?.rawValue ?? 0)
  defer { nn_set_autocast(former) }
  return try body()
}

/// The element type in which products are computed on the calling thread; nil outside of `withAutocast`.
public var autocastType: DType? { isAutocasting ? DType(rawValue: nn_autocast()) : nil }

@inline(__always)
var isAutocasting: Bool { nn_autocast() != 0 }

/// What an operation does with its float32 and bfloat16 operands inside of `withAutocast`.
package enum AutocastRule: Sendable {
  /// It computes in their type; those of different types meet in the widest.
  case asOperands
  /// It computes in the type of the mode.
  case lower
  /// It computes in float32.
  case float32
}
