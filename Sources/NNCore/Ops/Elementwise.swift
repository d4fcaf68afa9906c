// Arithmetic and elementary functions: forward and vector-Jacobian product side by side.

extension Tensor {
  /// The same tensor in another element type; itself if it already has that type. As `torch.Tensor.to`.
  public func to(_ dtype: DType) -> Tensor {
    dtype == self.dtype ? self : Tensor.apply(Cast(dtype: dtype), self)
  }

  /// The type an operation of both works in: a 0-dimensional tensor counts only if its category is higher.
  package static func resultType(_ a: Tensor, _ b: Tensor) -> DType {
    if a.dtype == b.dtype { return a.dtype }
    if (a.rank == 0) == (b.rank == 0) { return a.dtype.promoted(with: b.dtype) }
    let (dimensioned, scalar) = a.rank == 0 ? (b, a) : (a, b)
    return scalar.dtype.category > dimensioned.dtype.category
      ? scalar.dtype.promoted(with: dimensioned.dtype) : dimensioned.dtype
  }

  /// A number as an operand next to this tensor: it does not change the type within a category. Beside bfloat16 elements it is
  /// float32 where it would lose something, as in PyTorch.
  func scalar(_ value: Double) -> Tensor {
    let type: DType = dtype == .bfloat16 && !value.isBFloat16 ? .float32 : dtype.promotedToFloat
    return storage.backend.fill([], value, dtype: type)
  }
  func scalar(_ value: Int) -> Tensor {
    dtype == .bfloat16
      ? scalar(Double(value)) : backend.fill([], Double(value), dtype: dtype == .bool ? .int64 : dtype)
  }

  /// op(a, b) in a type, not recorded. A wider number beside bfloat16 elements is not rounded before.
  static func computed(_ op: BinaryOp, _ a: Tensor, _ b: Tensor, in dtype: DType) -> Tensor {
    if a.dtype == dtype, b.dtype == dtype { return a.backend.binary(op, a, b) }
    let isWide = [a, b].contains { $0.dtype.isFloatingPoint && $0.dtype != .bfloat16 }
    let (type, device) = (dtype == .bfloat16 && isWide ? .float32 : dtype, a.storage.backend)
    let (x, y) = (device.cast(a, to: type), device.cast(b, to: type))
    return device.cast(x.backend.binary(op, x, y), to: dtype)
  }

  private static func arithmetic(
    _ op: BinaryOp, _ name: StaticString, _ a: Tensor, _ b: Tensor, keeping keeps: Kept = [],
    toFloat: Bool = false, gradients: @escaping Gradients
  ) -> Tensor {
    let arithmetic = Arithmetic(op: op, name: name, keeps: keeps, toFloat: toFloat, gradients: gradients)
    guard broadcasts(a.shape, b.shape, name) else {
      let longer = a.rank < b.rank ? b : a
      return longer.backend.fill(longer.shape, 0, dtype: arithmetic.dtype(a, b))
    }
    return apply(arithmetic, a, b)
  }

  private func elementary(
    _ op: UnaryOp, _ name: StaticString, keeping keeps: Kept = .first, toFloat: Bool = true,
    slope: @escaping @Sendable (_ gradient: Tensor, _ kept: Tensor) -> Tensor
  ) -> Tensor {
    Tensor.apply(Elementary(op: op, name: name, keeps: keeps, toFloat: toFloat, slope: slope), self)
  }

  // MARK: Arithmetic

  public static func + (a: Tensor, b: Tensor) -> Tensor {
    arithmetic(.add, "add", a, b) { g, c in [g, g] }
  }
  public static func - (a: Tensor, b: Tensor) -> Tensor {
    arithmetic(.sub, "sub", a, b) { g, c in [g, c.needs(1) ? -g : nil] }
  }
  public static func * (a: Tensor, b: Tensor) -> Tensor {
    arithmetic(.mul, "mul", a, b, keeping: .operands) { g, c in
      [c.needs(0) ? g * c.saved(1) : nil, c.needs(1) ? g * c.saved(0) : nil]
    }
  }
  /// True division: integers give a floating-point result.
  public static func / (a: Tensor, b: Tensor) -> Tensor {
    arithmetic(.div, "div", a, b, keeping: .operands, toFloat: true) { g, c in
      let b = c.saved(1)
      return [c.needs(0) ? g / b : nil, c.needs(1) ? -g * c.saved(0) / (b * b) : nil]
    }
  }
  public static prefix func - (x: Tensor) -> Tensor {
    require(x.dtype != .bool, "neg", "bool has no negative; use logicalNot()")
    return x.elementary(.neg, "neg", keeping: [], toFloat: false) { g, _ in -g }
  }

  /// Rounding of a quotient.
  public enum RoundingMode: Sendable { case floor, trunc }

