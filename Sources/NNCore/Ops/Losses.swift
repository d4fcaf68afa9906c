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
  guard
    fits(input.rank >= 1, "crossEntropy", "needs logits of shape [C] or [N, C, …], not \(input.shape)")
  else { return input }
  require(
    (0...1).contains(labelSmoothing), "crossEntropy",
    "label smoothing must be in 0...1, got \(labelSmoothing)")
  let axis = input.rank == 1 ? 0 : 1
  let classes = input.shape[axis]
  let input = input.autocast(.float32)
  let logarithms = input.logSoftmax(axis)
  if target.dtype.isFloatingPoint {
    let weights = weight.map { broadcastWeight($0, classes, rank: input.rank, axis: axis, "crossEntropy") }
    guard
      fits(
        target.shape == input.shape, "crossEntropy", target.rank < input.rank ? .type : .shape,
        "probabilities of type \(target.dtype) and shape \(target.shape) for logits of shape \(input.shape)")
    else { return input.meaninglessLoss(reduction) }
    var wanted = target.to(input.dtype)
    if labelSmoothing > 0 { wanted = wanted * (1 - labelSmoothing) + labelSmoothing / Double(classes) }
    if let weights { wanted = wanted * weights }
    return -(logarithms * wanted).sum(axis).reduced(reduction)
  }
  return negativeLogLikelihood(
    logarithms, target, weight: weight, ignoreIndex: ignoreIndex, smoothing: labelSmoothing, reduction,
    "crossEntropy")
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
  return negativeLogLikelihood(
    input.autocast(.float32), target, weight: weight, ignoreIndex: ignoreIndex, smoothing: 0, reduction,
    "nllLoss")
}

/// - Parameter input: logarithms of probabilities.
private func negativeLogLikelihood(
  _ input: Tensor, _ target: Tensor, weight: Tensor?, ignoreIndex: Int, smoothing: Double,
  _ reduction: Reduction, _ name: StaticString
) -> Tensor {
  let axis = input.rank == 1 ? 0 : 1
  let classes = input.shape[axis]
  var expected = input.shape
  expected.remove(at: axis)
  let isInteger = !target.dtype.isFloatingPoint && target.dtype != .bool
  guard
    fits(
      target.shape == expected && isInteger, name, isInteger ? .shape : .type,
      "targets of type \(target.dtype) and shape \(target.shape) for an input of shape \(input.shape); "
        + "expected integers of shape \(expected)")
  else { return input.meaninglessLoss(reduction) }
  if let weight {
    require(weight.shape == [classes], name, "weight of shape \(weight.shape) for \(classes) classes")
  }
  let rows = input.rank == 2 ? input : input.movedim(axis, -1).reshape([target.count, classes])
  let targets = ClassTargets(
    classes: target.asIndices.contiguous(), weight: weight?.to(input.dtype), ignored: ignoreIndex,
    smoothing: smoothing)
  guard let counts = targets.counts(of: classes, name) else { return input.meaninglessLoss(reduction) }
  let losses = targets.sums(of: rows)
  if reduction != .mean {
    return (target.rank == 1 ? losses : losses.reshape(target.shape)).reduced(reduction)
  }
  guard let weight = targets.weight else { return losses.sum() / Double(counts.reduce(0, +)) }
  return losses.sum() / (weight * Tensor(counts, dtype: weight.dtype).to(weight.device)).sum()
}

extension ClassTargets {
  /// How often each class is asked for; nil if one does not exist.
  fileprivate func counts(of size: Int, _ name: StaticString) -> [Int]? {
    var counts = Array(repeating: 0, count: size)
    let rows = classes.shape.first.map { max(1, classes.count / max(1, $0)) } ?? 1
    return classes.withElements(of: Int.self) { all in
      for (place, target) in all.enumerated() where target != ignored {
        guard
          fits(
            target >= 0 && target < size, name, .label, row: place / rows,
            "target class \(target) is outside 0..<\(size)")
        else { return nil }
        counts[target] += 1
      }
      return counts
    }
  }

  /// Minus the sum of each row's values times their factors: bilinear in the rows and the weight.
  fileprivate func sums(of rows: Tensor) -> Tensor {
    Tensor.applyUnwatched(ClassSums(ignored: ignored, smoothing: smoothing), operands(with: rows))
  }

  /// The transposed map: minus the factors of each row times its element of g.
  fileprivate func spread(_ g: Tensor, over size: Int) -> Tensor {
    Tensor.applyUnwatched(
      ClassSpread(size: size, ignored: ignored, smoothing: smoothing), operands(with: g))
  }

