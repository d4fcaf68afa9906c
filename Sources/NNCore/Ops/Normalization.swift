// Normalisations. Batch, group and instance normalisation are one operation over different sets of elements:
// statistics in float64, one fused pass forward and two backward. Second derivatives are composed of elementary
// operations.

extension Tensor {
  /// Normalises each channel of [N, C, …] by its mean and variance over batch and positions, as
  /// `torch.nn.functional.batch_norm`: (x - mean) / sqrt(variance + eps) · weight + bias, with the biased variance.
  ///
  /// In training (or without running statistics) the statistics are the batch's; otherwise the running ones. The
  /// new running statistics are results, not changes of the arguments: (1 - momentum) · old + momentum · batch's,
  /// with the unbiased variance. They carry no gradient, and are the old ones when not in training.
  ///
  /// - Parameters:
  ///   - runningMean: [C]; given together with `runningVariance`.
  ///   - weight: [C] of x's element type, or float32 for a bfloat16 x; 1 if nil.
  ///   - bias: [C], likewise; 0 if nil.
  ///   - momentum: share of the new batch in the running statistics; 1 / (batches so far + 1) makes them the plain
  ///     average over all batches.
  ///   - eps: added to the variance.
  public func batchNorm(
    runningMean: Tensor? = nil, runningVariance: Tensor? = nil, weight: Tensor? = nil, bias: Tensor? = nil,
    training: Bool = false, momentum: Double = 0.1, eps: Double = 1e-5
  ) -> (output: Tensor, runningMean: Tensor?, runningVariance: Tensor?) {
    let name: StaticString = "batchNorm"
    let all = [
      ("weight", weight), ("bias", bias), ("runningMean", runningMean), ("runningVariance", runningVariance),
    ]
    guard hasChannels(name, atLeast: 2, all) else { return (self, runningMean, runningVariance) }
    require(
      (runningMean == nil) == (runningVariance == nil), name,
      "running mean and running variance are needed together")
    let (has, parameters) = (NormParameters(weight, bias), [weight, bias].compactMap { $0 })
    if !training, let runningMean, let runningVariance {
      let operands = [self, runningMean.detach(), runningVariance.detach()] + parameters
      return (Tensor.apply(FixedNorm(has: has, eps: eps), operands), runningMean, runningVariance)
    }
    let elements = shape[1] == 0 ? 0 : count / shape[1]
    guard
      fits(
        elements > 1 || !training, name, .singleValue,
        "needs more than one value per channel in training, got shape \(shape)")
    else { return (self, runningMean, runningVariance) }
    let (output, moments) = Tensor.apply(BatchNorm(has: has, eps: eps), [self] + parameters)
    guard training, let runningMean, let runningVariance else {
      return (output, runningMean, runningVariance)
    }
    let unbiased = Double(elements) / Double(elements - 1)
    return (
      output, backend.runningAverage(runningMean, moments.mean, momentum: momentum, correction: nil),
      backend.runningAverage(
        runningVariance, moments.variance, momentum: momentum, correction: unbiased)
    )
  }

  /// Normalises each sample of [N, C, …] over groups of C / groups neighbouring channels and all positions, as
  /// `torch.nn.functional.group_norm`, with the biased variance.
  ///
  /// - Parameters:
  ///   - weight: [C], one factor per channel; 1 if nil.
  ///   - bias: [C]; 0 if nil.
  public func groupNorm(
    groups: Int, weight: Tensor? = nil, bias: Tensor? = nil, eps: Double = 1e-5
  ) -> Tensor {
    let name: StaticString = "groupNorm"
    guard hasChannels(name, atLeast: 2, [("weight", weight), ("bias", bias)]),
      fits(
        groups > 0 && shape[1] % groups == 0, name, .channels,
        "\(shape[1]) channels do not divide into \(groups) groups")
    else { return self }
    let norm = SampleNorm(name: name, groups: groups, has: NormParameters(weight, bias), eps: eps)
    return Tensor.apply(norm, [self] + [weight, bias].compactMap { $0 })
  }

