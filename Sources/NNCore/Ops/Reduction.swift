// Reductions. Axes may be negative (-1 is the last); an empty list means all of them.

extension Tensor {
  private func axes(_ axes: [Int], _ name: StaticString) -> [Int] {
    if rank == 0 { return [] }
    if axes.isEmpty { return Array(0..<rank) }
    let all = axes.map { axis($0, name) }
    require(Set(all).count == all.count, name, "axes \(axes) name a dimension twice")
    return all.sorted()
  }

  /// Drops the given dimensions of size 1, without recording.
  fileprivate func dropping(_ axes: [Int], unless keep: Bool) -> Tensor {
    if keep { return self }
    let rest = shape.indices.filter { !axes.contains($0) }
    return view(shape: rest.map { shape[$0] }, strides: rest.map { strides[$0] })
  }

  /// Puts dropped dimensions back as size 1.
  func restoring(_ axes: [Int], dropped: Bool) -> Tensor {
    dropped ? axes.sorted().reduce(self) { $0.unsqueeze($1) } : self
  }

  /// Sum over the axes. Integers and bool sum to int64. float32 is summed in blocks and in float64 across them.
  public func sum(_ axes: [Int] = [], keepDim: Bool = false) -> Tensor {
    Tensor.apply(Sum(axes: self.axes(axes, "sum"), keepDim: keepDim), self)
  }
  public func sum(_ axis: Int, keepDim: Bool = false) -> Tensor { sum([axis], keepDim: keepDim) }

  /// Sums a broadcast gradient back to the shape it came from.
  package func reduced(to target: [Int]) -> Tensor {
    if shape == target { return self }
    let lead = rank - target.count
    var all = Array(0..<lead)
    for axis in target.indices where target[axis] == 1 && shape[axis + lead] != 1 { all.append(axis + lead) }
    let summed = all.isEmpty ? self : sum(all, keepDim: true)
    return summed.shape == target ? summed : summed.reshape(target)
  }

  /// Arithmetic mean over the axes; integers must be converted first.
  public func mean(_ axes: [Int] = [], keepDim: Bool = false) -> Tensor {
    require(dtype.isFloatingPoint, "mean", "needs a floating-point tensor, this is \(dtype)")
    return Tensor.apply(Mean(axes: self.axes(axes, "mean"), keepDim: keepDim), self)
  }
  public func mean(_ axis: Int, keepDim: Bool = false) -> Tensor { mean([axis], keepDim: keepDim) }

  /// Variance: squared distances from the mean, divided by count - correction (1: unbiased).
  public func variance(_ axes: [Int] = [], correction: Double = 1, keepDim: Bool = false) -> Tensor {
    let all = self.axes(axes, "variance")
    let count = Double(all.reduce(1) { $0 * shape[$1] })
    return (self - mean(all, keepDim: true)).square().sum(all, keepDim: keepDim)
      / Swift.max(0, count - correction)
  }
  /// Square root of the variance.
  public func std(_ axes: [Int] = [], correction: Double = 1, keepDim: Bool = false) -> Tensor {
    Tensor.apply(Root(), variance(axes, correction: correction, keepDim: keepDim))
  }

  /// Product over the axes. Integers and bool give int64.
  public func prod(_ axes: [Int] = [], keepDim: Bool = false) -> Tensor {
    if isAutocasting, dtype == .bfloat16 { return autocast(.float32).prod(axes, keepDim: keepDim) }
    let all = self.axes(axes, "prod")
    let result = backend.reduce(.prod, self, axes: all).dropping(all, unless: keepDim)
    return result.recorded("prod", inputs: [self], saving: [self]) { g, c in
      let x = c.saved(0)
      // The product of the others, also where there are zeros: of all before times of all behind.
      var line = all.reversed().reduce(x) { $0.movedim($1, -1) }
      let front = line.shape.dropLast(all.count)
      line = line.reshape(front + [all.reduce(1) { $0 * x.shape[$1] }])
      let one = x.backend.fill(Array(front) + [1], 1, dtype: x.dtype)
      let length = line.shape[line.rank - 1]
      if length == 0 { return [x * 0] }
      let before = cat([one, line.narrow(-1, start: 0, length: length - 1)], axis: -1).cumprod(-1)
      let behind = cat([one, line.flip([-1]).narrow(-1, start: 0, length: length - 1)], axis: -1).cumprod(-1)
        .flip([-1])
      var others = (before * behind).reshape(Array(front) + all.reversed().map { x.shape[$0] })
      for axis in all { others = others.movedim(-1, axis) }
      return [g.restoring(all, dropped: !keepDim) * others]
    }
  }

