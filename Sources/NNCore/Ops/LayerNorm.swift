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
        tensor.shape == normalized && tensor.dtype == dtype, name,
        "weight and bias must be \(dtype) of shape \(normalized), got \(tensor.dtype) of shape \(tensor.shape)"
      )
    }
    if isTracing {
      if let result = traced(
        name, [self], parameters: [weight, bias],
        [
          "axes": .int(normalized.count), "eps": .number(eps), "weight": .flag(weight != nil),
          "bias": .flag(bias != nil),
        ],
        obstacle: normalized.count < rank ? nil : "normalises over the rows",
        body: { [hasWeight = weight != nil, hasBias = bias != nil] inputs in
          inputs[0].layerNorm(
            shape: normalized, weight: hasWeight ? inputs[1] : nil,
            bias: hasBias ? inputs[inputs.count - 1] : nil, eps: eps)
        })
      {
        return result
      }
    }
    let lines = reshape([count / columns, columns])
    let (flatWeight, flatBias) = (weight?.reshape([columns]), bias?.reshape([columns]))
    let (output, mean, inverse) = backend.layerNorm(
      lines.detach(), weight: flatWeight?.detach(), bias: flatBias?.detach(), eps: eps)
    let hasWeight = flatWeight != nil
    return output.recorded(
      name, inputs: [lines] + [flatWeight, flatBias].compactMap { $0 },
      saving: [lines, mean, inverse] + [flatWeight].compactMap { $0 }
    ) { g, context in
      let (x, weight) = (context.saved(0), hasWeight ? context.saved(3) : nil)
      if isGradientEnabled {
        let centred = x - x.mean(1, keepDim: true)
        let inverse = (centred.square().mean(1, keepDim: true) + eps).rsqrt()
        let unit = centred * inverse
        let flow = weight.map { g * $0 } ?? g
        let dx = inverse * (flow - flow.mean(1, keepDim: true) - unit * (flow * unit).mean(1, keepDim: true))
        return [dx] + (hasWeight ? [(g * unit).sum(0)] : []) + [g.sum(0)]
      }
      let gradients = g.backend.layerNormGradient(
        g, x.detach(), weight: weight?.detach(), mean: context.saved(1), inverse: context.saved(2),
        needsInput: context.needs(0), needsParameters: context.needsAny(from: 1))
      return [gradients.input] + (hasWeight ? [gradients.weight] : []) + [gradients.bias]
    }.reshape(shape)
  }
}

extension VJPContext {
  /// Whether any input from this one on wants a gradient.
  func needsAny(from index: Int) -> Bool { edges[index...].contains { $0 != nil } }
}
