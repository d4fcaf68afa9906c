import NNCore

/// In training sets elements to zero with probability p and divides the others by 1 - p; otherwise passes the input
/// on. As `torch.nn.Dropout` (Srivastava et al., 2014). Draws from the default generator.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout.html
public final class Dropout: Module, Layer {
  public let p: Double

  public init(_ p: Double = 0.5) {
    require((0...1).contains(p), "Dropout", "the probability must lie in 0...1, got \(p)")
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
    require((0...1).contains(p), "Dropout2d", "the probability must lie in 0...1, got \(p)")
    self.p = p
  }

  public func forward(_ x: Tensor) -> Tensor { x.dropout2d(p: p, training: isTraining) }
  public override var extraDescription: String { "p: \(p)" }
}
