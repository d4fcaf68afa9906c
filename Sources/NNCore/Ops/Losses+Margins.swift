// Losses that compare scores with each other or with a margin, and losses of distances and of counts.

/// How far apart two embeddings are for ``tripletMarginLoss(_:_:_:margin:p:epsilon:swap:reduction:)``:
/// |x - y + epsilon| of order p over the last dimension. As `torch.nn.functional.pairwise_distance`.
///
/// - Returns: the shape of `x` without its last dimension.
public func pairwiseDistance(_ x: Tensor, _ y: Tensor, p: Double = 2, epsilon: Double = 1e-6) -> Tensor {
  (x - y + epsilon).norm(p, [-1])
}

/// max(0, d(anchor, positive) - d(anchor, negative) + margin) for embeddings [..., E] (Schroff et al., 2015). As
/// `torch.nn.functional.triplet_margin_loss`.
///
/// - Parameters:
///   - p: order of the norm of differences.
///   - swap: takes the distance of positive and negative where it is the smaller one (Balntas et al., 2016).
public func tripletMarginLoss(
  _ anchor: Tensor, _ positive: Tensor, _ negative: Tensor, margin: Double = 1, p: Double = 2,
  epsilon: Double = 1e-6, swap: Bool = false, reduction: Reduction = .mean
) -> Tensor {
  tripletMarginLoss(anchor, positive, negative, margin: margin, swap: swap, reduction: reduction) {
    pairwiseDistance($0, $1, p: p, epsilon: epsilon)
  }
}

/// As above with another distance. As `torch.nn.functional.triplet_margin_with_distance_loss`.
///
/// - Parameter distance: of two batches of embeddings, one number for each pair.
public func tripletMarginLoss(
  _ anchor: Tensor, _ positive: Tensor, _ negative: Tensor, margin: Double = 1, swap: Bool = false,
  reduction: Reduction = .mean, distance: (Tensor, Tensor) -> Tensor
) -> Tensor {
  let (anchor, positive) = (anchor.autocast(.float32), positive.autocast(.float32))
  let negative = negative.autocast(.float32)
  guard haveSameShape(anchor, positive, "tripletMarginLoss"),
    haveSameShape(anchor, negative, "tripletMarginLoss")
  else { return anchor.meaninglessLoss(reduction) }
  require(margin > 0, "tripletMarginLoss", "margin must be positive, got \(margin)")
  let near = distance(anchor, positive)
  var far = distance(anchor, negative)
  if swap { far = far.minimum(distance(positive, negative)) }
  return (near - far + margin).clamp(min: 0).reduced(reduction)
}

/// 1 - cos(x, y) for pairs that belong together (target 1), max(0, cos(x, y) - margin) for others (target -1). As
/// `torch.nn.functional.cosine_embedding_loss`.
///
/// - Parameters:
///   - x, y: embeddings [N, E] or [E].
///   - target: 1 and -1, of the shape without the last dimension.
///   - margin: in -1...1.
public func cosineEmbeddingLoss(
  _ x: Tensor, _ y: Tensor, _ target: Tensor, margin: Double = 0, reduction: Reduction = .mean
) -> Tensor {
  let (x, y) = (x.autocast(.float32), y.autocast(.float32))
  guard haveSameShape(x, y, "cosineEmbeddingLoss"),
    fits(
      target.shape == Array(x.shape.dropLast()), "cosineEmbeddingLoss",
      "target of shape \(target.shape) for embeddings of shape \(x.shape)")
  else { return x.meaninglessLoss(reduction) }
  let epsilon = 1e-12
  let product = (x * y).sum([-1])
  let sizes = (x.square().sum([-1]) + epsilon) * (y.square().sum([-1]) + epsilon)
  let cosine = product / sizes.sqrt()
  return `where`(target .== 1, 1 - cosine, (cosine - margin).clamp(min: 0)).reduced(reduction)
}

/// max(0, margin - target · (x - y)): x is to be greater where the target is 1, y where it is -1. As
/// `torch.nn.functional.margin_ranking_loss`.
public func marginRankingLoss(
  _ x: Tensor, _ y: Tensor, _ target: Tensor, margin: Double = 0, reduction: Reduction = .mean
) -> Tensor {
  let (x, y) = (x.autocast(.float32), y.autocast(.float32))
  guard haveSameShape(x, y, "marginRankingLoss"), haveSameShape(x, target, "marginRankingLoss") else {
    return x.meaninglessLoss(reduction)
  }
  return (margin - target.to(x.dtype) * (x - y)).clamp(min: 0).reduced(reduction)
}