  /// Normalises each channel of each sample of [N, C, …] over its positions, as
  /// `torch.nn.functional.instance_norm` with the statistics of the input; see `groupNorm`.
  public func instanceNorm(weight: Tensor? = nil, bias: Tensor? = nil, eps: Double = 1e-5) -> Tensor {
    let name: StaticString = "instanceNorm"
    guard hasChannels(name, atLeast: 3, [("weight", weight), ("bias", bias)]),
      fits(
        count == 0 || count / (shape[0] * shape[1]) > 1, name, .tooSmall,
        "needs more than one position per channel, got shape \(shape)")
    else { return self }
    let norm = SampleNorm(name: name, groups: nil, has: NormParameters(weight, bias), eps: eps)
    return Tensor.apply(norm, [self] + [weight, bias].compactMap { $0 })
  }

  /// Divides each element by (k + alpha / size · sum of squares over `size` neighbouring channels)^beta, as
  /// `torch.nn.functional.local_response_norm`; the channels run from c - size / 2 to c + (size - 1) / 2.
  public func localResponseNorm(
    size: Int, alpha: Double = 1e-4, beta: Double = 0.75, k: Double = 1
  ) -> Tensor {
    let name: StaticString = "localResponseNorm"
    require(size > 0, name, "size \(size) must be positive")
    guard hasChannels(name, atLeast: 3, []) else { return self }
    let others = Array(repeating: 0, count: 2 * (rank - 2))
    let padded = square().pad(others + [size / 2, (size - 1) / 2])
    var sum = padded.narrow(1, start: 0, length: shape[1])
    for shift in 1..<Swift.max(1, size) { sum = sum + padded.narrow(1, start: shift, length: shape[1]) }
    return self / (sum * (alpha / Double(size)) + k).pow(beta)
  }

  // MARK: Checks

  private func hasChannels(
    _ name: StaticString, atLeast least: Int, _ parameters: [(what: String, tensor: Tensor?)]
  ) -> Bool {
    fits(
      rank >= least && dtype.isFloatingPoint, name,
      "needs a floating-point tensor [N, C\(least > 2 ? ", positions…" : ", …")], got \(dtype) of shape \(shape)"
    )
      && parameters.allSatisfy { what, tensor in
        guard let tensor else { return true }
        // Statistics and parameters of bfloat16 elements are most often float32.
        return fits(
          tensor.shape == [shape[1]] && (tensor.dtype == dtype || tensor.dtype == dtype.ofArithmetic), name,
          .channels,
          "\(what) must be \(dtype) of shape [\(shape[1])] for input \(shape), got \(tensor.dtype) of shape "
            + "\(tensor.shape)")
      }
  }
}

// MARK: - Primitives

/// Which of weight and bias are there, the last operands of a normalisation.
struct NormParameters: Sendable {
  private let hasWeight: Bool
  private let hasBias: Bool

  init(_ weight: Tensor?, _ bias: Tensor?) { (hasWeight, hasBias) = (weight != nil, bias != nil) }

  func attributes(eps: Double) -> [String: TraceAttribute] {
    ["eps": .number(eps), "weight": .flag(hasWeight), "bias": .flag(hasBias)]
  }

  func weight(of operands: [Tensor]) -> Tensor? {
    hasWeight ? operands[operands.count - (hasBias ? 2 : 1)] : nil
  }

  func bias(of operands: [Tensor]) -> Tensor? { hasBias ? operands[operands.count - 1] : nil }

  /// The last gradients, from what may have been computed of both.
  func gradients(_ weight: Tensor?, _ bias: Tensor?) -> [Tensor?] {
    (hasWeight ? [weight] : []) + (hasBias ? [bias] : [])
  }
}

/// By the statistics of the batch, which come as second result.
private struct BatchNorm: ExtendedPrimitive {
  let has: NormParameters
  let eps: Double

  var name: StaticString { "batchNorm" }
  var operandsWithRows: Int? { 1 }

  func obstacle(_ operands: [Tensor]) -> String? { "it uses the statistics of the batch" }

  func evaluate(_ operands: [Tensor]) -> (Evaluation, (mean: Tensor, variance: Tensor)) {
    let shape = operands[0].shape
    return NormalizedSet(shape: shape, perSample: false, groups: shape[1]).evaluate(operands, has, eps: eps)
  }
}

