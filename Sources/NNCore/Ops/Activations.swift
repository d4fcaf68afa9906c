// Activation functions: formulas of value and slope, for which a device may have kernels, and the second derivative in
// differentiable operations. What happens exactly at a kink follows PyTorch.

extension Tensor {
  /// - Parameters:
  ///   - name: what traces call it; the function's name if nil.
  ///   - curvature: the second derivative of the function at x; nil where it is zero.
  private func activated(
    _ function: Activation, as name: StaticString? = nil, curvature: (@Sendable (Tensor) -> Tensor)? = nil
  ) -> Tensor {
    let name = name ?? function.name
    require(dtype.isFloatingPoint, name, "needs a floating-point tensor, this is \(dtype)")
    return Tensor.apply(Activated(function: function, name: name, curvature: curvature), self)
  }

  /// max(x, 0); the slope at 0 is 0.
  public func relu() -> Tensor {
    dtype.isFloatingPoint ? Tensor.apply(Rectified(), self) : backend.unary(.relu, self)
  }

  /// min(max(x, 0), 6); the slope is 0 at both ends.
  public func relu6() -> Tensor {
    require(dtype.isFloatingPoint, "relu6", "needs a floating-point tensor, this is \(dtype)")
    let function = Tensor.clipping(minimum: 0, maximum: 6)
    return Tensor.apply(Activated(function: function, name: "relu6", curvature: nil, ceiling: 6), self)
  }

  /// x, below 0 alpha * (exp(x) - 1).
  public func elu(alpha: Double = 1) -> Tensor { exponentialUnit("elu", alpha, 1, 1) }

  /// `elu` with the scale and alpha that keep mean 0 and variance 1 (Klambauer et al. 2017).
  public func selu() -> Tensor {
    let (alpha, scale) = (
      1.673_263_242_354_377_284_817_042_991_671_7, 1.050_700_987_355_480_493_419_334_985_294_6
    )
    return exponentialUnit("selu", alpha * scale, scale, 1)
  }

  /// x, below 0 alpha * (exp(x / alpha) - 1).
  public func celu(alpha: Double = 1) -> Tensor {
    require(alpha != 0, "celu", "alpha must not be 0")
    return exponentialUnit("celu", alpha, 1, 1 / alpha)
  }

  /// positive · x, below 0 negative · (exp(rate · x) - 1).
  private func exponentialUnit(
    _ name: StaticString, _ negative: Double, _ positive: Double, _ rate: Double
  ) -> Tensor {
    // The exponential is kept from overflowing where it is not used.
    let function = Activation(
      "elu", [("negative", negative), ("positive", positive), ("rate", rate)]
    ) { x in
      x.compare(.gt, 0).choose(x * positive, (x.apply(.minimum, x.number(0)) * rate).apply(.expm1) * negative)
    } slope: { g, x in
      let below = (x.apply(.minimum, x.number(0)) * rate).exp * (negative * rate)
      return g * x.compare(.gt, 0).choose(x.number(positive), below)
    }
    return activated(function, as: name) { x in
      `where`(x .> 0, x.scalar(0), (x.clamp(max: 0) * rate).exp() * (negative * rate * rate))
    }
  }

  /// x · sigmoid(x), also called swish.
  public func silu() -> Tensor {
    let function = Activation("silu") { x in
      x * x.sigmoid
    } slope: { g, x in
      g * x.sigmoid * (x * (1 - x.sigmoid) + 1)
    }
    return activated(function) { x in
      let s = x.sigmoid()
      return s * (1 - s) * (2 + x * (1 - 2 * s))
    }
  }

  /// x · tanh(softplus(x)).
  public func mish() -> Tensor {
    let function = Activation("mish") { x in
      x * x.softplus.tanh
    } slope: { g, x in
      let t = x.softplus.tanh
      return g * (t + x * (1 - t * t) * x.sigmoid)
    }
    return activated(function) { x in
      let s = x.sigmoid()
      let t = x.softplusUnit().tanh()
      let slope = (1 - t * t) * s
      return 2 * slope + x * ((1 - t * t) * s * (1 - s) - 2 * t * slope * s)
    }
  }

  /// log(1 + exp(beta · x)) / beta; x itself where beta · x is above the threshold.
  public func softplus(beta: Double = 1, threshold: Double = 20) -> Tensor {
    let function = Activation("softplus", [("beta", beta), ("threshold", threshold)]) { x in
      (x * beta).compare(.gt, threshold).choose(x, (x * beta).softplus / beta)
    } slope: { g, x in
      (x * beta).compare(.gt, threshold).choose(g, g * (x * beta).sigmoid)
    }
    return autocast(UnaryOp.softplus.autocast).activated(function) { x in
      let s = (x * beta).sigmoid()
      return `where`(x * beta .> threshold, x.scalar(0), beta * s * (1 - s))
    }
  }

