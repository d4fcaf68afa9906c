// What operations do with their operands inside of `withAutocast`. `Tensor.apply` asks the primitive for its rule; functions that are
// made of several operations and have a rule of their own convert their operands when they begin.

extension Tensor {
  /// This operand as an operation under a rule takes it.
  ///
  /// - Parameter isParameter: whether it most likely comes again, and is worth being kept in the other type.
  @inline(__always)
  func autocast(_ rule: @autoclosure () -> AutocastRule, isParameter: Bool = false) -> Tensor {
    isAutocasting ? converted(rule(), isParameter) : self
  }

  /// Whether both are of one type, as an operation under a rule takes them.
  static func meet(_ a: Tensor, _ b: Tensor, _ rule: AutocastRule) -> Bool {
    a.dtype == b.dtype || isAutocasting && a.type(under: rule) == b.type(under: rule)
  }

  private func type(under rule: AutocastRule) -> DType {
    switch rule {
    case .asOperands: dtype
    case .lower: dtype == .float32 ? autocastType ?? dtype : dtype
    case .float32: dtype == .bfloat16 ? .float32 : dtype
    }
  }

  @inline(never)
  private func converted(_ rule: AutocastRule, _ isParameter: Bool) -> Tensor {
    switch rule {
    case .asOperands: self
    case .float32: dtype == .bfloat16 ? to(.float32) : self
    case .lower:
      dtype != .float32
        ? self : isParameter || node?.isLeaf == true ? keptLower : to(autocastType ?? .float32)
    }
  }

  /// The elements in the type of the mode, which are kept beside the storage until somebody writes to it. Each use is recorded
  /// for itself, so that gradients meet in float32.
  private var keptLower: Tensor {
    let type = autocastType ?? .float32
    let kept = DerivedTensors.of(
      storage, key: [-Int(type.rawValue), offset] + shape + strides, sources: [], isSame: { _, _ in true }
    ) { [storage.backend.cast(detach(), to: type)] }
    return kept[0].recorded("to", inputs: [self]) { g, _ in [g] }
  }
}

extension UnaryOp {
  /// As PyTorch's list of functions that autocast computes in float32.
  var autocast: AutocastRule {
    switch self {
    case .exp, .expm1, .log, .log10, .log1p, .log2, .reciprocal, .rsqrt, .acos, .asin, .cosh, .sinh, .tan,
      .erfinv,
      .softplus:
      .float32
    case .neg, .abs, .sign, .square, .relu, .floor, .ceil, .round, .trunc, .sqrt, .sin, .cos, .atan, .tanh,
      .sigmoid,
      .erf:
      .asOperands
    }
  }
}

extension BinaryOp {
  /// As PyTorch's list; the others promote by themselves.
  var autocast: AutocastRule { self == .pow ? .float32 : .asOperands }
}
