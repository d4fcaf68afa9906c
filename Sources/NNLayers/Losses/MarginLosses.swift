import NNCore

/// An anchor nearer to what belongs to it than to what does not, by a margin; as `torch.nn.TripletMarginLoss`. See
/// `tripletMarginLoss`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.TripletMarginLoss.html
public final class TripletMarginLoss: Module {
  public let margin: Double
  /// Order of the norm of differences.
  public let p: Double
  public let epsilon: Double
  /// Whether the distance of positive and negative counts where it is smaller.
  public let swap: Bool
  public let reduction: Reduction

  public init(
    margin: Double = 1, p: Double = 2, epsilon: Double = 1e-6, swap: Bool = false,
    reduction: Reduction = .mean
  ) {
    self.margin = margin
    self.p = p
    self.epsilon = epsilon
    self.swap = swap
    self.reduction = reduction
  }

  public func callAsFunction(_ anchor: Tensor, _ positive: Tensor, _ negative: Tensor) -> Tensor {
    tripletMarginLoss(
      anchor, positive, negative, margin: margin, p: p, epsilon: epsilon, swap: swap, reduction: reduction)
  }
}

/// ``TripletMarginLoss`` with a distance of one's own; as `torch.nn.TripletMarginWithDistanceLoss`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.TripletMarginWithDistanceLoss.html
public final class TripletMarginWithDistanceLoss: Module {
  public let margin: Double
  public let swap: Bool
  public let reduction: Reduction
  private let distance: (Tensor, Tensor) -> Tensor

  /// - Parameter distance: of two batches of embeddings, one number for each pair.
  public init(
    margin: Double = 1, swap: Bool = false, reduction: Reduction = .mean,
    distance: @escaping (Tensor, Tensor) -> Tensor = { pairwiseDistance($0, $1) }
  ) {
    self.margin = margin
    self.swap = swap
    self.reduction = reduction
    self.distance = distance
  }

  public func callAsFunction(_ anchor: Tensor, _ positive: Tensor, _ negative: Tensor) -> Tensor {
    tripletMarginLoss(
      anchor, positive, negative, margin: margin, swap: swap, reduction: reduction, distance: distance)
  }
}

/// Pairs of embeddings in the same direction or not; as `torch.nn.CosineEmbeddingLoss`. See
/// `cosineEmbeddingLoss`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.CosineEmbeddingLoss.html
public final class CosineEmbeddingLoss: Module {
  /// In -1...1.
  public let margin: Double
  public let reduction: Reduction

  public init(margin: Double = 0, reduction: Reduction = .mean) {
    self.margin = margin
    self.reduction = reduction
  }

  public func callAsFunction(_ x: Tensor, _ y: Tensor, _ target: Tensor) -> Tensor {
    cosineEmbeddingLoss(x, y, target, margin: margin, reduction: reduction)
  }
}

/// Which of two scores is to be greater; as `torch.nn.MarginRankingLoss`. See
/// `marginRankingLoss`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MarginRankingLoss.html
public final class MarginRankingLoss: Module {
  public let margin: Double
  public let reduction: Reduction

  public init(margin: Double = 0, reduction: Reduction = .mean) {
    self.margin = margin
    self.reduction = reduction
  }

  public func callAsFunction(_ x: Tensor, _ y: Tensor, _ target: Tensor) -> Tensor {
    marginRankingLoss(x, y, target, margin: margin, reduction: reduction)
  }
}

/// Distances that are to be small or greater than a margin; as `torch.nn.HingeEmbeddingLoss`. See
/// `hingeEmbeddingLoss`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.HingeEmbeddingLoss.html
public final class HingeEmbeddingLoss: Module, Loss {
  public let margin: Double
  public let reduction: Reduction

  public init(margin: Double = 1, reduction: Reduction = .mean) {
    self.margin = margin
    self.reduction = reduction
  }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
    hingeEmbeddingLoss(input, target, margin: margin, reduction: reduction)
  }
}

/// A logistic loss of targets 1 and -1; as `torch.nn.SoftMarginLoss`. See
/// `softMarginLoss`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.SoftMarginLoss.html
public final class SoftMarginLoss: Module, Loss {
  public let reduction: Reduction

  public init(reduction: Reduction = .mean) {
    self.reduction = reduction
  }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
    softMarginLoss(input, target, reduction: reduction)
  }
}

/// The score of the class above all others by a margin; as `torch.nn.MultiMarginLoss`. See
/// `multiMarginLoss`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiMarginLoss.html
public final class MultiMarginLoss: Module, Loss {
  /// A factor for each class, [C].
  public let weight: Buffer?
  /// 1 or 2.
  public let p: Int
  public let margin: Double
  public let reduction: Reduction

