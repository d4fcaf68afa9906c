import NNCore

/// A loss as a module: called with what was computed and what it should be.
///
///     let loss = CrossEntropyLoss(labelSmoothing: 0.1)
///     loss(net(x), target).backward()
public protocol Loss: Module {
  func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor
}

/// Cross entropy between logits and classes, or class probabilities; as `torch.nn.CrossEntropyLoss`. See
/// `crossEntropy`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html
public final class CrossEntropyLoss: Module, Loss {
  /// A factor for each class, [C].
  public let weight: Buffer?
  public let ignoreIndex: Int
  public let reduction: Reduction
  public let labelSmoothing: Double

  /// - Parameters:
  ///   - ignoreIndex: a target of this value counts nothing.
  ///   - labelSmoothing: in 0...1; how much of the target is spread evenly over all classes.
  public init(
    weight: Tensor? = nil, ignoreIndex: Int = -100, reduction: Reduction = .mean, labelSmoothing: Double = 0
  ) {
    self.weight = weight.map { Buffer($0) }
    self.ignoreIndex = ignoreIndex
    self.reduction = reduction
    self.labelSmoothing = labelSmoothing
  }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
    crossEntropy(
      input, target, weight: weight?.value, ignoreIndex: ignoreIndex, reduction: reduction,
      labelSmoothing: labelSmoothing)
  }
}

/// The negated logarithm of the probability of each target; as `torch.nn.NLLLoss`. See `nllLoss`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.NLLLoss.html
public final class NLLLoss: Module, Loss {
  /// A factor for each class, [C].
  public let weight: Buffer?
  public let ignoreIndex: Int
  public let reduction: Reduction

  public init(weight: Tensor? = nil, ignoreIndex: Int = -100, reduction: Reduction = .mean) {
    self.weight = weight.map { Buffer($0) }
    self.ignoreIndex = ignoreIndex
    self.reduction = reduction
  }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
    nllLoss(input, target, weight: weight?.value, ignoreIndex: ignoreIndex, reduction: reduction)
  }
}

/// Squared differences; as `torch.nn.MSELoss`. See `mseLoss`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html
public final class MSELoss: Module, Loss {
  public let reduction: Reduction

  public init(reduction: Reduction = .mean) { self.reduction = reduction }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
    mseLoss(input, target, reduction: reduction)
  }
}

/// Absolute differences; as `torch.nn.L1Loss`. See `l1Loss`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.L1Loss.html
public final class L1Loss: Module, Loss {
  public let reduction: Reduction

  public init(reduction: Reduction = .mean) { self.reduction = reduction }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
    l1Loss(input, target, reduction: reduction)
  }
}

/// Squared differences below `beta`, absolute ones above; as `torch.nn.SmoothL1Loss`. See `smoothL1Loss`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.SmoothL1Loss.html
public final class SmoothL1Loss: Module, Loss {
  public let reduction: Reduction
  public let beta: Double

  public init(reduction: Reduction = .mean, beta: Double = 1) {
    self.reduction = reduction
    self.beta = beta
  }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
    smoothL1Loss(input, target, beta: beta, reduction: reduction)
  }
}

/// Squared differences up to `delta`, absolute ones above; as `torch.nn.HuberLoss`. See `huberLoss`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.HuberLoss.html
public final class HuberLoss: Module, Loss {
  public let reduction: Reduction
  public let delta: Double

  public init(reduction: Reduction = .mean, delta: Double = 1) {
    self.reduction = reduction
    self.delta = delta
  }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
    huberLoss(input, target, delta: delta, reduction: reduction)
  }
}

/// Cross entropy between probabilities and targets in 0...1; as `torch.nn.BCELoss`. See `binaryCrossEntropy`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.BCELoss.html
public final class BCELoss: Module, Loss {
  /// A factor for each element, broadcast.
  public let weight: Buffer?
  public let reduction: Reduction

  public init(weight: Tensor? = nil, reduction: Reduction = .mean) {
    self.weight = weight.map { Buffer($0) }
    self.reduction = reduction
  }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
    binaryCrossEntropy(input, target, weight: weight?.value, reduction: reduction)
  }
}

/// Cross entropy between the sigmoid of logits and targets in 0...1; as `torch.nn.BCEWithLogitsLoss`. See
/// `binaryCrossEntropyWithLogits`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html
public final class BCEWithLogitsLoss: Module, Loss {
  /// A factor for each element, broadcast.
  public let weight: Buffer?
  /// A factor for the positive part of each element, broadcast.
  @Key("pos_weight") public private(set) var posWeight: Buffer?
  public let reduction: Reduction

  public init(weight: Tensor? = nil, reduction: Reduction = .mean, posWeight: Tensor? = nil) {
    self.weight = weight.map { Buffer($0) }
    self.reduction = reduction
    super.init()
    self.posWeight = posWeight.map { Buffer($0) }
  }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
    binaryCrossEntropyWithLogits(
      input, target, weight: weight?.value, posWeight: posWeight?.value, reduction: reduction)
  }
}

/// The Kullback-Leibler divergence of logarithms of probabilities from a target; as `torch.nn.KLDivLoss`. See `klDiv`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html
public final class KLDivLoss: Module, Loss {
  public let reduction: Reduction
  public let logTarget: Bool

  /// - Parameter logTarget: whether the target consists of logarithms of probabilities, too.
  public init(reduction: Reduction = .mean, logTarget: Bool = false) {
    self.reduction = reduction
    self.logTarget = logTarget
  }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
    klDiv(input, target, reduction: reduction, logTarget: logTarget)
  }
}