  // MARK: Extremes

  private func extreme(_ op: ReduceOp, _ name: StaticString, _ axes: [Int], _ keepDim: Bool) -> Tensor {
    let all = self.axes(axes, name)
    require(
      all.allSatisfy { shape[$0] > 0 } && (count > 0 || !all.isEmpty), name,
      "no elements to choose from in shape \(shape)")
    return Tensor.apply(Extreme(op: op, name: name, axes: all, keepDim: keepDim), self)
  }
  /// Greatest element over the axes; ties share the gradient evenly. As `torch.amax`, and `torch.max` of all.
  public func amax(_ axes: [Int] = [], keepDim: Bool = false) -> Tensor {
    extreme(.max, "amax", axes, keepDim)
  }
  /// Smallest element over the axes; ties share the gradient evenly. As `torch.amin`, and `torch.min` of all.
  public func amin(_ axes: [Int] = [], keepDim: Bool = false) -> Tensor {
    extreme(.min, "amin", axes, keepDim)
  }
  /// Greatest of all elements.
  public func max() -> Tensor { amax() }
  /// Smallest of all elements.
  public func min() -> Tensor { amin() }

  /// Greatest element along an axis with its first index; the gradient goes to that one.
  public func max(_ axis: Int, keepDim: Bool = false) -> (values: Tensor, indices: Tensor) {
    picked("max", axis, keepDim, argmax(axis, keepDim: true))
  }
  /// Smallest element along an axis with its first index; the gradient goes to that one.
  public func min(_ axis: Int, keepDim: Bool = false) -> (values: Tensor, indices: Tensor) {
    picked("min", axis, keepDim, argmin(axis, keepDim: true))
  }
  private func picked(
    _ name: StaticString, _ axis: Int, _ keepDim: Bool, _ indices: Tensor
  ) -> (values: Tensor, indices: Tensor) {
    if rank == 0 { return (self, indices) }
    let values = gather(axis, index: indices)
    return keepDim ? (values, indices) : (values.squeeze(axis), indices.squeeze(axis))
  }

  /// Index of the first greatest element along an axis, int64; over the flattened tensor if no axis is given.
  public func argmax(_ axis: Int? = nil, keepDim: Bool = false) -> Tensor {
    argExtreme(axis, keepDim, smallest: false, "argmax")
  }
  /// Index of the first smallest element along an axis, int64; over the flattened tensor if no axis is given.
  public func argmin(_ axis: Int? = nil, keepDim: Bool = false) -> Tensor {
    argExtreme(axis, keepDim, smallest: true, "argmin")
  }
  private func argExtreme(_ axis: Int?, _ keepDim: Bool, smallest: Bool, _ name: StaticString) -> Tensor {
    guard let axis else {
      let flat = detach().reshape([-1]).argExtreme(0, false, smallest: smallest, name)
      return keepDim ? flat.reshape(shape.map { _ in 1 }) : flat
    }
    let a = self.axis(axis, name)
    if rank == 0 { return backend.fill([], 0, dtype: .int64) }
    require(shape[a] > 0, name, "no elements to choose from along axis \(axis) of shape \(shape)")
    return backend.argReduce(self, axis: a, smallest: smallest).dropping([a], unless: keepDim)
  }

  // MARK: Counting and logic

