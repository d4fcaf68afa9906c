import NNCore

/// In training sets elements to zero with probability p and divides the others by 1 - p; otherwise passes the input
/// on. As `torch.nn.Dropout` (Srivastava et al., 2014). Draws from the default generator.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout.html
public final class Dropout: Module, Layer {
  /// Probability of being left out, in 0...1.
  public var p: Double {
    didSet { requireProbability(p, "Dropout") }
  }

  public init(_ p: Double = 0.5) {
    requireProbability(p, "Dropout")
    self.p = p
  }

  public func forward(_ x: Tensor) -> Tensor { x.dropout(p: p, training: isTraining) }
  public override var extraDescription: String { "p: \(p)" }
}

/// ``Dropout`` of whole channels of images [N, C, H, W]; as `torch.nn.Dropout2d` (Tompson et al., 2015).
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout2d.html
public final class Dropout2d: Module, Layer {
  public let p: Double

  public init(_ p: Double = 0.5) {
    requireProbability(p, "Dropout2d")
    self.p = p
  }

  public func forward(_ x: Tensor) -> Tensor { x.dropout2d(p: p, training: isTraining) }
  public override var extraDescription: String { "p: \(p)" }
}

/// Stops the program if a probability is none.
func requireProbability(_ p: Double, _ name: StaticString) {
  require((0...1).contains(p), name, "the probability must lie in 0...1, got \(p)")
}