/// By the statistics of groups of channels of each sample; of each channel if there is no number of groups.
private struct SampleNorm: VariadicPrimitive {
  let name: StaticString
  let groups: Int?
  let has: NormParameters
  let eps: Double

  var autocast: AutocastRule { groups == nil ? .asOperands : .float32 }

  var attributes: [String: TraceAttribute] {
    var attributes = has.attributes(eps: eps)
    if let groups { attributes["groups"] = .int(groups) }
    return attributes
  }
  var operandsWithRows: Int? { 1 }

  func evaluate(_ operands: [Tensor]) -> Evaluation {
    let shape = operands[0].shape
    return NormalizedSet(shape: shape, perSample: true, groups: groups ?? shape[1])
      .evaluate(operands, has, eps: eps).0
  }
}

/// By fixed statistics, the second and third operand.
private struct FixedNorm: VariadicPrimitive {
  let has: NormParameters
  let eps: Double

  var name: StaticString { "batchNorm" }
  var attributes: [String: TraceAttribute] { has.attributes(eps: eps) }
  var operandsWithRows: Int? { 1 }

  func evaluate(_ operands: [Tensor]) -> Evaluation {
    let (x, weight) = (operands[0], has.weight(of: operands))
    let (output, map, inverse) = x.mapped(
      mean: operands[1], variance: operands[2], weight, has.bias(of: operands), eps: eps,
      isRecorded: Tensor.shouldRecord(operands))
    // The input itself is needed only for the gradient of the weight.
    let (hasWeight, savesInput) = (weight != nil, weight?.requiresGrad ?? false)
    return Evaluation(
      output, saving: [map.mean, inverse] + [weight, savesInput ? x : nil].compactMap { $0 }
    ) { [has] g, context in
      let (mean, inverse) = (context.saved(0), context.saved(1))
      let weight = hasWeight ? context.saved(2) : nil
      let x = savesInput ? context.saved(3) : nil
      if isGradientEnabled {
        let line = [1, g.shape[1]] + Array(repeating: 1, count: g.rank - 2)
        let axes = [0] + Array(2..<Swift.max(2, g.rank))
        let (center, slope) = (mean.to(g.dtype).reshape(line), inverse.to(g.dtype).reshape(line))
        let factor = weight.map { $0.reshape(line) * slope } ?? slope
        let weightGradient = x.map { (g * ($0 - center) * slope).sum(axes) }
        return [g * factor, nil, nil] + has.gradients(weightGradient, g.sum(axes))
      }
      let scale = weight.map { inverse * $0.to(.float64) } ?? inverse
      let zero = scale.backend.fill(scale.shape, 0, dtype: .float64)
      let dx =
        context.needs(0)
        ? g.backend.channelCombination(
          g, ChannelCombination(x: x, mean: mean, a: scale, b: zero, c: zero, sums: nil))
        : nil
      if !context.needsAny(from: 3) { return [dx] }
      let (sums, dots) = g.backend.channelGradientSums(g, x, mean: mean)
      let line = [g.shape[1]]
      return [dx, nil, nil]
        + has.gradients((dots * inverse).reshape(line), sums.reshape(line))
    }
  }
}

extension Tensor {
  /// (x - mean) / sqrt(variance + eps) · weight + bias, not recorded, and 1 / sqrt(variance + eps).
  fileprivate func mapped(
    mean: Tensor, variance: Tensor, _ weight: Tensor?, _ bias: Tensor?, eps: Double, isRecorded: Bool
  ) -> (output: Tensor, map: ChannelMap, inverse: Tensor) {
    let (map, inverse) = backend.normalizationMap(
      mean: mean, variance: variance, weight: weight?.detach(), bias: bias?.detach(), eps: eps)
    return (backend.channelAffine(detach(), map, isRecorded: isRecorded), map, inverse)
  }
}

/// The sets of elements of [N, C, …] that are normalised together: `groups` groups of channels, of each sample or of
/// the whole batch.
private struct NormalizedSet: Sendable {
  let shape: [Int]
  let perSample: Bool
  let groups: Int

  private var channels: Int { shape[1] }
  private var rows: Int { perSample ? shape[0] : 1 }

