// Comparisons and logic: element by element, with a bool tensor as the result and no gradient.

infix operator .== : ComparisonPrecedence
infix operator .!= : ComparisonPrecedence
infix operator .< : ComparisonPrecedence
infix operator .<= : ComparisonPrecedence
infix operator .> : ComparisonPrecedence
infix operator .>= : ComparisonPrecedence
infix operator .&& : LogicalConjunctionPrecedence
infix operator .|| : LogicalDisjunctionPrecedence

extension Tensor {
  private static func compared(_ op: CompareOp, _ name: StaticString, _ a: Tensor, _ b: Tensor) -> Tensor {
    guard broadcasts(a.shape, b.shape, name) else {
      return zeros((a.rank < b.rank ? b : a).shape, dtype: .bool)
    }
    if isTracing, let result = traced(name, [a, b], body: { compared(op, name, $0[0], $0[1]) }) {
      return result
    }
    let dtype = resultType(a, b)
    return a.backend.compare(op, a.backend.cast(a, to: dtype), b.backend.cast(b, to: dtype))
  }

  public static func .== (a: Tensor, b: Tensor) -> Tensor { compared(.eq, "eq", a, b) }
  public static func .!= (a: Tensor, b: Tensor) -> Tensor { compared(.ne, "ne", a, b) }
  public static func .< (a: Tensor, b: Tensor) -> Tensor { compared(.lt, "lt", a, b) }
  public static func .<= (a: Tensor, b: Tensor) -> Tensor { compared(.le, "le", a, b) }
  public static func .> (a: Tensor, b: Tensor) -> Tensor { compared(.gt, "gt", a, b) }
  public static func .>= (a: Tensor, b: Tensor) -> Tensor { compared(.ge, "ge", a, b) }

  public static func .== (a: Tensor, b: Double) -> Tensor { a .== a.scalar(b) }
  public static func .!= (a: Tensor, b: Double) -> Tensor { a .!= a.scalar(b) }
  public static func .< (a: Tensor, b: Double) -> Tensor { a .< a.scalar(b) }
  public static func .<= (a: Tensor, b: Double) -> Tensor { a .<= a.scalar(b) }
  public static func .> (a: Tensor, b: Double) -> Tensor { a .> a.scalar(b) }
  public static func .>= (a: Tensor, b: Double) -> Tensor { a .>= a.scalar(b) }

  public static func .== (a: Tensor, b: Int) -> Tensor { a .== a.scalar(b) }
  public static func .!= (a: Tensor, b: Int) -> Tensor { a .!= a.scalar(b) }
  public static func .< (a: Tensor, b: Int) -> Tensor { a .< a.scalar(b) }
  public static func .<= (a: Tensor, b: Int) -> Tensor { a .<= a.scalar(b) }
  public static func .> (a: Tensor, b: Int) -> Tensor { a .> a.scalar(b) }
  public static func .>= (a: Tensor, b: Int) -> Tensor { a .>= a.scalar(b) }

  /// Whether both are true (not zero).
  public static func .&& (a: Tensor, b: Tensor) -> Tensor {
    _ = broadcastShape(a.shape, b.shape, "logicalAnd")
    if isTracing, let result = traced("logicalAnd", [a, b], body: { $0[0] .&& $0[1] }) { return result }
    return a.backend.binary(.mul, a.to(.bool), b.to(.bool))
  }
  /// Whether at least one is true (not zero).
  public static func .|| (a: Tensor, b: Tensor) -> Tensor {
    _ = broadcastShape(a.shape, b.shape, "logicalOr")
    if isTracing, let result = traced("logicalOr", [a, b], body: { $0[0] .|| $0[1] }) { return result }
    return a.backend.binary(.maximum, a.to(.bool), b.to(.bool))
  }
  /// Whether exactly one is true (not zero).
  public func logicalXor(_ other: Tensor) -> Tensor { to(.bool) .!= other.to(.bool) }
  /// Whether the element is false (zero).
  public func logicalNot() -> Tensor { self .== 0 }
  public static prefix func ! (x: Tensor) -> Tensor { x.logicalNot() }

