import NNCore

// Activation functions as layers; each says what it computes, and PyTorch's layer of the same name is its source
// (https://docs.pytorch.org/docs/stable/nn.html#non-linear-activations-weighted-sum-nonlinearity).

/// max(x, 0).
public final class ReLU: Module, Layer {
  public func forward(_ x: Tensor) -> Tensor { x.relu() }
}

/// min(max(x, 0), 6).
public final class ReLU6: Module, Layer {
  public func forward(_ x: Tensor) -> Tensor { x.relu6() }
}

/// x, below 0 negativeSlope · x.
public final class LeakyReLU: Module, Layer {
  public let negativeSlope: Double

  public init(negativeSlope: Double = 0.01) { self.negativeSlope = negativeSlope }

  public func forward(_ x: Tensor) -> Tensor { x.leakyRelu(negativeSlope: negativeSlope) }
  public override var extraDescription: String { "negativeSlope: \(negativeSlope)" }
}

/// x, below 0 weight · x, with a learned weight: one, or one per channel (He et al., 2015).
public final class PReLU: Module, Layer {
  /// [count].
  public let weight: Parameter

  /// - Parameters:
  ///   - count: 1, or the number of channels.
  ///   - start: starting value of the weights.
  public init(_ count: Int = 1, start: Double = 0.25) {
    require(count > 0, "PReLU", "needs at least one weight, got \(count)")
    weight = Parameter(Tensor.full([count], start))
  }

  public func forward(_ x: Tensor) -> Tensor { x.prelu(weight.value) }
  public override var extraDescription: String { "\(weight.count)" }
}

/// x, below 0 alpha · (exp(x) - 1) (Clevert et al., 2016).
public final class ELU: Module, Layer {
  public let alpha: Double

  public init(alpha: Double = 1) { self.alpha = alpha }

  public func forward(_ x: Tensor) -> Tensor { x.elu(alpha: alpha) }
  public override var extraDescription: String { "alpha: \(alpha)" }
}

/// ELU with the constants that keep mean 0 and variance 1 (Klambauer et al., 2017).
public final class SELU: Module, Layer {
  public func forward(_ x: Tensor) -> Tensor { x.selu() }
}

/// x, below 0 alpha · (exp(x / alpha) - 1) (Barron, 2017).
public final class CELU: Module, Layer {
  public let alpha: Double

  public init(alpha: Double = 1) { self.alpha = alpha }

  public func forward(_ x: Tensor) -> Tensor { x.celu(alpha: alpha) }
  public override var extraDescription: String { "alpha: \(alpha)" }
}

/// x · Φ(x), Φ being the distribution function of the standard normal distribution (Hendrycks and Gimpel, 2016).
public final class GELU: Module, Layer {
  public let approximate: Tensor.GELUApproximation

  public init(approximate: Tensor.GELUApproximation = .none) { self.approximate = approximate }

  public func forward(_ x: Tensor) -> Tensor { x.gelu(approximate: approximate) }
  public override var extraDescription: String { approximate == .none ? "" : "approximate: \(approximate)" }
}

/// x · sigmoid(x), also called swish.
public final class SiLU: Module, Layer {
  public func forward(_ x: Tensor) -> Tensor { x.silu() }
}

/// x · tanh(softplus(x)) (Misra, 2019).
public final class Mish: Module, Layer {
  public func forward(_ x: Tensor) -> Tensor { x.mish() }
}

/// 1 / (1 + exp(-x)).
public final class Sigmoid: Module, Layer {
  public func forward(_ x: Tensor) -> Tensor { x.sigmoid() }
}

/// log(sigmoid(x)).
public final class LogSigmoid: Module, Layer {
  public func forward(_ x: Tensor) -> Tensor { x.logSigmoid() }
}

/// The hyperbolic tangent.
public final class Tanh: Module, Layer {
  public func forward(_ x: Tensor) -> Tensor { x.tanh() }
}

