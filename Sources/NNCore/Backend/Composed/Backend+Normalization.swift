// Normalisation, composed, with sums in float64. See `Backend` for what each gives.

extension Backend {
  /// x [N, C, …] as float64 [matrices, positions of one, C], and how many of the samples one matrix holds.
  private func matrices(_ x: Tensor, _ count: Int) -> Formula {
    let positions = x.shape.dropFirst(2).reduce(1, *)
    let channels = x.shape[1]
    let lines = x.detach().shaped([x.shape[0], channels, positions]).ordered([0, 2, 1])
    let rows = count == 0 ? 0 : x.shape[0] * positions / count
    return Formula(cast(lines, to: .float64).shaped([count, rows, channels]))
  }

  /// A value per channel, [1, C] or [N, C], seen over x [N, C, …].
  private func perChannel(_ values: Tensor, like x: Tensor, dtype: DType) -> Formula {
    let shape = [values.shape[0], values.shape[1]] + x.shape.dropFirst(2).map { _ in 1 }
    return Formula(cast(values, to: dtype).shaped(shape))
  }

  package func channelMoments(_ x: Tensor, perSample: Bool) -> (mean: Tensor, variance: Tensor) {
    let values = matrices(x, perSample ? x.shape[0] : 1)
    let (count, channels) = (Double(values.value.shape[1]), x.shape[1])
    let mean = values.sum([1]) / count
    let variance = (values - mean).apply(.square).sum([1]) / count
    let shape = [values.value.shape[0], channels]
    return (mean.value.shaped(shape), variance.value.shaped(shape))
  }

  package func normalizationMap(
    mean: Tensor, variance: Tensor, weight: Tensor?, bias: Tensor?, eps: Double
  ) -> (map: ChannelMap, inverse: Tensor) {
    let channels = mean.shape[mean.rank - 1]
    func wide(_ tensor: Tensor) -> Formula {
      Formula(cast(tensor.detach(), to: .float64).shaped(tensor.rank == 1 ? [1, channels] : tensor.shape))
    }
    let inverse = (wide(variance) + eps).apply(.rsqrt)
    let scale = weight.map { inverse * Formula(cast($0, to: .float64)) } ?? inverse
    let shift = bias.map { wide($0).value } ?? fill([1, channels], 0, dtype: .float64)
    return (ChannelMap(mean: wide(mean).value, scale: scale.value, shift: shift), inverse.value)
  }

  package func runningAverage(
    _ old: Tensor, _ new: Tensor, momentum: Double, correction: Double?
  ) -> Tensor {
    var new = Formula(new.shaped(old.shape))
    if let correction { new = new * correction }
    return (Formula(cast(old.detach(), to: .float64)) * (1 - momentum) + new * momentum).cast(old.dtype).value
  }

  package func normalizationGradient(
    sums: Tensor, dots: Tensor, inverse: Tensor, weight: Tensor?, groups: Int, count: Double, dtype: DType
  ) -> NormalizationGradient {
    composedNormalizationGradient(
      sums: sums, dots: dots, inverse: inverse, weight: weight, groups: groups, count: count, dtype: dtype)
  }

  package func composedNormalizationGradient(
    sums: Tensor, dots: Tensor, inverse: Tensor, weight: Tensor?, groups: Int, count: Double, dtype: DType
  ) -> NormalizationGradient {
    let (rows, channels) = (sums.shape[0], sums.shape[1])
    /// Sums over the channels of each group, repeated for each channel.
    func grouped(_ x: Formula) -> Formula {
      if groups == channels { return x }
      let sums = Formula(x.value.shaped([rows, groups, channels / groups])).sum([2]).value
      return Formula(sums.spread(to: [rows, groups, channels / groups]).shaped([rows, channels]))
    }
    func perChannel(_ x: Formula) -> Tensor { x.sum([0]).value.shaped([channels]) }
    let (plain, distances, inverse) = (Formula(sums), Formula(dots), Formula(inverse))
    let factor = weight.map { Formula(cast($0.detach(), to: .float64)) }
    let slopes = grouped(factor.map { distances * $0 } ?? distances) * (inverse * inverse * inverse) / -count
    let offsets = grouped(factor.map { plain * $0 } ?? plain) * inverse / -count
    let scales = factor.map { inverse * $0 } ?? inverse
    // The distances from the batch's mean add up to 0, so the sums are known.
    let total =
      rows == 1 && groups == channels
      ? (scales * plain + offsets * count).cast(dtype).value.shaped([channels]) : nil
    return NormalizationGradient(
      a: scales.value, b: slopes.value, c: offsets.value, total: total,
      weight: cast(perChannel(distances * inverse), to: weight?.dtype ?? dtype),
      bias: cast(perChannel(plain), to: weight?.dtype ?? dtype))
  }