  private func operands(with factor: Tensor) -> [Tensor] { [factor, classes] + (weight.map { [$0] } ?? []) }

  /// From the operands of one of the two maps.
  fileprivate init(_ operands: [Tensor], _ ignored: Int, _ smoothing: Double) {
    self.init(
      classes: operands[1], weight: operands.count > 2 ? operands[2] : nil, ignored: ignored,
      smoothing: smoothing)
  }

  /// From what was saved for a backward pass.
  fileprivate init(_ context: VJPContext, _ ignored: Int, _ smoothing: Double) {
    self.init(
      classes: context.saved(0), weight: context.savedTensors.count > 1 ? context.saved(1) : nil,
      ignored: ignored, smoothing: smoothing)
  }

  /// What backward needs: the classes, and with a weight that and the other factor of its gradient.
  fileprivate func saved(with factor: Tensor) -> [Tensor] { [classes] + (weight.map { [$0, factor] } ?? []) }

  fileprivate func weightGradient(_ g: Tensor, _ rows: Tensor) -> Tensor {
    var unweighted = self
    unweighted.weight = nil
    return (unweighted.spread(g, over: rows.shape[1]) * rows).sum(0)
  }
}

private struct ClassSums: VariadicPrimitive {
  let ignored: Int
  let smoothing: Double

  var name: StaticString { "nllLoss" }

  func evaluate(_ operands: [Tensor]) -> Evaluation {
    let (rows, targets) = (operands[0], ClassTargets(operands, ignored, smoothing))
    return Evaluation(rows.backend.classSums(rows, targets), saving: targets.saved(with: rows)) {
      [ignored, smoothing] g, context in
      let targets = ClassTargets(context, ignored, smoothing)
      return [
        context.needs(0) ? targets.spread(g, over: context.inputShape(0)[1]) : nil, nil,
        context.needs(2) ? targets.weightGradient(g, context.saved(2)) : nil,
      ]
    }
  }
}

/// The transpose of `ClassSums`.
private struct ClassSpread: VariadicPrimitive {
  /// Number of classes.
  let size: Int
  let ignored: Int
  let smoothing: Double

  var name: StaticString { "nllLoss" }

  func evaluate(_ operands: [Tensor]) -> Evaluation {
    let (g, targets) = (operands[0], ClassTargets(operands, ignored, smoothing))
    let spread = g.backend.classSpread(g, targets, classes: size)
    return Evaluation(spread, saving: targets.saved(with: g)) { [ignored, smoothing] rows, context in
      let targets = ClassTargets(context, ignored, smoothing)
      return [
        context.needs(0) ? targets.sums(of: rows) : nil, nil,
        context.needs(2) ? targets.weightGradient(context.saved(2), rows) : nil,
      ]
    }
  }
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
  let (input, target) = (input.autocast(.float32), target.autocast(.float32))
  guard haveSameShape(input, target, "binaryCrossEntropy") else { return input.meaninglessLoss(reduction) }
  let (x, t) = (input.detach(), target.detach().to(input.dtype))
  // On another device the loss tells, which is NaN for others: looking would wait for the device.
  if x.count > 0, x.storage.isHost {
    // NaN is no mistake of the caller: it is to be seen in the loss.
    guard
      fits(
        !(x.amin().item() < 0) && !(x.amax().item() > 1), "binaryCrossEntropy",
        "needs probabilities in 0...1, they lie in \(x.amin().item())...\(x.amax().item())")
    else { return input.meaninglessLoss(reduction) }
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
  let (input, target) = (input.autocast(.float32), target.autocast(.float32))
  guard haveSameShape(input, target, "binaryCrossEntropyWithLogits") else {
    return input.meaninglessLoss(reduction)
  }
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
  let (input, target) = (input.autocast(.float32), target.autocast(.float32))
  guard haveSameShape(input, target, "klDiv") else { return input.meaninglessLoss(reduction) }
  if logTarget { return (target.exp() * (target - input)).reduced(reduction) }
  let isZero = target .== 0
  let entropy = target * `where`(isZero, target.scalar(1), target).log()
  return (entropy - target * input).reduced(reduction)
}

func haveSameShape(_ input: Tensor, _ target: Tensor, _ name: StaticString) -> Bool {
  fits(
    input.shape == target.shape, name,
    "input of shape \(input.shape) and target of shape \(target.shape) differ")
}

extension Tensor {
  /// Of the shape that a loss of these scores has, after `fits` said no.
  func meaninglessLoss(_ reduction: Reduction) -> Tensor {
    backend.fill(reduction == .none && rank > 1 ? [shape[0]] : [], 0, dtype: dtype)
  }
}