/// x - tanh(x).
public final class Tanhshrink: Module, Layer {
  public func forward(_ x: Tensor) -> Tensor { x.tanhshrink() }
}

/// log(1 + exp(beta · x)) / beta, x itself where beta · x is above the threshold.
public final class Softplus: Module, Layer {
  public let beta: Double
  public let threshold: Double

  public init(beta: Double = 1, threshold: Double = 20) {
    self.beta = beta
    self.threshold = threshold
  }

  public func forward(_ x: Tensor) -> Tensor { x.softplus(beta: beta, threshold: threshold) }
  public override var extraDescription: String { "beta: \(beta), threshold: \(threshold)" }
}

/// x / (1 + |x|).
public final class Softsign: Module, Layer {
  public func forward(_ x: Tensor) -> Tensor { x.softsign() }
}

/// x moved towards 0 by `lambda`, 0 where |x| <= lambda.
public final class Softshrink: Module, Layer {
  public let lambda: Double

  public init(lambda: Double = 0.5) { self.lambda = lambda }

  public func forward(_ x: Tensor) -> Tensor { x.softshrink(lambda: lambda) }
  public override var extraDescription: String { "lambda: \(lambda)" }
}

/// x, but 0 where |x| <= lambda.
public final class Hardshrink: Module, Layer {
  public let lambda: Double

  public init(lambda: Double = 0.5) { self.lambda = lambda }

  public func forward(_ x: Tensor) -> Tensor { x.hardshrink(lambda: lambda) }
  public override var extraDescription: String { "lambda: \(lambda)" }
}

/// x · min(max(x + 3, 0), 6) / 6 (Howard et al., 2019).
public final class Hardswish: Module, Layer {
  public func forward(_ x: Tensor) -> Tensor { x.hardswish() }
}

/// min(max(x + 3, 0), 6) / 6.
public final class Hardsigmoid: Module, Layer {
  public func forward(_ x: Tensor) -> Tensor { x.hardsigmoid() }
}

/// min(max(x, minimum), maximum).
public final class Hardtanh: Module, Layer {
  public let minimum: Double
  public let maximum: Double

  public init(minimum: Double = -1, maximum: Double = 1) {
    self.minimum = minimum
    self.maximum = maximum
  }

  public func forward(_ x: Tensor) -> Tensor { x.hardtanh(minimum: minimum, maximum: maximum) }
  public override var extraDescription: String { "minimum: \(minimum), maximum: \(maximum)" }
}

/// x where it is above the threshold, otherwise `value`.
public final class Threshold: Module, Layer {
  public let threshold: Double
  public let value: Double

  public init(_ threshold: Double, value: Double) {
    self.threshold = threshold
    self.value = value
  }

  public func forward(_ x: Tensor) -> Tensor { x.threshold(threshold, value: value) }
  public override var extraDescription: String { "\(threshold), value: \(value)" }
}

/// The first half of an axis times the sigmoid of the second (Dauphin et al., 2017).
public final class GLU: Module, Layer {
  public let axis: Int

  public init(_ axis: Int = -1) { self.axis = axis }

  public func forward(_ x: Tensor) -> Tensor { x.glu(axis) }
  public override var extraDescription: String { "\(axis)" }
}

/// exp(x), scaled so that the sum along the axis is 1.
public final class Softmax: Module, Layer {
  public let axis: Int

  public init(_ axis: Int) { self.axis = axis }

  public func forward(_ x: Tensor) -> Tensor { x.softmax(axis) }
  public override var extraDescription: String { "\(axis)" }
}

/// The logarithm of ``Softmax``, computed without overflow.
public final class LogSoftmax: Module, Layer {
  public let axis: Int

  public init(_ axis: Int) { self.axis = axis }

  public func forward(_ x: Tensor) -> Tensor { x.logSoftmax(axis) }
  public override var extraDescription: String { "\(axis)" }
}