  package func channelAffine(_ x: Tensor, _ map: ChannelMap, isRecorded: Bool) -> Tensor {
    let wide = Formula(cast(x.detach(), to: .float64))
    func values(_ tensor: Tensor) -> Formula { perChannel(tensor, like: x, dtype: .float64) }
    let y = (wide - values(map.mean)) * values(map.scale) + values(map.shift)
    return y.cast(x.dtype).value
  }

  package func channelGradientSums(_ g: Tensor, _ x: Tensor?, mean: Tensor) -> (sums: Tensor, dots: Tensor) {
    let gradients = matrices(g, mean.shape[0])
    let sums = gradients.sum([1]).value.shaped(mean.shape)
    guard let x else { return (sums, fill(mean.shape, 0, dtype: .float64)) }
    let means = Formula(mean.shaped([mean.shape[0], 1, mean.shape[1]]))
    let dots = (gradients * (matrices(x, mean.shape[0]) - means)).sum([1])
    return (sums, dots.value.shaped(mean.shape))
  }

  package func channelCombination(_ g: Tensor, _ combination: ChannelCombination) -> Tensor {
    func values(_ tensor: Tensor) -> Formula { perChannel(tensor, like: g, dtype: .float64) }
    var result = Formula(cast(g.detach(), to: .float64)) * values(combination.a)
    if let x = combination.x {
      let distance = Formula(cast(x.detach(), to: .float64)) - values(combination.mean)
      result = result + distance * values(combination.b) + values(combination.c)
    }
    return result.cast(g.dtype).value
  }

  package func layerNorm(
    _ x: Tensor, weight: Tensor?, bias: Tensor?, eps: Double
  ) -> (output: Tensor, mean: Tensor, inverse: Tensor) {
    let (rows, columns) = (x.shape[0], Double(x.shape[1]))
    let wide = Formula(cast(x.detach(), to: .float64))
    let mean = wide.sum([1]) / columns
    let centred = wide - mean
    let inverse = (centred.apply(.square).sum([1]) / columns + eps).apply(.rsqrt)
    var output = centred * inverse
    if let weight { output = output * Formula(cast(weight, to: .float64)) }
    if let bias { output = output + Formula(cast(bias, to: .float64)) }
    return (output.cast(x.dtype).value, mean.value.shaped([rows]), inverse.value.shaped([rows]))
  }

  package func layerNormGradient(
    _ gradient: Tensor, _ x: Tensor, weight: Tensor?, mean: Tensor, inverse: Tensor, needsInput: Bool,
    needsParameters: Bool
  ) -> (input: Tensor?, weight: Tensor?, bias: Tensor?) {
    let (rows, columns) = (x.shape[0], x.shape[1])
    let inverse = Formula(inverse.shaped([rows, 1]))
    let unit = (Formula(cast(x.detach(), to: .float64)) - Formula(mean.shaped([rows, 1]))) * inverse
    let g = Formula(cast(gradient.detach(), to: .float64))
    let flow = weight.map { g * Formula(cast($0, to: .float64)) } ?? g
    let average = { (values: Formula) in values.sum([1]) / Double(columns) }
    let input = inverse * (flow - average(flow) - unit * average(flow * unit))
    func perColumn(_ sums: Formula) -> Tensor { sums.cast(x.dtype).value.shaped([columns]) }
    return (
      needsInput ? input.cast(x.dtype).value : nil, needsParameters ? perColumn((g * unit).sum([0])) : nil,
      needsParameters ? perColumn(g.sum([0])) : nil
    )
  }
}
