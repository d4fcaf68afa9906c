// Element by element, composed. See `Backend` for what each gives.

extension Backend {
  package var isHost: Bool { false }
  package var kernels: Int32 { 0 }
  package func usingKernels<Result>(_ kernels: Int32, _ body: () -> Result) -> Result { body() }
  package func imageStrides(_ shape: [Int]) -> [Int] { Tensor.contiguousStrides(shape) }
  package func fusedRectifier(_ x: Tensor, ceiling: Double, _ own: @escaping Fused.Rule) -> Fused? { nil }

  package func copy(_ x: Tensor, strides: [Int]?) -> Tensor {
    let result = Tensor(uninitialized: x.shape, dtype: x.dtype, strides: strides, on: self)
    assign(x, to: result)
    return result
  }

  package func binaryInPlace(_ op: BinaryOp, _ target: inout Tensor, _ b: Tensor) {
    assign(binary(op, target, b), to: target.detach())
  }

  package func activate(_ function: Activation, _ x: Tensor) -> Tensor {
    let x = Formula(x)
    return
      switch function
    {
    case .relu: x.apply(.relu).value
    case .elu(let negative, let positive, let rate):
      // The exponential is kept from overflowing where it is not used.
      x.compare(.gt, 0).choose(
        x * positive, (x.apply(.minimum, x.number(0)) * rate).apply(.expm1) * negative
      ).value
    case .silu: (x * x.apply(.sigmoid)).value
    case .mish: (x * x.apply(.softplus).apply(.tanh)).value
    case .softplus(let beta, let threshold):
      (x * beta).compare(.gt, threshold).choose(x, (x * beta).apply(.softplus) / beta).value
    case .softsign: (x / (x.apply(.abs) + 1)).value
    case .logSigmoid: (-(-x).apply(.softplus)).value
    case .hardswish: (x * (x + 3).clamped(0, 6) / 6).value
    case .hardsigmoid: ((x + 3).clamped(0, 6) / 6).value
    case .hardtanh(let minimum, let maximum): x.clamped(minimum, maximum).value
    case .tanhshrink: (x - x.apply(.tanh)).value
    case .softshrink(let lambda):
      x.compare(.gt, lambda).choose(
        x + -lambda, x.compare(.lt, -lambda).choose(x + lambda, x * 0)
      ).value
    case .hardshrink(let lambda): x.apply(.abs).compare(.le, lambda).choose(x.number(0), x).value
    case .gelu: (x * (x * 0.5.squareRoot()).normalShare).value
    case .geluTanh: (x * (x.geluTanh + 1) / 2).value
    case .leakyRelu(let slope): x.compare(.gt, 0).choose(x, x * slope).value
    case .threshold(let threshold, let value):
      x.compare(.le, threshold).choose(x.number(value), x).value
    }
  }

  package func activateBackward(_ function: Activation, _ g: Tensor, _ x: Tensor) -> Tensor {
    let (g, x) = (Formula(g), Formula(x))
    let zero = x.number(0)
    return
      switch function
    {
    case .relu: x.compare(.gt, 0).choose(g, zero).value
    case .elu(let negative, let positive, let rate):
      (g
        * x.compare(.gt, 0).choose(
          x.number(positive), (x.apply(.minimum, zero) * rate).apply(.exp) * (negative * rate))).value
    case .silu:
      (g * x.apply(.sigmoid) * (x * (1 - x.apply(.sigmoid)) + 1)).value
    case .mish:
      (g * { t in t + x * (1 - t * t) * x.apply(.sigmoid) }(x.apply(.softplus).apply(.tanh))).value
    case .softplus(let beta, let threshold):
      (x * beta).compare(.gt, threshold).choose(g, g * (x * beta).apply(.sigmoid)).value
    case .softsign: (g / (x.apply(.abs) + 1).apply(.square)).value
    case .logSigmoid: (g * (-x).apply(.sigmoid)).value
    case .hardswish:
      x.compare(.le, -3).choose(zero, x.compare(.lt, 3).choose(g * (x / 3 + 0.5), g)).value
    case .hardsigmoid: x.apply(.abs).compare(.lt, 3).choose(g / 6, zero).value
    case .hardtanh(let minimum, let maximum):
      x.compare(.le, minimum).choose(zero, x.compare(.ge, maximum).choose(zero, g)).value
    case .tanhshrink: (g * x.apply(.tanh).apply(.square)).value
    case .softshrink(let lambda), .hardshrink(let lambda):
      x.apply(.abs).compare(.le, lambda).choose(zero, g).value
    case .gelu:
      (g
        * ((x * 0.5.squareRoot()).normalShare + x * (x * x * -0.5).apply(.exp) * 0.398_942_280_401_432_7))
        .value
    case .geluTanh:
      (g
        * { t in
          (t + 1) / 2 + x * (1 - t * t) * (x * x * (3 * 0.044_715) + 1) * (0.797_884_560_802_865_4 / 2)
        }(x.geluTanh)).value
    case .leakyRelu(let slope): x.compare(.gt, 0).choose(g, g * slope).value
    case .threshold(let threshold, _): x.compare(.le, threshold).choose(zero, g).value
    }
  }
}

extension Formula {
  /// The normal distribution function of x · √2.
  fileprivate var normalShare: Formula { (apply(.erf) + 1) / 2 }
  fileprivate var geluTanh: Formula {
    ((self + self * self * self * 0.044_715) * 0.797_884_560_802_865_4).apply(.tanh)
  }
}