  /// The quotient rounded towards minus infinity or zero, in the operands' type. As `torch.div(rounding_mode=)`.
  /// Its gradient is zero.
  public func div(_ other: Tensor, rounding: RoundingMode) -> Tensor {
    Tensor.arithmetic(rounding == .floor ? .floorDiv : .truncDiv, "div", self, other) {
      g, _ in
      let zero = g * 0
      return [zero, zero]
    }
  }
  /// The remainder with the sign of the dividend, as C's `fmod`.
  public func fmod(_ other: Tensor) -> Tensor {
    Tensor.arithmetic(.fmod, "fmod", self, other, keeping: .operands) { g, c in
      [g, c.needs(1) ? -g * c.saved(0).div(c.saved(1), rounding: .trunc) : nil]
    }
  }
  /// The remainder with the sign of the divisor, as Python's `%`.
  public func remainder(_ other: Tensor) -> Tensor {
    Tensor.arithmetic(.remainder, "remainder", self, other, keeping: .operands) { g, c in
      [g, c.needs(1) ? -g * c.saved(0).div(c.saved(1), rounding: .floor) : nil]
    }
  }
  /// The remainder of a division by a number, with the sign of the dividend.
  public func fmod(_ other: Double) -> Tensor { fmod(scalar(other)) }
  /// The remainder of a division by a number, with the sign of that number.
  public func remainder(_ other: Double) -> Tensor { remainder(scalar(other)) }
  /// Elementwise power.
  public func pow(_ exponent: Tensor) -> Tensor {
    Tensor.arithmetic(.pow, "pow", self, exponent, keeping: [.operands, .result]) { g, c in
      let (x, p) = (c.saved(0), c.saved(1))
      // Where the exponent is 0 the slope is 0, also at x = 0; where x is 0 the logarithm must not give NaN.
      let base = c.needs(0) ? g * `where`(p .== 0, g.scalar(0), p * x.pow(p - 1)) : nil
      let power = c.needs(1) ? g * `where`((x .== 0) .&& (p .>= 0), g.scalar(0), c.saved(2) * x.log()) : nil
      return [base, power]
    }
  }
  /// Power with a number as exponent.
  public func pow(_ exponent: Double) -> Tensor {
    if exponent == 2 { return autocast(BinaryOp.pow.autocast).square() }
    return Tensor.apply(NumberPower(exponent: exponent), self)
  }
  /// The greater of both; where they are equal the gradient is halved between them.
  public func maximum(_ other: Tensor) -> Tensor { Tensor.extreme(.maximum, "maximum", self, other) }
  /// The smaller of both; where they are equal the gradient is halved between them.
  public func minimum(_ other: Tensor) -> Tensor { Tensor.extreme(.minimum, "minimum", self, other) }

  private static func extreme(_ op: BinaryOp, _ name: StaticString, _ a: Tensor, _ b: Tensor) -> Tensor {
    arithmetic(op, name, a, b, keeping: .operands) { g, c in
      let (a, b) = (c.saved(0), c.saved(1))
      let first = op == .maximum ? a .> b : a .< b
      let share = `where`(a .== b, g * 0.5, g * first.to(g.dtype))
      return [share, g - share]
    }
  }
  /// The angle of the point (other, self), in (-π, π].
  public func atan2(_ other: Tensor) -> Tensor {
    Tensor.arithmetic(.atan2, "atan2", self, other, keeping: .operands, toFloat: true) { g, c in
      let (y, x) = (c.saved(0), c.saved(1))
      let scale = g / (x * x + y * y)
      return [scale * x, -scale * y]
    }
  }

  // MARK: Elementary functions