  /// x / (1 + |x|).
  public func softsign() -> Tensor {
    let function = Activation("softsign") { x in
      x / (x.abs + 1)
    } slope: { g, x in
      g / (x.abs + 1).square
    }
    return activated(function) { x in -2 * x.sign() / (1 + x.abs()).pow(3) }
  }

  /// log(sigmoid(x)), without underflow.
  public func logSigmoid() -> Tensor {
    let function = Activation("logSigmoid") { x in
      -(-x).softplus
    } slope: { g, x in
      g * (-x).sigmoid
    }
    return activated(function) { x in
      let s = x.sigmoid()
      return -(s * (1 - s))
    }
  }

  /// x · min(max(x + 3, 0), 6) / 6 (Howard et al. 2019).
  public func hardswish() -> Tensor {
    let function = Activation("hardswish") { x in
      x * (x + 3).clamped(0, 6) / 6
    } slope: { g, x in
      x.compare(.le, -3).choose(x.number(0), x.compare(.lt, 3).choose(g * (x / 3 + 0.5), g))
    }
    return activated(function) { x in ((x .> -3) .&& (x .< 3)).to(x.dtype) / 3 }
  }

  /// min(max(x + 3, 0), 6) / 6.
  public func hardsigmoid() -> Tensor {
    activated(
      Activation("hardsigmoid") { x in
        (x + 3).clamped(0, 6) / 6
      } slope: { g, x in
        x.abs.compare(.lt, 3).choose(g / 6, x.number(0))
      })
  }

  /// min(max(x, minimum), maximum); unlike `clamp` the slope is 0 at both ends.
  public func hardtanh(minimum: Double = -1, maximum: Double = 1) -> Tensor {
    require(minimum <= maximum, "hardtanh", "minimum \(minimum) is above maximum \(maximum)")
    return activated(Tensor.clipping(minimum: minimum, maximum: maximum))
  }

  private static func clipping(minimum: Double, maximum: Double) -> Activation {
    Activation("hardtanh", [("minimum", minimum), ("maximum", maximum)]) { x in
      x.clamped(minimum, maximum)
    } slope: { g, x in
      let zero = x.number(0)
      return x.compare(.le, minimum).choose(zero, x.compare(.ge, maximum).choose(zero, g))
    }
  }

  /// x - tanh(x).
  public func tanhshrink() -> Tensor {
    let function = Activation("tanhshrink") { x in
      x - x.tanh
    } slope: { g, x in
      g * x.tanh.square
    }
    return activated(function) { x in
      let t = x.tanh()
      return 2 * t * (1 - t * t)
    }
  }

  /// x moved towards 0 by `lambda`, 0 where |x| <= lambda.
  public func softshrink(lambda: Double = 0.5) -> Tensor {
    require(lambda >= 0, "softshrink", "lambda must not be negative, got \(lambda)")
    return activated(
      Activation("softshrink", [("lambda", lambda)]) { x in
        x.compare(.gt, lambda).choose(x + -lambda, x.compare(.lt, -lambda).choose(x + lambda, x * 0))
      } slope: { g, x in
        x.abs.compare(.le, lambda).choose(x.number(0), g)
      })
  }

  /// x, but 0 where |x| <= lambda.
  public func hardshrink(lambda: Double = 0.5) -> Tensor {
    activated(
      Activation("hardshrink", [("lambda", lambda)]) { x in
        x.abs.compare(.le, lambda).choose(x.number(0), x)
      } slope: { g, x in
        x.abs.compare(.le, lambda).choose(x.number(0), g)
      })
  }

  /// How `gelu` computes the normal distribution function.
  public enum GELUApproximation: String, Sendable { case none, tanh }

  /// x · Φ(x), Φ being the distribution function of the standard normal distribution (Hendrycks, Gimpel 2016).
  public func gelu(approximate: GELUApproximation = .none) -> Tensor {
    switch approximate {
    case .none:
      let function = Activation("gelu") { x in
        x * x.normalShare
      } slope: { g, x in
        g * (x.normalShare + x * (x * x * -0.5).exp * 0.398_942_280_401_432_7)
      }
      return activated(function) { x in
        (x * x * -0.5).exp() * (2 - x * x) * 0.398_942_280_401_432_677_94
      }
    case .tanh:
      let (k, c) = (0.797_884_560_802_865_355_88, 0.044_715)
      @Sendable func inner(_ x: Formula) -> Formula { ((x + x * x * x * c) * k).tanh }
      let function = Activation("geluTanh") { x in
        x * (inner(x) + 1) / 2
      } slope: { g, x in
        let t = inner(x)
        return g * ((t + 1) / 2 + x * (1 - t * t) * (x * x * (3 * c) + 1) * (k / 2))
      }
      return activated(function) { x in
        let t = (k * (x + c * x.pow(3))).tanh()
        let slope = k * (1 + 3 * c * x * x)
        return (1 - t * t) * (slope + x * (3 * k * c * x - t * slope * slope))
      }
    }
  }

