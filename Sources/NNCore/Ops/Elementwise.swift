// Arithmetic and elementary functions: forward and vector-Jacobian product side by side.

extension Tensor {
  /// The same tensor in another element type; itself if it already has that type. As `torch.Tensor.to`.
  public func to(_ dtype: DType) -> Tensor {
    if dtype == self.dtype { return self }
    if isTracing,
      let result = traced("to", [self], ["dtype": .text("\(dtype)")], body: { $0[0].to(dtype) })
    {
      return result
    }
    let result = backend.cast(self, to: dtype)
    guard dtype.isFloatingPoint else { return result }
    // The engine casts the gradient back to the type of the input.
    return result.recorded("to", inputs: [self]) { g, _ in [g] }
  }

  /// The type an operation of both works in: a 0-dimensional tensor counts only if its category is higher.
  package static func resultType(_ a: Tensor, _ b: Tensor) -> DType {
    if a.dtype == b.dtype { return a.dtype }
    if (a.rank == 0) == (b.rank == 0) { return a.dtype.promoted(with: b.dtype) }
    let (dimensioned, scalar) = a.rank == 0 ? (b, a) : (a, b)
    return scalar.dtype.category > dimensioned.dtype.category
      ? scalar.dtype.promoted(with: dimensioned.dtype) : dimensioned.dtype
  }

  /// A number as an operand next to this tensor: it does not change the type within a category.
  func scalar(_ value: Double) -> Tensor {
    backend.fill([], value, dtype: dtype.promotedToFloat)
  }
  func scalar(_ value: Int) -> Tensor {
    backend.fill([], Double(value), dtype: dtype == .bool ? .int64 : dtype)
  }

  private static func arithmetic(
    _ op: BinaryOp, _ name: StaticString, _ a: Tensor, _ b: Tensor, saving: Bool,
    savingOutput: Bool = false,
    toFloat: Bool = false, vjp: @escaping @Sendable (Tensor, VJPContext) -> [Tensor?]
  ) -> Tensor {
    guard broadcasts(a.shape, b.shape, name) else {
      return zeros(
        (a.rank < b.rank ? b : a).shape, dtype: toFloat ? resultType(a, b).promotedToFloat : resultType(a, b))
    }
    if isTracing,
      let result = traced(
        name, [a, b], ["operation": .text(op.rawValue)],
        body: {
          arithmetic(
            op, name, $0[0], $0[1], saving: saving, savingOutput: savingOutput, toFloat: toFloat, vjp: vjp)
        })
    {
      return result
    }
    var dtype = resultType(a, b)
    if toFloat { dtype = dtype.promotedToFloat }
    let backend = a.backend
    let result = backend.binary(
      op, a.dtype == dtype ? a : backend.cast(a, to: dtype), b.dtype == dtype ? b : backend.cast(b, to: dtype)
    )
    return result.recorded(
      name, inputs: [a, b], saving: saving ? [a, b] : [], savingOutput: savingOutput, vjp: vjp)
  }

  private func elementary(
    _ op: UnaryOp, _ name: StaticString, savingOutput: Bool = false,
    vjp: @escaping @Sendable (_ gradient: Tensor, _ saved: Tensor) -> Tensor
  ) -> Tensor {
    if isTracing,
      let result = traced(
        name, [self], body: { $0[0].elementary(op, name, savingOutput: savingOutput, vjp: vjp) })
    {
      return result
    }
    let x = backend.cast(self, to: dtype.promotedToFloat)
    return backend.unary(op, x).recorded(
      name, inputs: [self], saving: savingOutput ? [] : [self], savingOutput: savingOutput
    ) { g, c in [vjp(g, c.saved(0))] }
  }

  // MARK: Arithmetic

  public static func + (a: Tensor, b: Tensor) -> Tensor {
    if isTracing, let result = traced("add", [a, b], body: { $0[0] + $0[1] }) { return result }
    return arithmetic(.add, "add", a, b, saving: false) { g, c in [g, g] }.boolean(a, b)
  }
  public static func - (a: Tensor, b: Tensor) -> Tensor {
    arithmetic(.sub, "sub", a, b, saving: false) { g, c in [g, c.needs(1) ? -g : nil] }
  }
  public static func * (a: Tensor, b: Tensor) -> Tensor {
    arithmetic(.mul, "mul", a, b, saving: true) { g, c in
      [c.needs(0) ? g * c.saved(1) : nil, c.needs(1) ? g * c.saved(0) : nil]
    }
  }
  /// True division: integers give a floating-point result.
  public static func / (a: Tensor, b: Tensor) -> Tensor {
    arithmetic(.div, "div", a, b, saving: true, toFloat: true) { g, c in
      let b = c.saved(1)
      return [c.needs(0) ? g / b : nil, c.needs(1) ? -g * c.saved(0) / (b * b) : nil]
    }
  }
  public static prefix func - (x: Tensor) -> Tensor {
    require(x.dtype != .bool, "neg", "bool has no negative; use logicalNot()")
    if isTracing, let result = traced("neg", [x], body: { -$0[0] }) { return result }
    return x.backend.unary(.neg, x).recorded("neg", inputs: [x]) { g, _ in [-g] }
  }