  public func abs() -> Tensor { elementary(.abs, "abs", toFloat: false) { g, x in g * x.sign() } }
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
    elementary(op, name, keeping: [], toFloat: false) { g, _ in g * 0 }
  }
  public func square() -> Tensor { elementary(.square, "square", toFloat: false) { g, x in g * x * 2 } }
  public func exp() -> Tensor { elementary(.exp, "exp", keeping: .result) { g, y in g * y } }
  public func expm1() -> Tensor { elementary(.expm1, "expm1", keeping: .result) { g, y in g * (y + 1) } }
  public func log() -> Tensor { elementary(.log, "log") { g, x in g / x } }
  public func log1p() -> Tensor { elementary(.log1p, "log1p") { g, x in g / (x + 1) } }
  public func log2() -> Tensor { elementary(.log2, "log2") { g, x in g / (x * 0.693_147_180_559_945_3) } }
  public func log10() -> Tensor {
    elementary(.log10, "log10") { g, x in g / (x * 2.302_585_092_994_045_7) }
  }
  public func sqrt() -> Tensor { elementary(.sqrt, "sqrt", keeping: .result) { g, y in g / (y * 2) } }
  public func rsqrt() -> Tensor {
    elementary(.rsqrt, "rsqrt", keeping: .result) { g, y in g * (y * y * y) * -0.5 }
  }
  public func reciprocal() -> Tensor {
    elementary(.reciprocal, "reciprocal", keeping: .result) { g, y in -g * (y * y) }
  }
  public func sin() -> Tensor { elementary(.sin, "sin") { g, x in g * x.cos() } }
  public func cos() -> Tensor { elementary(.cos, "cos") { g, x in -g * x.sin() } }
  public func tan() -> Tensor { elementary(.tan, "tan", keeping: .result) { g, y in g * (y * y + 1) } }
  public func asin() -> Tensor { elementary(.asin, "asin") { g, x in g * (1 - x * x).rsqrt() } }
  public func acos() -> Tensor { elementary(.acos, "acos") { g, x in -g * (1 - x * x).rsqrt() } }
  public func atan() -> Tensor { elementary(.atan, "atan") { g, x in g / (x * x + 1) } }
  public func sinh() -> Tensor { elementary(.sinh, "sinh") { g, x in g * x.cosh() } }
  public func cosh() -> Tensor { elementary(.cosh, "cosh") { g, x in g * x.sinh() } }
  public func tanh() -> Tensor { elementary(.tanh, "tanh", keeping: .result) { g, y in g * (1 - y * y) } }
  /// 1 / (1 + exp(-x)).
  public func sigmoid() -> Tensor {
    elementary(.sigmoid, "sigmoid", keeping: .result) { g, y in g * (y * (1 - y)) }
  }
  /// The error function.
  public func erf() -> Tensor {
    elementary(.erf, "erf") { g, x in g * ((-(x * x)).exp() * 1.128_379_167_095_512_6) }
  }
  /// The inverse of the error function, on (-1, 1).
  public func erfinv() -> Tensor {
    elementary(.erfinv, "erfinv", keeping: .result) { g, y in g * ((y * y).exp() * 0.886_226_925_452_758)
    }
  }
  /// log(1 + exp(x)) without overflow.
  func softplusUnit() -> Tensor { elementary(.softplus, "softplus") { g, x in g * x.sigmoid() } }
}

// MARK: - Primitives

private struct Cast: UnaryPrimitive {
  let dtype: DType

  var name: StaticString { "to" }
  var attributes: [String: TraceAttribute] { ["dtype": .text("\(dtype)")] }
  // The engine casts the gradient back to the type of the input.
  var gradients: Gradients { { g, _ in [g] } }

  func evaluate(_ x: Tensor) -> Tensor { x.backend.cast(x, to: dtype) }
}

/// A function of two tensors that broadcast.
private struct Arithmetic: BinaryPrimitive {
  let op: BinaryOp
  let name: StaticString
  let keeps: Kept
  let toFloat: Bool
  let gradients: Gradients

  var attributes: [String: TraceAttribute] { ["operation": .text(op.rawValue)] }
  var autocast: AutocastRule { op.autocast }

  func dtype(_ a: Tensor, _ b: Tensor) -> DType {
    let type = Tensor.resultType(a, b)
    return toFloat ? type.promotedToFloat : type
  }

  func evaluate(_ a: Tensor, _ b: Tensor) -> Tensor {
    let dtype = dtype(a, b)
    let result = Tensor.computed(op, a, b, in: dtype)
    if dtype != .bool { return result }
    // bool + bool is bool, as in PyTorch: 2 is true.
    return result.backend.compare(.ne, result, result.backend.fill([], 0, dtype: .bool))
  }
}

/// A function of one tensor, whose gradient needs the operand, the result, or neither.
private struct Elementary: UnaryPrimitive {
  let op: UnaryOp
  let name: StaticString
  let keeps: Kept
  let toFloat: Bool
  let slope: @Sendable (Tensor, Tensor) -> Tensor

  var gradients: Gradients {
    { [slope, keeps] g, context in [slope(g, keeps.isEmpty ? g : context.saved(0))] }
  }
  var autocast: AutocastRule { op.autocast }

  func evaluate(_ x: Tensor) -> Tensor {
    x.backend.unary(op, toFloat ? x.backend.cast(x, to: x.dtype.promotedToFloat) : x)
  }
}

/// A power with a number as exponent.
private struct NumberPower: UnaryPrimitive {
  let exponent: Double

  var name: StaticString { "pow" }
  var autocast: AutocastRule { BinaryOp.pow.autocast }
  var attributes: [String: TraceAttribute] { ["exponent": .number(exponent)] }
  var keeps: Kept { .first }
  var gradients: Gradients {
    { [exponent] g, context in
      [exponent == 0 ? g * 0 : g * (context.saved(0).pow(exponent - 1) * exponent)]
    }
  }

  func evaluate(_ given: Tensor) -> Tensor {
    let backend = given.backend
    let x = exponent == exponent.rounded() ? given : backend.cast(given, to: given.dtype.promotedToFloat)
    return backend.binary(.pow, x, backend.fill([], exponent, dtype: x.dtype))
  }
}

extension Double {
  /// Whether bfloat16 holds the number as it is.
  fileprivate var isBFloat16: Bool { Double(Float(BFloat16(Float(self)))) == self || isNaN }
}
