// The softmax family, and scaling to unit length.

extension Tensor {
  /// exp(x) / sum(exp(x)) along an axis, without overflow.
  public func softmax(_ axis: Int) -> Tensor { normalizedExponential(axis, logarithm: false, "softmax") }

  /// The logarithm of `softmax`, exact also where that underflows.
  public func logSoftmax(_ axis: Int) -> Tensor { normalizedExponential(axis, logarithm: true, "logSoftmax") }

  private func normalizedExponential(_ axis: Int, logarithm: Bool, _ name: StaticString) -> Tensor {
    let a = self.axis(axis, name)
    require(dtype.isFloatingPoint, name, "needs a floating-point tensor, this is \(dtype)")
    if rank == 0 { return reshape([1]).normalizedExponential(0, logarithm: logarithm, name).reshape([]) }
    return Tensor.apply(NormalizedExponential(name: name, axis: a, logarithm: logarithm), self)
  }

  /// This tensor divided by its p-norm along the axes, the norm being at least `epsilon`.
  /// As `torch.nn.functional.normalize`.
  public func normalize(p: Double = 2, _ axes: [Int] = [1], epsilon: Double = 1e-12) -> Tensor {
    let x = autocast(.float32)
    return x / x.norm(p, axes, keepDim: true).clamp(min: epsilon)
  }

  /// The cosine of the angle between two tensors' vectors along an axis, each length being at least `epsilon`.
  public func cosineSimilarity(_ other: Tensor, _ axis: Int = 1, epsilon: Double = 1e-8) -> Tensor {
    let shape = Tensor.broadcastShape(shape, other.shape, "cosineSimilarity")
    let (a, b) = (autocast(.float32).expand(shape), other.autocast(.float32).expand(shape))
    return (a.unit([axis], epsilon) * b.unit([axis], epsilon)).sum(axis)
  }

  /// As `normalize`, but the slope is that of dividing by the norm itself, also where `epsilon` stands in for it: so
  /// PyTorch computes it here.
  private func unit(_ axes: [Int], _ epsilon: Double) -> Tensor {
    let norm = norm(2, axes, keepDim: true)
    return self / (norm + (norm.clamp(min: epsilon) - norm).detach())
  }
}

// MARK: - Primitives

private struct NormalizedExponential: UnaryPrimitive {
  let name: StaticString
  let axis: Int
  let logarithm: Bool

  var autocast: AutocastRule { .float32 }
  var attributes: [String: TraceAttribute] { ["axis": .int(axis)] }
  var keeps: Kept { .result }
  var gradients: Gradients {
    { [axis, logarithm] g, context in
      let y = context.saved(0)
      if !isGradientEnabled { return [y.backend.softmaxBackward(g, y, axis: axis, logarithm: logarithm)] }
      return [
        logarithm ? g - y.exp() * g.sum(axis, keepDim: true) : y * (g - (g * y).sum(axis, keepDim: true))
      ]
    }
  }

  func obstacle(_ operands: [Tensor]) -> String? { axis > 0 ? nil : "mixes the rows" }
  func evaluate(_ x: Tensor) -> Tensor { x.backend.softmax(x, axis: axis, logarithm: logarithm) }
}