  public func isNaN() -> Tensor { self .!= self }
  public func isInfinite() -> Tensor {
    dtype.isFloatingPoint ? abs() .== .infinity : Tensor.zeros(shape, dtype: .bool)
  }
  public func isFinite() -> Tensor { (isNaN() .|| isInfinite()).logicalNot() }

  /// Whether both tensors have the same shape and equal elements (NaN equals nothing), as `torch.equal`.
  public func isEqual(to other: Tensor) -> Bool {
    shape == other.shape && (self .== other).all().item() != 0
  }

  /// Whether |self - other| <= absoluteTolerance + relativeTolerance * |other| everywhere, as `torch.allclose`.
  public func isClose(
    to other: Tensor, relativeTolerance: Double = 1e-5, absoluteTolerance: Double = 1e-8
  ) -> Bool {
    let (a, b) = (detach().to(.float64), other.detach().to(.float64))
    return ((a .== b) .|| ((a - b).abs() .<= b.abs() * relativeTolerance + absoluteTolerance)).all().item()
      != 0
  }
}

/// Elements of `a` where the condition holds, of `b` elsewhere; all three broadcast. As `torch.where`.
public func `where`(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
  if isTracing,
    let result = traced("where", [condition, a, b], body: { `where`($0[0], $0[1], $0[2]) })
  {
    return result
  }
  let dtype = Tensor.resultType(a, b)
  let flags = condition.to(.bool)
  let backend = a.backend
  return backend.select(flags, backend.cast(a, to: dtype), backend.cast(b, to: dtype))
    .recorded("where", inputs: [a, b], saving: [flags]) { g, c in
      let zero = g.scalar(0)
      return [
        c.needs(0) ? `where`(c.saved(0), g, zero) : nil, c.needs(1) ? `where`(c.saved(0), zero, g) : nil,
      ]
    }
}

extension Tensor {
  /// `value` where the mask holds, this tensor elsewhere. As `torch.masked_fill`.
  public func maskedFill(_ mask: Tensor, with value: Double) -> Tensor {
    `where`(mask, backend.fill([], value, dtype: dtype), self)
  }

  /// Limits the elements to [min, max]; the gradient is 1 at a bound that is hit exactly. With min > max the
  /// result is max. As `torch.clamp`.
  public func clamp(min: Double? = nil, max: Double? = nil) -> Tensor {
    require(min != nil || max != nil, "clamp", "needs min, max or both")
    if isTracing,
      let result = traced(
        "clamp", [self], ["min": .number(min ?? -.infinity), "max": .number(max ?? .infinity)],
        body: { $0[0].clamp(min: min, max: max) })
    {
      return result
    }
    var value = self
    let x = detach()
    var inside = Tensor.ones(shape, dtype: .bool)
    if let min {
      value = value.backend.binary(.maximum, value.detach(), backend.fill([], min, dtype: dtype))
      inside = inside .&& (x .>= min)
    }
    if let max {
      value = value.backend.binary(.minimum, value.detach(), backend.fill([], max, dtype: dtype))
      inside = inside .&& (x .<= max)
    }
    return value.detach().recorded("clamp", inputs: [self], saving: [inside]) { g, c in
      [`where`(c.saved(0), g, g.scalar(0))]
    }
  }

  /// Replaces NaN and infinities; by default NaN with 0 and infinities with the greatest finite numbers.
  public func nanToNum(nan: Double = 0, positiveInfinity: Double? = nil, negativeInfinity: Double? = nil)
    -> Tensor
  {
    let limit = dtype == .float64 ? Double.greatestFiniteMagnitude : Double(Float.greatestFiniteMagnitude)
    return maskedFill(isNaN(), with: nan)
      .maskedFill(self .== .infinity, with: positiveInfinity ?? limit)
      .maskedFill(self .== -.infinity, with: negativeInfinity ?? -limit)
  }

  /// self + weight * (end - self).
  public func lerp(_ end: Tensor, weight: Double) -> Tensor { self + (end - self) * weight }
  public func lerp(_ end: Tensor, weight: Tensor) -> Tensor { self + (end - self) * weight }
}
