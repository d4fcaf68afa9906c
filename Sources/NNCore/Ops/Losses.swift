// Losses of classification. Free functions, as in torch.nn.functional.

/// How the losses of the single elements become the result.
public enum Reduction: String, Sendable, CaseIterable {
  /// Not at all: one loss per element (or sample).
  case none
  /// Their mean.
  case mean
  /// Their sum.
  case sum
  /// Their sum divided by the size of the first dimension: what the definition of the Kullback-Leibler
  /// divergence asks for.
  case batchMean
}

extension Tensor {
  func reduced(_ reduction: Reduction) -> Tensor {
    switch reduction {
    case .none: return self
    case .mean: return mean()
    case .sum: return sum()
    case .batchMean: return sum() / Double(shape.first ?? 1)
    }
  }
}

/// Cross entropy between logits and classes, or class probabilities. As `torch.nn.functional.cross_entropy`.
///
/// - Parameters:
///   - input: logits of shape [C], [N, C] or [N, C, d1, …].
///   - target: classes in 0..<C as integers of shape [], [N] or [N, d1, …]; or probabilities of the shape of `input`.
///   - weight: a factor for each class, of shape [C]. The mean over classes given as integers divides by the sum of
///     the weights of the targets; over probabilities, by the number of samples.
///   - ignoreIndex: a target of this value counts nothing.
///   - labelSmoothing: in 0...1; how much of the target is spread evenly over all classes.
public func crossEntropy(
  _ input: Tensor, _ target: Tensor, weight: Tensor? = nil, ignoreIndex: Int = -100,
  reduction: Reduction = .mean, labelSmoothing: Double = 0
) -> Tensor {
  require(input.rank >= 1, "crossEntropy", "needs logits of shape [C] or [N, C, …], not \(input.shape)")
  require(
    (0...1).contains(labelSmoothing), "crossEntropy",
    "label smoothing must be in 0...1, got \(labelSmoothing)")
  let axis = input.rank == 1 ? 0 : 1
  let classes = input.shape[axis]
  let logarithms = input.logSoftmax(axis)
  let weights = weight.map { broadcastWeight($0, classes, rank: input.rank, axis: axis, "crossEntropy") }
  if target.dtype.isFloatingPoint {
    require(
      target.shape == input.shape, "crossEntropy",
      "probabilities of shape \(target.shape) for logits of shape \(input.shape)")
    var wanted = target.to(input.dtype)
    if labelSmoothing > 0 { wanted = wanted * (1 - labelSmoothing) + labelSmoothing / Double(classes) }
    if let weights { wanted = wanted * weights }
    return -(logarithms * wanted).sum(axis).reduced(reduction)
  }
  let hard = negativeLogLikelihood(
    logarithms, target, weight: weight, ignoreIndex: ignoreIndex, reduction, "crossEntropy")
  if labelSmoothing == 0 { return hard.loss }
  var spread = -(weights.map { logarithms * $0 } ?? logarithms).sum(axis)
  spread = `where`(target .== ignoreIndex, spread.scalar(0), spread)
  let even: Tensor
  switch reduction {
  case .none: even = spread
  case .mean: even = spread.sum() / hard.totalWeight
  case .sum, .batchMean: even = spread.reduced(reduction)
  }
  return hard.loss * (1 - labelSmoothing) + even * (labelSmoothing / Double(classes))
}

/// The negated logarithm of the probability of each target. As `torch.nn.functional.nll_loss`.
///
/// - Parameters:
///   - input: logarithms of probabilities of shape [C], [N, C] or [N, C, d1, …].
///   - target: classes in 0..<C as integers of shape [], [N] or [N, d1, …].
///   - weight: a factor for each class, of shape [C]; the mean divides by the sum of the targets' weights.
///   - ignoreIndex: a target of this value counts nothing.
public func nllLoss(
  _ input: Tensor, _ target: Tensor, weight: Tensor? = nil, ignoreIndex: Int = -100,
  reduction: Reduction = .mean
) -> Tensor {
  require(input.rank >= 1, "nllLoss", "needs an input of shape [C] or [N, C, …], not \(input.shape)")
  return negativeLogLikelihood(input, target, weight: weight, ignoreIndex: ignoreIndex, reduction, "nllLoss")
    .loss
}