  /// The normalisation by the moments of the set, and these.
  func evaluate(
    _ operands: [Tensor], _ has: NormParameters, eps: Double
  ) -> (Evaluation, (mean: Tensor, variance: Tensor)) {
    let (x, weight) = (operands[0], has.weight(of: operands))
    let moments = noGrad { overGroups(x.backend.channelMoments(x.detach(), perSample: perSample)) }
    let (output, _, inverse) = x.mapped(
      mean: moments.mean, variance: moments.variance, weight, has.bias(of: operands), eps: eps,
      isRecorded: Tensor.shouldRecord(operands))
    let hasWeight = weight != nil
    let evaluation = Evaluation(output, saving: [x, moments.mean, inverse] + [weight].compactMap { $0 }) {
      g, context in
      let (x, weight) = (context.saved(0), hasWeight ? context.saved(3) : nil)
      let gradients =
        isGradientEnabled
        ? composedGradients(g, x, weight, eps: eps)
        : fusedGradients(
          g, x, weight, mean: context.saved(1), inverse: context.saved(2), needsInput: context.needs(0))
      return [gradients.input] + has.gradients(gradients.weight, gradients.bias)
    }
    return (evaluation, moments)
  }

  /// Moments of channels [rows, C] as moments of their groups, repeated for each channel.
  func overGroups(_ moments: (mean: Tensor, variance: Tensor)) -> (mean: Tensor, variance: Tensor) {
    if groups == channels { return moments }
    let grouped = [rows, groups, channels / groups]
    let means = moments.mean.reshape(grouped)
    let mean = means.mean(2, keepDim: true)
    let variance = (moments.variance.reshape(grouped) + (means - mean).square()).mean(2, keepDim: true)
    return (spread(mean), spread(variance))
  }

  private func spread(_ x: Tensor) -> Tensor {
    x.expand([rows, groups, channels / groups]).contiguous().reshape([rows, channels])
  }

  /// The gradient of the input is inverse · (w·g - mean(w·g) - x̂ · mean(w·g·x̂)) with the means over the set.
  func fusedGradients(
    _ g: Tensor, _ x: Tensor, _ weight: Tensor?, mean: Tensor, inverse: Tensor, needsInput: Bool
  ) -> (input: Tensor?, weight: Tensor?, bias: Tensor?) {
    let (sums, dots) = g.backend.channelGradientSums(g, x, mean: mean)
    let count = Double(shape.reduce(1, *) / Swift.max(1, rows * groups))
    let gradient = g.backend.normalizationGradient(
      sums: sums, dots: dots, inverse: inverse, weight: weight, groups: groups, count: count, dtype: g.dtype)
    var dx: Tensor?
    if needsInput {
      dx = g.backend.channelCombination(
        g,
        ChannelCombination(
          x: x, mean: mean, a: gradient.a, b: gradient.b, c: gradient.c, sums: gradient.total))
    }
    return (dx, gradient.weight, gradient.bias)
  }

  /// The same in differentiable operations.
  func composedGradients(
    _ g: Tensor, _ x: Tensor, _ weight: Tensor?, eps: Double
  ) -> (input: Tensor?, weight: Tensor?, bias: Tensor?) {
    let positions = Array(shape.dropFirst(2))
    let grouped = [shape[0], groups, channels / groups] + positions
    let axes = (perSample ? [] : [0]) + Array(2..<grouped.count)
    let perChannel = [0] + Array(2..<Swift.max(2, shape.count))
    let grid = x.reshape(grouped)
    let inverse = (grid.variance(axes, correction: 0, keepDim: true) + eps).rsqrt()
    let unit = (grid - grid.mean(axes, keepDim: true)) * inverse
    let factors = weight?.reshape([1, groups, channels / groups] + positions.map { _ in 1 })
    let flow = factors.map { g.reshape(grouped) * $0 } ?? g.reshape(grouped)
    let dx =
      inverse * (flow - flow.mean(axes, keepDim: true) - unit * (flow * unit).mean(axes, keepDim: true))
    return (dx.reshape(shape), (g * unit.reshape(shape)).sum(perChannel), g.sum(perChannel))
  }
}