/// The distance x itself where the target is 1, max(0, margin - x) where it is -1. As
/// `torch.nn.functional.hinge_embedding_loss`.
public func hingeEmbeddingLoss(
  _ input: Tensor, _ target: Tensor, margin: Double = 1, reduction: Reduction = .mean
) -> Tensor {
  let (input, target) = (input.autocast(.float32), target.autocast(.float32))
  guard haveSameShape(input, target, "hingeEmbeddingLoss") else { return input.meaninglessLoss(reduction) }
  return `where`(target .== 1, input, (margin - input).clamp(min: 0)).reduced(reduction)
}

/// log(1 + exp(-target · x)) for targets 1 and -1. As `torch.nn.functional.soft_margin_loss`.
public func softMarginLoss(_ input: Tensor, _ target: Tensor, reduction: Reduction = .mean) -> Tensor {
  let (input, target) = (input.autocast(.float32), target.autocast(.float32))
  guard haveSameShape(input, target, "softMarginLoss") else { return input.meaninglessLoss(reduction) }
  return (-(target.to(input.dtype) * input).logSigmoid()).reduced(reduction)
}

/// Σ max(0, margin - x[t] + x[i])^p / C over the other classes i. As `torch.nn.functional.multi_margin_loss`.
///
/// - Parameters:
///   - input: scores [N, C].
///   - target: classes [N].
///   - p: 1 or 2.
///   - weight: a factor for each target class, [C].
public func multiMarginLoss(
  _ input: Tensor, _ target: Tensor, p: Int = 1, margin: Double = 1, weight: Tensor? = nil,
  reduction: Reduction = .mean
) -> Tensor {
  let input = input.autocast(.float32)
  require(p == 1 || p == 2, "multiMarginLoss", "p must be 1 or 2, got \(p)")
  guard
    fits(
      input.rank == 2 && target.shape == [input.shape[0]], "multiMarginLoss",
      "needs scores [N, C] and classes [N], got shapes \(input.shape) and \(target.shape)")
  else { return input.meaninglessLoss(reduction) }
  let classes = input.shape[1]
  let isTarget = target.oneHot(classes).to(.bool)
  let wanted = input.gather(1, index: target.unsqueeze(1))
  var parts = (margin - wanted + input).clamp(min: 0)
  if p == 2 { parts = parts.square() }
  if let weight {
    require(weight.shape == [classes], "multiMarginLoss", "weight of shape \(weight.shape)")
    parts = parts * weight.indexSelect(0, index: target).unsqueeze(1)
  }
  return (parts.maskedFill(isTarget, with: 0).sum(1) / Double(classes)).reduced(reduction)
}

/// Σ max(0, 1 - (x[t] - x[i])) / C over the labels t of a sample and the classes i that are none of them. As
/// `torch.nn.functional.multilabel_margin_loss`.
///
/// - Parameters:
///   - input: scores [N, C].
///   - target: the labels of each sample at the front of its row, behind them -1; [N, C].
public func multilabelMarginLoss(
  _ input: Tensor, _ target: Tensor, reduction: Reduction = .mean
) -> Tensor {
  let input = input.autocast(.float32)
  guard haveSameShape(input, target, "multilabelMarginLoss"),
    fits(input.rank == 2, "multilabelMarginLoss", "needs scores [N, C], got shape \(input.shape)")
  else { return input.meaninglessLoss(reduction) }
  let classes = input.shape[1]
  // What stands behind the first -1 does not count.
  let counts = (target .< 0).to(.int64).cumsum(1) .== 0
  let labels = target.clamp(min: 0).to(.int64)
  let hits = (labels.oneHot(classes).to(input.dtype) * counts.to(input.dtype).unsqueeze(2)).sum(1)
  let isLabel = hits .> 0
  let wanted = input.gather(1, index: labels).unsqueeze(2)
  let parts = (1 - (wanted - input.unsqueeze(1))).clamp(min: 0)
  let used = counts.unsqueeze(2) .&& isLabel.logicalNot().unsqueeze(1)
  return (parts.maskedFill(used.logicalNot(), with: 0).sum([1, 2]) / Double(classes)).reduced(reduction)
}

/// The mean over the classes of the binary cross entropy of logits. As
/// `torch.nn.functional.multilabel_soft_margin_loss`.
///
/// - Parameters:
///   - input: logits [..., C].
///   - target: 1 for each label, else 0; of the shape of `input`.
///   - weight: a factor for each class, [C].
public func multilabelSoftMarginLoss(
  _ input: Tensor, _ target: Tensor, weight: Tensor? = nil, reduction: Reduction = .mean
) -> Tensor {
  let (input, target) = (input.autocast(.float32), target.autocast(.float32))
  guard haveSameShape(input, target, "multilabelSoftMarginLoss") else {
    return input.meaninglessLoss(reduction)
  }
  return binaryCrossEntropyWithLogits(input, target, weight: weight, reduction: .none).mean([-1])
    .reduced(reduction)
}