  public init(weight: Tensor? = nil, p: Int = 1, margin: Double = 1, reduction: Reduction = .mean) {
    self.weight = weight.map { Buffer($0) }
    self.p = p
    self.margin = margin
    self.reduction = reduction
  }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
    multiMarginLoss(input, target, p: p, margin: margin, weight: weight?.value, reduction: reduction)
  }
}

/// The scores of labels above those of all other classes by 1; as `torch.nn.MultiLabelMarginLoss`. See
/// `multilabelMarginLoss`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiLabelMarginLoss.html
public final class MultiLabelMarginLoss: Module, Loss {
  public let reduction: Reduction

  public init(reduction: Reduction = .mean) {
    self.reduction = reduction
  }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
    multilabelMarginLoss(input, target, reduction: reduction)
  }
}

/// The mean over the classes of a binary cross entropy of logits; as `torch.nn.MultiLabelSoftMarginLoss`. See
/// `multilabelSoftMarginLoss`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiLabelSoftMarginLoss.html
public final class MultiLabelSoftMarginLoss: Module, Loss {
  /// A factor for each class, [C].
  public let weight: Buffer?
  public let reduction: Reduction

  public init(weight: Tensor? = nil, reduction: Reduction = .mean) {
    self.weight = weight.map { Buffer($0) }
    self.reduction = reduction
  }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
    multilabelSoftMarginLoss(input, target, weight: weight?.value, reduction: reduction)
  }
}

/// Counts of a Poisson distribution; as `torch.nn.PoissonNLLLoss`. See
/// `poissonNLLLoss`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.PoissonNLLLoss.html
public final class PoissonNLLLoss: Module, Loss {
  /// Whether inputs are logarithms of expected counts.
  public let logInput: Bool
  /// Whether Stirling's approximation of log(t!) is added.
  public let full: Bool
  public let epsilon: Double
  public let reduction: Reduction

  public init(logInput: Bool = true, full: Bool = false, epsilon: Double = 1e-8, reduction: Reduction = .mean)
  {
    self.logInput = logInput
    self.full = full
    self.epsilon = epsilon
    self.reduction = reduction
  }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
    poissonNLLLoss(input, target, logInput: logInput, full: full, epsilon: epsilon, reduction: reduction)
  }
}

/// Values of normal distributions whose variances are given; as `torch.nn.GaussianNLLLoss`. See
/// `gaussianNLLLoss`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.GaussianNLLLoss.html
public final class GaussianNLLLoss: Module {
  /// Whether log(2π) / 2 is added.
  public let full: Bool
  /// Least variance.
  public let epsilon: Double
  public let reduction: Reduction

  public init(full: Bool = false, epsilon: Double = 1e-6, reduction: Reduction = .mean) {
    self.full = full
    self.epsilon = epsilon
    self.reduction = reduction
  }

  public func callAsFunction(_ input: Tensor, _ target: Tensor, _ variance: Tensor) -> Tensor {
    gaussianNLLLoss(input, target, variance: variance, full: full, epsilon: epsilon, reduction: reduction)
  }
}

/// Binary cross entropy of logits in which what is right already counts little (Lin et al., 2017); torchvision's
/// `sigmoid_focal_loss` as a module. See `sigmoidFocalLoss`.
///
/// Source: https://docs.pytorch.org/vision/stable/generated/torchvision.ops.sigmoid_focal_loss.html
public final class FocalLoss: Module, Loss {
  /// How much 1 counts against 0; nil for both alike.
  public let alpha: Double?
  /// The greater, the less easy ones count.
  public let gamma: Double
  public let reduction: Reduction

  public init(alpha: Double? = 0.25, gamma: Double = 2, reduction: Reduction = .mean) {
    self.alpha = alpha
    self.gamma = gamma
    self.reduction = reduction
  }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
    sigmoidFocalLoss(input, target, alpha: alpha, gamma: gamma, reduction: reduction)
  }
}

/// Binary cross entropy of many labels of which few are there (Ridnik et al., 2021); as timm's
/// `AsymmetricLossMultiLabel`. See `asymmetricLoss`.
///
/// Source: https://arxiv.org/abs/2009.14119
public final class AsymmetricLoss: Module, Loss {
  /// The greater, the less labels count that are rightly absent.
  public let absentGamma: Double
  /// The greater, the less labels count that are rightly present.
  public let presentGamma: Double
  /// Added to the probability of absence.
  public let clip: Double
  public let reduction: Reduction

  public init(
    absentGamma: Double = 4, presentGamma: Double = 1, clip: Double = 0.05, reduction: Reduction = .batchMean
  ) {
    self.absentGamma = absentGamma
    self.presentGamma = presentGamma
    self.clip = clip
    self.reduction = reduction
  }

  public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
    asymmetricLoss(
      input, target, absentGamma: absentGamma, presentGamma: presentGamma, clip: clip, reduction: reduction)
  }
}