  /// bool + bool is bool, as in PyTorch: 2 is true.
  private func boolean(_ a: Tensor, _ b: Tensor) -> Tensor {
    dtype == .bool ? backend.compare(.ne, self, scalar(0).to(.bool)) : self
  }

  /// Rounding of a quotient.
  public enum RoundingMode: Sendable { case floor, trunc }

  /// The quotient rounded towards minus infinity or zero, in the operands' type. As `torch.div(rounding_mode=)`.
  /// Its gradient is zero.
  public func div(_ other: Tensor, rounding: RoundingMode) -> Tensor {
    Tensor.arithmetic(rounding == .floor ? .floorDiv : .truncDiv, "div", self, other, saving: false) {
      g, _ in
      let zero = g * 0
      return [zero, zero]
    }
  }
  /// The remainder with the sign of the dividend, as C's `fmod`.
  public func fmod(_ other: Tensor) -> Tensor {
    Tensor.arithmetic(.fmod, "fmod", self, other, saving: true) { g, c in
      [g, c.needs(1) ? -g * c.saved(0).div(c.saved(1), rounding: .trunc) : nil]
    }
  }
  /// The remainder with the sign of the divisor, as Python's `%`.
  public func remainder(_ other: Tensor) -> Tensor {
    Tensor.arithmetic(.remainder, "remainder", self, other, saving: true) { g, c in
      [g, c.needs(1) ? -g * c.saved(0).div(c.saved(1), rounding: .floor) : nil]
    }
  }
  /// The remainder of a division by a number, with the sign of the dividend.
  public func fmod(_ other: Double) -> Tensor { fmod(scalar(other)) }
  /// The remainder of a division by a number, with the sign of that number.
  public func remainder(_ other: Double) -> Tensor { remainder(scalar(other)) }
  /// Elementwise power.
  public func pow(_ exponent: Tensor) -> Tensor {
    Tensor.arithmetic(.pow, "pow", self, exponent, saving: true, savingOutput: true) { g, c in
      let (x, p) = (c.saved(0), c.saved(1))
      // Where the exponent is 0 the slope is 0, also at x = 0; where x is 0 the logarithm must not give NaN.
      let base = c.needs(0) ? g * `where`(p .== 0, g.scalar(0), p * x.pow(p - 1)) : nil
      let power = c.needs(1) ? g * `where`((x .== 0) .&& (p .>= 0), g.scalar(0), c.saved(2) * x.log()) : nil
      return [base, power]
    }
  }
  /// Power with a number as exponent.
  public func pow(_ exponent: Double) -> Tensor {
    if exponent == 2 { return square() }
    if isTracing,
      let result = traced("pow", [self], ["exponent": .number(exponent)], body: { $0[0].pow(exponent) })
    {
      return result
    }
    let x = exponent == exponent.rounded() ? self : to(dtype.promotedToFloat)
    let power = backend.binary(.pow, x, backend.fill([], exponent, dtype: x.dtype))
    return power.recorded("pow", inputs: [self], saving: [self]) { g, c in
      [exponent == 0 ? g * 0 : g * (c.saved(0).pow(exponent - 1) * exponent)]
    }
  }
  /// The greater of both; where they are equal the gradient is halved between them.
  public func maximum(_ other: Tensor) -> Tensor { Tensor.extreme(.maximum, "maximum", self, other) }
  /// The smaller of both; where they are equal the gradient is halved between them.
  public func minimum(_ other: Tensor) -> Tensor { Tensor.extreme(.minimum, "minimum", self, other) }

  private static func extreme(_ op: BinaryOp, _ name: StaticString, _ a: Tensor, _ b: Tensor) -> Tensor {
    arithmetic(op, name, a, b, saving: true) { g, c in
      let (a, b) = (c.saved(0), c.saved(1))
      let first = op == .maximum ? a .> b : a .< b
      let share = `where`(a .== b, g * 0.5, g * first.to(g.dtype))
      return [share, g - share]
    }
  }
  /// The angle of the point (other, self), in (-π, π].
  public func atan2(_ other: Tensor) -> Tensor {
    Tensor.arithmetic(.atan2, "atan2", self, other, saving: true, toFloat: true) { g, c in
      let (y, x) = (c.saved(0), c.saved(1))
      let scale = g / (x * x + y * y)
      return [scale * x, -scale * y]
    }
  }

  // MARK: Elementary functions