/// The loss, and the sum of the weights of all targets that are not ignored.
private func negativeLogLikelihood(
  _ input: Tensor, _ target: Tensor, weight: Tensor?, ignoreIndex: Int, _ reduction: Reduction,
  _ name: StaticString
) -> (loss: Tensor, totalWeight: Tensor) {
  let axis = input.rank == 1 ? 0 : 1
  let classes = input.shape[axis]
  var expected = input.shape
  expected.remove(at: axis)
  require(
    target.shape == expected && !target.dtype.isFloatingPoint && target.dtype != .bool, name,
    "targets of type \(target.dtype) and shape \(target.shape) for an input of shape \(input.shape); "
      + "expected integers of shape \(expected)")
  let isCounted = target .!= ignoreIndex
  let places = `where`(isCounted, target.to(.int64), Tensor.zeros([], dtype: .int64))
  if places.count > 0 {
    let (low, high) = (Int(places.amin().item()), Int(places.amax().item()))
    require(
      low >= 0 && high < classes, name, "target class \(low < 0 ? low : high) is outside 0..<\(classes)")
  }
  var factors = isCounted.to(input.dtype)
  if let weight {
    require(weight.shape == [classes], name, "weight of shape \(weight.shape) for \(classes) classes")
    factors = factors * weight.to(input.dtype).indexed(by: [places])
  }
  // A logarithm of 0 at an ignored place must not turn into NaN.
  let picked = input.gather(axis, index: places.unsqueeze(axis)).squeeze(axis)
  let losses = -`where`(isCounted, picked, picked.scalar(0)) * factors
  let total = factors.sum()
  return (reduction == .mean ? losses.sum() / total : losses.reduced(reduction), total)
}

private func broadcastWeight(
  _ weight: Tensor, _ classes: Int, rank: Int, axis: Int, _ name: StaticString
) -> Tensor {
  require(weight.shape == [classes], name, "weight of shape \(weight.shape) for \(classes) classes")
  return weight.reshape((0..<rank).map { $0 == axis ? classes : 1 })
}

/// Cross entropy between probabilities and targets in 0...1; each logarithm is at least -100.
/// As `torch.nn.functional.binary_cross_entropy`.
///
/// - Parameters:
///   - input: probabilities in 0...1.
///   - target: of the shape of `input`.
///   - weight: a factor for each element, broadcast.
public func binaryCrossEntropy(
  _ input: Tensor, _ target: Tensor, weight: Tensor? = nil, reduction: Reduction = .mean
) -> Tensor {
  requireSameShape(input, target, "binaryCrossEntropy")
  let (x, t) = (input.detach(), target.detach().to(input.dtype))
  if x.count > 0 {
    require(
      x.amin().item() >= 0 && x.amax().item() <= 1, "binaryCrossEntropy",
      "needs probabilities in 0...1, they lie in \(x.amin().item())...\(x.amax().item())")
  }
  let value = (t - 1) * (-x).log1p().clamp(min: -100) - t * x.log().clamp(min: -100)
  // The slope stays finite at 0 and 1, where that of the logarithms does not.
  let losses = value.recorded("binaryCrossEntropy", inputs: [input, target], saving: [input, target]) {
    g, c in
    let (x, t) = (c.saved(0), c.saved(1))
    return [
      c.needs(0) ? g * (x - t) / ((1 - x) * x).clamp(min: 1e-12) : nil,
      c.needs(1) ? g * ((-x).log1p().clamp(min: -100) - x.log().clamp(min: -100)) : nil,
    ]
  }
  return (weight.map { losses * $0 } ?? losses).reduced(reduction)
}

/// Cross entropy between the sigmoid of logits and targets in 0...1, without under- or overflow.
/// As `torch.nn.functional.binary_cross_entropy_with_logits`.
///
/// - Parameters:
///   - input: logits.
///   - target: of the shape of `input`.
///   - weight: a factor for each element, broadcast.
///   - posWeight: a factor for the positive part of each element, broadcast.
public func binaryCrossEntropyWithLogits(
  _ input: Tensor, _ target: Tensor, weight: Tensor? = nil, posWeight: Tensor? = nil,
  reduction: Reduction = .mean
) -> Tensor {
  requireSameShape(input, target, "binaryCrossEntropyWithLogits")
  let t = target.to(input.dtype)
  let logarithm = input.logSigmoid()
  let positive = posWeight.map { logarithm * (($0 - 1) * t + 1) } ?? logarithm
  let losses = (1 - t) * input - positive
  return (weight.map { losses * $0 } ?? losses).reduced(reduction)
}

/// The Kullback-Leibler divergence: target · (log(target) - input), 0 where the target is 0.
/// As `torch.nn.functional.kl_div`; mathematically that of distributions is `.batchMean`.
///
/// - Parameters:
///   - input: logarithms of probabilities.
///   - target: probabilities, or their logarithms if `logTarget`.
public func klDiv(
  _ input: Tensor, _ target: Tensor, reduction: Reduction = .mean, logTarget: Bool = false
) -> Tensor {
  requireSameShape(input, target, "klDiv")
  if logTarget { return (target.exp() * (target - input)).reduced(reduction) }
  let isZero = target .== 0
  let entropy = target * `where`(isZero, target.scalar(1), target).log()
  return (entropy - target * input).reduced(reduction)
}

func requireSameShape(_ input: Tensor, _ target: Tensor, _ name: StaticString) {
  require(
    input.shape == target.shape, name,
    "input of shape \(input.shape) and target of shape \(target.shape) differ")
}
