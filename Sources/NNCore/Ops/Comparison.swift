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
      return a.backend.fill((a.rank < b.rank ? b : a).shape, 0, dtype: .bool)
    }
    return apply(Comparison(op: op, name: name), a, b)
  }

  private static func logical(_ op: BinaryOp, _ name: StaticString, _ a: Tensor, _ b: Tensor) -> Tensor {
    _ = broadcastShape(a.shape, b.shape, name)
    return apply(Logic(op: op, name: name), a, b)
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
  public static func .&& (a: Tensor, b: Tensor) -> Tensor { logical(.mul, "logicalAnd", a, b) }
  /// Whether at least one is true (not zero).
  public static func .|| (a: Tensor, b: Tensor) -> Tensor { logical(.maximum, "logicalOr", a, b) }
  /// Whether exactly one is true (not zero).
  public func logicalXor(_ other: Tensor) -> Tensor { to(.bool) .!= other.to(.bool) }
  /// Whether the element is false (zero).
  public func logicalNot() -> Tensor { self .== 0 }
  public static prefix func ! (x: Tensor) -> Tensor { x.logicalNot() }

  public func isNaN() -> Tensor { self .!= self }
  public func isInfinite() -> Tensor {
    dtype.isFloatingPoint ? abs() .== .infinity : backend.fill(shape, 0, dtype: .bool)
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
  Tensor.apply(Choice(), [condition, a, b])
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
    return Tensor.apply(Clamp(min: min, max: max), self)
  }

  /// Replaces NaN and infinities; by default NaN with 0 and infinities with the greatest finite numbers.
  public func nanToNum(nan: Double = 0, positiveInfinity: Double? = nil, negativeInfinity: Double? = nil)
    -> Tensor
  {
    let limit =
      switch dtype {
      case .float64: Double.greatestFiniteMagnitude
      case .bfloat16: Double(Float(BFloat16(bitPattern: 0x7F7F)))
      default: Double(Float.greatestFiniteMagnitude)
      }
    return maskedFill(isNaN(), with: nan)
      .maskedFill(self .== .infinity, with: positiveInfinity ?? limit)
      .maskedFill(self .== -.infinity, with: negativeInfinity ?? -limit)
  }

  /// self + weight * (end - self).
  public func lerp(_ end: Tensor, weight: Double) -> Tensor { self + (end - self) * weight }
  public func lerp(_ end: Tensor, weight: Tensor) -> Tensor { self + (end - self) * weight }
}

// MARK: - Primitives

private struct Comparison: BinaryPrimitive {
  let op: CompareOp
  let name: StaticString

  func evaluate(_ a: Tensor, _ b: Tensor) -> Tensor {
    let (dtype, device) = (Tensor.resultType(a, b), a.storage.backend)
    let (x, y) = (device.cast(a, to: dtype), device.cast(b, to: dtype))
    return x.backend.compare(op, x, y)
  }
}

/// Arithmetic of truth values.
private struct Logic: BinaryPrimitive {
  let op: BinaryOp
  let name: StaticString

  func evaluate(_ a: Tensor, _ b: Tensor) -> Tensor {
    a.backend.binary(op, a.backend.cast(a, to: .bool), a.backend.cast(b, to: .bool))
  }
}

private struct Choice: VariadicPrimitive {
  var name: StaticString { "where" }

  func evaluate(_ operands: [Tensor]) -> Evaluation {
    let (a, b, backend) = (operands[1], operands[2], operands[0].backend)
    let dtype = Tensor.resultType(a, b)
    let chosen = backend.select(
      backend.cast(operands[0], to: .bool), backend.cast(a, to: dtype), backend.cast(b, to: dtype))
    return Evaluation(chosen, saving: [operands[0]]) { g, context in
      let (condition, zero) = (context.saved(0), g.scalar(0))
      return [
        nil, context.needs(1) ? `where`(condition, g, zero) : nil,
        context.needs(2) ? `where`(condition, zero, g) : nil,
      ]
    }
  }
}

private struct Clamp: UnaryPrimitive {
  let min: Double?
  let max: Double?

  var name: StaticString { "clamp" }
  var attributes: [String: TraceAttribute] {
    ["min": .number(min ?? -.infinity), "max": .number(max ?? .infinity)]
  }
  var keeps: Kept { .first }
  var gradients: Gradients {
    { [min, max] g, context in
      let x = context.saved(0).detach()
      let (above, below) = (min.map { x .>= $0 }, max.map { x .<= $0 })
      guard let inside = above.map({ a in below.map { a .&& $0 } ?? a }) ?? below else { return [g] }
      return [`where`(inside, g, g.scalar(0))]
    }
  }

  func evaluate(_ x: Tensor) -> Tensor {
    func bound(_ value: Double) -> Tensor { x.backend.fill([], value, dtype: x.dtype) }
    var value = x.detach()
    if let min { value = x.backend.binary(.maximum, value, bound(min)) }
    if let max { value = x.backend.binary(.minimum, value, bound(max)) }
    return value
  }
}
