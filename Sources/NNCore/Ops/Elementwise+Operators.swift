// Operators with numbers, and in-place forms.

extension Tensor {
  public static func + (a: Tensor, b: Double) -> Tensor { a + a.scalar(b) }
  public static func + (a: Tensor, b: Int) -> Tensor { a + a.scalar(b) }
  public static func + (a: Double, b: Tensor) -> Tensor { b.scalar(a) + b }
  public static func + (a: Int, b: Tensor) -> Tensor { b.scalar(a) + b }
  public static func - (a: Tensor, b: Double) -> Tensor { a - a.scalar(b) }
  public static func - (a: Tensor, b: Int) -> Tensor { a - a.scalar(b) }
  public static func - (a: Double, b: Tensor) -> Tensor { b.scalar(a) - b }
  public static func - (a: Int, b: Tensor) -> Tensor { b.scalar(a) - b }
  public static func * (a: Tensor, b: Double) -> Tensor { a.scaled(by: a.scalar(b)) }
  public static func * (a: Tensor, b: Int) -> Tensor { a.scaled(by: a.scalar(b)) }
  public static func * (a: Double, b: Tensor) -> Tensor { b.scaled(by: b.scalar(a)) }
  public static func * (a: Int, b: Tensor) -> Tensor { b.scaled(by: b.scalar(a)) }
  public static func / (a: Tensor, b: Double) -> Tensor { a / a.scalar(b) }
  public static func / (a: Tensor, b: Int) -> Tensor { a / a.scalar(b) }
  public static func / (a: Double, b: Tensor) -> Tensor { b.dividing { $0.scalar(a) } }
  public static func / (a: Int, b: Tensor) -> Tensor { b.dividing { $0.scalar(a) } }

  private func dividing(_ number: (Tensor) -> Tensor) -> Tensor {
    let divisor = autocast(UnaryOp.reciprocal.autocast)
    return number(divisor) / divisor
  }

  private func scaled(by factor: Tensor) -> Tensor { Tensor.apply(Scaling(), self, factor) }

  public static func += (a: inout Tensor, b: Tensor) { a.update(.add, b) { $0 + $1 } }
  public static func -= (a: inout Tensor, b: Tensor) { a.update(.sub, b) { $0 - $1 } }
  public static func *= (a: inout Tensor, b: Tensor) { a.update(.mul, b) { $0 * $1 } }
  public static func /= (a: inout Tensor, b: Tensor) { a.update(.div, b) { $0 / $1 } }
  public static func += (a: inout Tensor, b: Double) { a += a.scalar(b) }
  public static func -= (a: inout Tensor, b: Double) { a -= a.scalar(b) }
  public static func *= (a: inout Tensor, b: Double) { a *= a.scalar(b) }
  public static func /= (a: inout Tensor, b: Double) { a /= a.scalar(b) }

  /// Writes in place when nobody else sees the memory and nothing is recorded; otherwise makes a new tensor.
  private mutating func update(_ op: BinaryOp, _ other: Tensor, _ pure: (Tensor, Tensor) -> Tensor) {
    let leaf = node.flatMap { $0.isLeaf ? $0 : nil }
    if Tensor.shouldRecord([self, other]) || dtype == .bool || other.dtype != dtype
      || other.storage.backend !== storage.backend
      || (op == .div && !dtype.isFloatingPoint)
      || !Tensor.broadcasts(shape, other.shape, "in-place operation")
      || Tensor.broadcastShape(shape, other.shape, "in-place operation") != shape
      || !isNonOverlappingAndDense || storage.isReadOnly || !isKnownUniquelyReferenced(&storage)
    {
      let type = dtype
      self = pure(self, other)
      if dtype != type { self = to(type) }
    } else {
      storage.willChange()
      backend.binaryInPlace(op, &self, other)
      if leaf == nil { self = detach() }
    }
    // A leaf that is changed without recording (an optimizer's step) stays the leaf it is.
    if node == nil { node = leaf }
  }
}

/// Multiplication by a constant: keeps the constant only, not the tensor.
private struct Scaling: BinaryPrimitive {
  var name: StaticString { "mul" }
  var keeps: Kept { .second }
  var gradients: Gradients { { g, context in [Tensor.apply(Scaling(), g, context.saved(0)), nil] } }

  func evaluate(_ x: Tensor, _ factor: Tensor) -> Tensor {
    Tensor.computed(.mul, x, factor, in: Tensor.resultType(x, factor))
  }
}