  /// Whether any element is true (not zero).
  public func any(_ axes: [Int] = [], keepDim: Bool = false) -> Tensor {
    reducedFlags(.max, axes, keepDim, "any")
  }
  /// Whether all elements are true (not zero).
  public func all(_ axes: [Int] = [], keepDim: Bool = false) -> Tensor {
    reducedFlags(.min, axes, keepDim, "all")
  }
  private func reducedFlags(_ op: ReduceOp, _ axes: [Int], _ keepDim: Bool, _ name: StaticString)
    -> Tensor
  {
    let all = self.axes(axes, name)
    // Over nothing, `any` is false and `all` is true: as sums and products of flags.
    let flags = detach().to(.bool).to(.int64)
    let wide = backend.reduce(op == .max ? .sum : .prod, flags, axes: all)
    return wide.to(.bool).dropping(all, unless: keepDim)
  }
  /// Number of elements that are not zero, int64.
  public func countNonzero(_ axes: [Int] = []) -> Tensor { (detach() .!= 0).sum(axes) }

  // MARK: Norms and logarithmic sums

  /// log(sum(exp(x))) over the axes, without overflow.
  public func logsumexp(_ axes: [Int], keepDim: Bool = false) -> Tensor {
    let all = self.axes(axes, "logsumexp")
    var top = detach().amax(all, keepDim: true)
    top = top.maskedFill(top.isFinite().logicalNot(), with: 0)
    let result = (self - top).exp().sum(all, keepDim: true).log() + top
    return keepDim ? result : result.reshape(shape.indices.filter { !all.contains($0) }.map { shape[$0] })
  }

  /// The vector norm of order p over the axes: (sum |x|^p)^(1/p); p may be 0 (count of non-zeros) or infinite.
  /// The slope at 0 is 0. As `torch.linalg.vector_norm`.
  public func norm(_ p: Double = 2, _ axes: [Int] = [], keepDim: Bool = false) -> Tensor {
    if isAutocasting, dtype == .bfloat16 { return autocast(.float32).norm(p, axes, keepDim: keepDim) }
    let all = self.axes(axes, "norm")
    switch p {
    case 0: return (self .!= 0).to(dtype).sum(all, keepDim: keepDim)
    case 1: return abs().sum(all, keepDim: keepDim)
    case .infinity: return abs().amax(all, keepDim: keepDim)
    case -.infinity: return abs().amin(all, keepDim: keepDim)
    default: break
    }
    let powers = p == 2 ? detach().square() : detach().abs().pow(p)
    let sum = powers.sum(all, keepDim: keepDim)
    let result = p == 2 ? sum.sqrt() : sum.pow(1 / p)
    return result.recorded("norm", inputs: [self], saving: [self], savingOutput: true) { g, c in
      let x = c.saved(0)
      let norm = c.saved(1).restoring(all, dropped: !keepDim)
      let slope = p == 2 ? x / norm : x.sign() * (x.abs() / norm).pow(p - 1)
      return [g.restoring(all, dropped: !keepDim) * `where`((norm .== 0) .|| (x .== 0), g.scalar(0), slope)]
    }
  }

  // MARK: Running sums