  public func abs() -> Tensor {
    if isTracing, let result = traced("abs", [self], body: { $0[0].abs() }) { return result }
    return backend.unary(.abs, self).recorded("abs", inputs: [self], saving: [self]) { g, c in
      [g * c.saved(0).sign()]
    }
  }
  /// -1, 0 or 1; gradient zero.
  public func sign() -> Tensor { roundedLike(.sign, "sign") }
  public func floor() -> Tensor { roundedLike(.floor, "floor") }
  public func ceil() -> Tensor { roundedLike(.ceil, "ceil") }
  /// To the nearest integer, halves to the even one.
  public func round() -> Tensor { roundedLike(.round, "round") }
  /// To so many decimal places, negative ones left of the point; halves to the even digit.
  public func round(decimals: Int) -> Tensor {
    if decimals == 0 || !dtype.isFloatingPoint { return round() }
    let scale = (0..<Swift.abs(decimals)).reduce(1.0) { power, _ in power * 10 }
    return decimals > 0 ? (self * scale).round() / scale : (self / scale).round() * scale
  }
  public func trunc() -> Tensor { roundedLike(.trunc, "trunc") }

  private func roundedLike(_ op: UnaryOp, _ name: StaticString) -> Tensor {
    if isTracing, let result = traced(name, [self], body: { $0[0].roundedLike(op, name) }) { return result }
    return backend.unary(op, self).recorded(name, inputs: [self]) { g, _ in [g * 0] }
  }
  public func square() -> Tensor {
    if isTracing, let result = traced("square", [self], body: { $0[0].square() }) { return result }
    return backend.unary(.square, self).recorded("square", inputs: [self], saving: [self]) { g, c in
      [g * c.saved(0) * 2]
    }
  }
  public func exp() -> Tensor { elementary(.exp, "exp", savingOutput: true) { g, y in g * y } }
  public func expm1() -> Tensor { elementary(.expm1, "expm1", savingOutput: true) { g, y in g * (y + 1) } }
  public func log() -> Tensor { elementary(.log, "log") { g, x in g / x } }
  public func log1p() -> Tensor { elementary(.log1p, "log1p") { g, x in g / (x + 1) } }
  public func log2() -> Tensor { elementary(.log2, "log2") { g, x in g / (x * 0.693_147_180_559_945_3) } }
  public func log10() -> Tensor {
    elementary(.log10, "log10") { g, x in g / (x * 2.302_585_092_994_045_7) }
  }
  public func sqrt() -> Tensor { elementary(.sqrt, "sqrt", savingOutput: true) { g, y in g / (y * 2) } }
  public func rsqrt() -> Tensor {
    elementary(.rsqrt, "rsqrt", savingOutput: true) { g, y in g * (y * y * y) * -0.5 }
  }
  public func reciprocal() -> Tensor {
    elementary(.reciprocal, "reciprocal", savingOutput: true) { g, y in -g * (y * y) }
  }
  public func sin() -> Tensor { elementary(.sin, "sin") { g, x in g * x.cos() } }
  public func cos() -> Tensor { elementary(.cos, "cos") { g, x in -g * x.sin() } }
  public func tan() -> Tensor { elementary(.tan, "tan", savingOutput: true) { g, y in g * (y * y + 1) } }
  public func asin() -> Tensor { elementary(.asin, "asin") { g, x in g * (1 - x * x).rsqrt() } }
  public func acos() -> Tensor { elementary(.acos, "acos") { g, x in -g * (1 - x * x).rsqrt() } }
  public func atan() -> Tensor { elementary(.atan, "atan") { g, x in g / (x * x + 1) } }
  public func sinh() -> Tensor { elementary(.sinh, "sinh") { g, x in g * x.cosh() } }
  public func cosh() -> Tensor { elementary(.cosh, "cosh") { g, x in g * x.sinh() } }
  public func tanh() -> Tensor { elementary(.tanh, "tanh", savingOutput: true) { g, y in g * (1 - y * y) } }
  /// 1 / (1 + exp(-x)).
  public func sigmoid() -> Tensor {
    elementary(.sigmoid, "sigmoid", savingOutput: true) { g, y in g * (y * (1 - y)) }
  }
  /// The error function.
  public func erf() -> Tensor {
    elementary(.erf, "erf") { g, x in g * ((-(x * x)).exp() * 1.128_379_167_095_512_6) }
  }
  /// The inverse of the error function, on (-1, 1).
  public func erfinv() -> Tensor {
    elementary(.erfinv, "erfinv", savingOutput: true) { g, y in g * ((y * y).exp() * 0.886_226_925_452_758)
    }
  }
  /// log(1 + exp(x)) without overflow.
  func softplusUnit() -> Tensor { elementary(.softplus, "softplus") { g, x in g * x.sigmoid() } }
}
