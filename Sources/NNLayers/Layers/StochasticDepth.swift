import NNCore

/// In training sets whole samples of [N, …] to zero with probability p and divides the others by 1 - p: dropped
/// from a residual branch, a sample skips it. As `torchvision.ops.StochasticDepth` (Huang et al., 2016). Draws from
/// the default generator.
///
/// Source: https://docs.pytorch.org/vision/stable/generated/torchvision.ops.stochastic_depth.html
public final class StochasticDepth: Module, Layer {
  /// What is dropped together.
  public enum Mode: String, Sendable {
    /// The whole batch.
    case batch
    /// Each sample by itself.
    case row
  }

  /// Probability of being left out, in 0...1.
  public var p: Double {
    didSet { requireProbability(p, "StochasticDepth") }
  }
  public let mode: Mode

  public init(_ p: Double, mode: Mode) {
    requireProbability(p, "StochasticDepth")
    self.p = p
    self.mode = mode
  }

  public func forward(_ x: Tensor) -> Tensor {
    require(x.rank > 0, "StochasticDepth", "needs a tensor [N, …], got a scalar")
    if !isTraining || p == 0 { return x }
    let samples = mode == .row ? x.shape[0] : 1
    let kept = Tensor.ones([samples] + Array(repeating: 1, count: x.rank - 1), dtype: x.dtype)
    return x * kept.dropout(p: p)
  }
  public override var extraDescription: String { "p: \(p), mode: \(mode)" }
}