  /// Sum of the elements up to each one along an axis.
  public func cumsum(_ axis: Int) -> Tensor {
    if isAutocasting, dtype == .bfloat16 { return autocast(.float32).cumsum(axis) }
    let a = self.axis(axis, "cumsum")
    let x = dtype.isFloatingPoint ? self : to(.int64)
    if rank == 0 { return x }
    return backend.scan(x, axis: a, product: false)
      .recorded("cumsum", inputs: [self]) { g, _ in [g.flip([a]).cumsum(a).flip([a])] }
  }
  /// Product of the elements up to each one along an axis. The gradient costs the square of the axis' size.
  public func cumprod(_ axis: Int) -> Tensor {
    if isAutocasting, dtype == .bfloat16 { return autocast(.float32).cumprod(axis) }
    let a = self.axis(axis, "cumprod")
    let x = dtype.isFloatingPoint ? self : to(.int64)
    if rank == 0 { return x }
    return backend.scan(x, axis: a, product: true)
      .recorded("cumprod", inputs: [self], saving: [self]) { g, c in
        // d out[j] / d x[i] = product of all x[k], k <= j, without x[i]: exact where there are zeros.
        let x = c.saved(0).movedim(a, -1)
        let n = x.shape[x.rank - 1]
        let eye = Tensor.eye(n, dtype: .bool).to(g.device)
        let spread = `where`(eye, x.scalar(1), x.unsqueeze(-2)).cumprodWithoutGradient()
        let upper = g.backend.fill([n, n], 1, dtype: g.dtype).triu()
        let sum = (spread * upper * g.movedim(a, -1).unsqueeze(-2)).sum(-1)
        return [sum.movedim(-1, a)]
      }
  }
  private func cumprodWithoutGradient() -> Tensor {
    requiresGrad && isGradientEnabled ? cumprod(-1) : backend.scan(self, axis: rank - 1, product: true)
  }
}

// MARK: - Primitives

private struct Sum: UnaryPrimitive {
  let axes: [Int]
  let keepDim: Bool

  var name: StaticString { "sum" }
  var autocast: AutocastRule { .float32 }
  var attributes: [String: TraceAttribute] { ["axes": .ints(axes), "keepDim": .flag(keepDim)] }
  var gradients: Gradients {
    { [axes, keepDim] g, context in
      [g.restoring(axes, dropped: !keepDim).expand(context.inputShape(0))]
    }
  }

  func obstacle(_ operands: [Tensor]) -> String? { axes.first == 0 ? "adds up the rows" : nil }
  func evaluate(_ x: Tensor) -> Tensor {
    x.backend.reduce(.sum, x, axes: axes).dropping(axes, unless: keepDim)
  }
}

private struct Mean: CompositePrimitive {
  let axes: [Int]
  let keepDim: Bool

  var name: StaticString { "mean" }
  var attributes: [String: TraceAttribute] { ["axes": .ints(axes), "keepDim": .flag(keepDim)] }

  func obstacle(_ operands: [Tensor]) -> String? { axes.first == 0 ? "averages over the rows" : nil }
  func evaluate(_ operands: [Tensor]) -> Tensor {
    // Rounded once.
    let (dtype, x) = (operands[0].dtype, operands[0].to(operands[0].dtype.ofArithmetic))
    let mean = x.sum(axes, keepDim: keepDim) / Double(axes.reduce(1) { $0 * x.shape[$1] })
    return mean.to(dtype)
  }
}

private struct Extreme: UnaryPrimitive {
  let op: ReduceOp
  let name: StaticString
  let axes: [Int]
  let keepDim: Bool

  var attributes: [String: TraceAttribute] { ["axes": .ints(axes), "keepDim": .flag(keepDim)] }
  var keeps: Kept { [.first, .result] }
  var gradients: Gradients {
    { [axes, keepDim] g, context in
      let isExtreme = (context.saved(0) .== context.saved(1).restoring(axes, dropped: !keepDim)).to(g.dtype)
      return [g.restoring(axes, dropped: !keepDim) * isExtreme / isExtreme.sum(axes, keepDim: true)]
    }
  }

  func obstacle(_ operands: [Tensor]) -> String? { axes.first == 0 ? "chooses among the rows" : nil }
  func evaluate(_ x: Tensor) -> Tensor {
    x.backend.reduce(op, x, axes: axes).dropping(axes, unless: keepDim)
  }
}

/// The square root whose slope at 0 is 0: that of a standard deviation, as in PyTorch.
private struct Root: UnaryPrimitive {
  var name: StaticString { "sqrt" }
  var keeps: Kept { .result }
  var gradients: Gradients {
    { g, context in
      let y = context.saved(0)
      return [`where`(y .== 0, g.scalar(0), g / (y * 2))]
    }
  }

  func evaluate(_ x: Tensor) -> Tensor { x.backend.unary(.sqrt, x) }
}