/// The negated logarithm of the probability of a count: exp(x) - t · x with `logInput`, else x - t · log(x + epsilon). As
/// `torch.nn.functional.poisson_nll_loss`.
///
/// - Parameters:
///   - input: logarithms of expected counts; without `logInput` the counts themselves.
///   - full: adds Stirling's approximation of log(t!) for counts above 1.
public func poissonNLLLoss(
  _ input: Tensor, _ target: Tensor, logInput: Bool = true, full: Bool = false, epsilon: Double = 1e-8,
  reduction: Reduction = .mean
) -> Tensor {
  let (input, target) = (input.autocast(.float32), target.autocast(.float32))
  guard haveSameShape(input, target, "poissonNLLLoss") else { return input.meaninglessLoss(reduction) }
  let t = target.to(input.dtype)
  var losses = logInput ? input.exp() - t * input : input - t * (input + epsilon).log()
  if full {
    let large = t.clamp(min: 1)
    let stirling = large * large.log() - large + 0.5 * (2 * Double.pi * large).log()
    losses = losses + stirling.maskedFill(t .<= 1, with: 0)
  }
  return losses.reduced(reduction)
}

/// The negated logarithm of the density of a normal distribution: (log(v) + (x - t)² / v) / 2, v at least `epsilon`. As
/// `torch.nn.functional.gaussian_nll_loss`.
///
/// - Parameters:
///   - input: expected values.
///   - variance: v, of the shape of `input`, or with a last dimension of 1; not negative. Where it is below `epsilon` it
///     gathers a gradient all the same.
///   - full: adds log(2π) / 2.
public func gaussianNLLLoss(
  _ input: Tensor, _ target: Tensor, variance: Tensor, full: Bool = false, epsilon: Double = 1e-6,
  reduction: Reduction = .mean
) -> Tensor {
  guard haveSameShape(input, target, "gaussianNLLLoss") else { return input.meaninglessLoss(reduction) }
  require(epsilon > 0, "gaussianNLLLoss", "epsilon must be positive, got \(epsilon)")
  let v = variance + (variance.detach().clamp(min: epsilon) - variance.detach())
  let losses = 0.5 * (v.log() + (input - target).square() / v)
  // log(2π) / 2
  return (full ? losses + 0.918_938_533_204_672_7 : losses).reduced(reduction)
}

/// Cross entropy of labels in which those that are right already count little (Lin et al., 2017):
/// -alphaₜ (1 - pₜ)^gamma log(pₜ). As torchvision's `sigmoid_focal_loss`.
///
/// - Parameters:
///   - input: logits.
///   - target: 1 or 0, of the shape of `input`.
///   - alpha: how much 1 counts against 0, in 0...1; nil for both alike.
///   - gamma: the greater, the less easy ones count.
public func sigmoidFocalLoss(
  _ input: Tensor, _ target: Tensor, alpha: Double? = 0.25, gamma: Double = 2,
  reduction: Reduction = .none
) -> Tensor {
  guard haveSameShape(input, target, "sigmoidFocalLoss") else { return input.meaninglessLoss(reduction) }
  require(
    alpha.map { (0...1).contains($0) } ?? true, "sigmoidFocalLoss",
    "alpha must lie in 0...1, got \(alpha ?? 0)")
  let (p, t) = (input.sigmoid(), target.to(input.dtype))
  let hit = p * t + (1 - p) * (1 - t)
  var losses = binaryCrossEntropyWithLogits(input, t, reduction: .none) * (1 - hit).pow(gamma)
  if let alpha { losses = losses * (alpha * t + (1 - alpha) * (1 - t)) }
  return losses.reduced(reduction)
}

/// Cross entropy of many labels of which few are there (Ridnik et al., 2021): those that are absent count less the surer
/// they are, and not at all above a probability of 1 - `clip`. As timm's `AsymmetricLossMultiLabel`.
///
/// - Parameters:
///   - input: logits [N, C].
///   - target: 1 or 0, of the shape of `input`.
///   - absentGamma, presentGamma: the greater, the less labels count that are right already.
///   - clip: what is added to the probability of absence.
///   - epsilon: least probability whose logarithm is taken.
public func asymmetricLoss(
  _ input: Tensor, _ target: Tensor, absentGamma: Double = 4, presentGamma: Double = 1,
  clip: Double = 0.05, epsilon: Double = 1e-8, reduction: Reduction = .batchMean
) -> Tensor {
  guard haveSameShape(input, target, "asymmetricLoss") else { return input.meaninglessLoss(reduction) }
  let (present, t) = (input.sigmoid(), target.to(input.dtype))
  let absent = clip > 0 ? (1 - present + clip).clamp(max: 1) : 1 - present
  let entropy =
    t * present.clamp(min: epsilon).log() + (1 - t) * absent.clamp(min: epsilon).log()
  let hit = present * t + absent * (1 - t)
  let exponent = presentGamma * t + absentGamma * (1 - t)
  return (-entropy * (1 - hit).pow(exponent)).reduced(reduction)
}
