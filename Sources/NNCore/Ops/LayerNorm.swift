extension Tensor {
  /// Normalises over the last dimensions, as `torch.nn.functional.layer_norm`:
  /// (x - mean) / sqrt(variance + eps) · weight + bias, with the biased variance.
  ///
  /// - Parameters:
  ///   - shape: sizes of the last dimensions, which are normalised together.
  ///   - weight: of that shape and x's element type; 1 if nil.
  ///   - bias: of that shape and x's element type; 0 if nil.
  public func layerNorm(
    shape normalized: [Int], weight: Tensor? = nil, bias: Tensor? = nil, eps: Double = 1e-5
  ) -> Tensor {
    let name: StaticString = "layerNorm"
    let columns = normalized.reduce(1, *)
    guard
      fits(
        dtype.isFloatingPoint && !normalized.isEmpty && Array(shape.suffix(normalized.count)) == normalized
          && columns > 0,
        name, "cannot normalise \(dtype) of shape \(shape) over last dimensions \(normalized)")
    else { return self }
    for tensor in [weight, bias].compactMap({ $0 }) {
      require(
        tensor.shape == normalized && Tensor.meet(self, tensor, .float32), name,
        "weight and bias must be \(dtype) of shape \(normalized), got \(tensor.dtype) of shape \(tensor.shape)"
      )
    }
    let norm = LayerNorm(axes: normalized.count, has: NormParameters(weight, bias), eps: eps)
    return Tensor.apply(norm, [self] + [weight, bias].compactMap { $0 })
  }
}

// MARK: - Primitives

private struct LayerNorm: VariadicPrimitive {
  /// How many of the last dimensions are normalised together.
  let axes: Int
  let has: NormParameters
  let eps: Double

  var name: StaticString { "layerNorm" }
  var autocast: AutocastRule { .float32 }
  var attributes: [String: TraceAttribute] {
    has.attributes(eps: eps).merging(["axes": .int(axes)]) { $1 }
  }
  var operandsWithRows: Int? { 1 }

  func obstacle(_ operands: [Tensor]) -> String? {
    axes < operands[0].rank ? nil : "normalises over the rows"
  }

  func evaluate(_ operands: [Tensor]) -> Evaluation {
    let x = operands[0]
    let normalized = Array(x.shape.suffix(axes))
    let columns = normalized.reduce(1, *)
    let lines = x.detach().rearranged([x.count / columns, columns])
    let (weight, bias) = (has.weight(of: operands), has.bias(of: operands))
    let (output, mean, inverse) = x.backend.layerNorm(
      lines, weight: weight?.rearranged([columns]), bias: bias?.rearranged([columns]), eps: eps)
    let hasWeight = weight != nil
    return Evaluation(
      output.rearranged(x.shape), saving: [x, mean, inverse] + [weight].compactMap { $0 }
    ) { [has, eps] g, context in
      let shape = g.shape
      let (x, g) = (context.saved(0).reshape([-1, columns]), g.reshape([-1, columns]))
      let weight = hasWeight ? context.saved(3).reshape([columns]) : nil
      if isGradientEnabled {
        let centred = x - x.mean(1, keepDim: true)
        let inverse = (centred.square().mean(1, keepDim: true) + eps).rsqrt()
        let unit = centred * inverse
        let flow = weight.map { g * $0 } ?? g
        let dx = inverse * (flow - flow.mean(1, keepDim: true) - unit * (flow * unit).mean(1, keepDim: true))
        return [dx.reshape(shape)]
          + has.gradients((g * unit).sum(0).reshape(normalized), g.sum(0).reshape(normalized))
      }
      let gradients = g.backend.layerNormGradient(
        g, x.detach(), weight: weight?.detach(), mean: context.saved(1), inverse: context.saved(2),
        needsInput: context.needs(0), needsParameters: context.needsAny(from: 1))
      return [gradients.input?.reshape(shape)]
        + has.gradients(gradients.weight?.reshape(normalized), gradients.bias?.reshape(normalized))
    }
  }
}

extension VJPContext {
  /// Whether any input from this one on wants a gradient.
  func needsAny(from index: Int) -> Bool { edges[index...].contains { $0 != nil } }
}