  /// x, below 0 negativeSlope · x; the slope at 0 is `negativeSlope`.
  public func leakyRelu(negativeSlope: Double = 0.01) -> Tensor {
    activated(
      Activation("leakyRelu", [("negativeSlope", negativeSlope)]) { x in
        x.compare(.gt, 0).choose(x, x * negativeSlope)
      } slope: { g, x in
        x.compare(.gt, 0).choose(g, g * negativeSlope)
      })
  }

  /// x where it is above the threshold, otherwise `value`.
  public func threshold(_ threshold: Double, value: Double) -> Tensor {
    activated(
      Activation("threshold", [("threshold", threshold), ("value", value)]) { x in
        x.compare(.le, threshold).choose(x.number(value), x)
      } slope: { g, x in
        x.compare(.le, threshold).choose(x.number(0), g)
      })
  }

  /// x, below 0 weight · x, with a learned weight: one, or one per channel (dimension 1).
  public func prelu(_ weight: Tensor) -> Tensor {
    let channels = rank > 1 ? shape[1] : 1
    require(
      weight.count == 1 || weight.count == channels, "prelu",
      "weight of shape \(weight.shape) for \(channels) channels in shape \(shape)")
    let sizes = shape.indices.map { $0 == 1 ? weight.count : 1 }
    let (x, factor) = (autocast(.lower), weight.autocast(.lower, isParameter: true))
    return `where`(x .> 0, x, x * (rank > 0 ? factor.reshape(sizes) : factor.reshape([])))
  }

  /// The first half of an axis times the sigmoid of the second (Dauphin et al. 2017).
  public func glu(_ axis: Int = -1) -> Tensor {
    let a = self.axis(axis, "glu")
    require(rank > 0 && shape[a] % 2 == 0, "glu", "axis \(axis) of shape \(shape) cannot be halved")
    let half = shape[a] / 2
    return narrow(a, start: 0, length: half) * narrow(a, start: half, length: half).sigmoid()
  }
}

// MARK: - Primitives

/// One kernel for the value, one for the slope.
private struct Activated: UnaryPrimitive {
  let function: Activation
  let name: StaticString
  let curvature: (@Sendable (Tensor) -> Tensor)?
  /// Where the function is a rectifier with a ceiling, which a lazy convolution can take over.
  var ceiling: Double?

  var attributes: [String: TraceAttribute] {
    Dictionary(uniqueKeysWithValues: function.parameters.map { ($0.name, .number($0.value)) })
  }
  var keeps: Kept { .first }
  var gradients: Gradients { { [slope] g, context in [Tensor.apply(slope, g, context.saved(0))] } }

  private var slope: ActivationSlope {
    ActivationSlope(function: function, name: name, curvature: curvature)
  }

  func evaluate(_ x: Tensor) -> Tensor { x.backend.activate(function, x) }

  func fused(_ x: Tensor) -> Fused? {
    guard let ceiling else { return nil }
    return x.backend.fusedRectifier(x, ceiling: ceiling) { [slope] in Tensor.apply(slope, $0, $1) }
  }
}

/// The rectifier. Its gradient reads the result, which the next layer keeps anyway, and not x.
private struct Rectified: UnaryPrimitive {
  var name: StaticString { "relu" }
  var keeps: Kept { .result }
  var gradients: Gradients { { g, context in [Tensor.apply(Self.slope, g, context.saved(0))] } }

  private static let slope = ActivationSlope(function: .relu, name: "relu", curvature: nil)

  func evaluate(_ x: Tensor) -> Tensor { x.backend.activate(.relu, x) }

  func fused(_ x: Tensor) -> Fused? {
    x.backend.fusedRectifier(x, ceiling: .infinity) { Tensor.apply(Self.slope, $0, $1) }
  }
}

/// g · f'(x), differentiable in both.
private struct ActivationSlope: BinaryPrimitive {
  let function: Activation
  let name: StaticString
  let curvature: (@Sendable (Tensor) -> Tensor)?

  var attributes: [String: TraceAttribute] { ["slopeOf": .text("\(function.name)")] }
  var keeps: Kept { .operands }
  var gradients: Gradients {
    { gg, context in
      let (g, x) = (context.saved(0), context.saved(1))
      return [
        context.needs(0) ? Tensor.apply(self, gg, x) : nil,
        context.needs(1) ? curvature.map { gg * g * $0(x) } : nil,
      ]
    }
  }

  func evaluate(_ g: Tensor, _ x: Tensor) -> Tensor { x.backend.activateBackward(function, g, x) }
}
