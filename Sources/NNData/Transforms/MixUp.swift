import NNCore

/// Each example of a batch mixed with the one before it, `torchvision.transforms.v2.MixUp`.
///
/// Zhang et al., mixup: Beyond Empirical Risk Minimization, 2017. Inputs (N, …) in float32 and targets, class
/// numbers (N) or probabilities (N, classes), become `λ · own + (1 - λ) · other`, where λ is drawn from
/// Beta(alpha, alpha) once per batch; the targets come out as probabilities.
public struct MixUp: Transform, Hashable {
  private let mixing: BatchMixing

  /// - Parameter classes: Number of classes; may be nil if targets are probabilities already.
  public init(classes: Int?, alpha: Double = 1) { mixing = BatchMixing(classes: classes, alpha: alpha) }

  public func callAsFunction(_ batch: Sample, context: SampleContext) -> Sample {
    let share = mixing.share(context.generator)
    let (target, input) = (mixing.probabilities(batch), batch.input.detach())
    return Sample(
      input: mixing.mixed(input, share), target: mixing.mixed(target, share))
  }
  public var isDeterministic: Bool { false }
  public var description: String { "MixUp(\(mixing))" }
}

/// A rectangle of each image of a batch replaced by that of the image before it,
/// `torchvision.transforms.v2.CutMix`.
///
/// Yun et al., CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features, 2019. Inputs
/// (N, C, H, W); targets as in ``MixUp``, mixed in proportion to the areas.
public struct CutMix: Transform, Hashable {
  private let mixing: BatchMixing

  /// - Parameter classes: Number of classes; may be nil if targets are probabilities already.
  public init(classes: Int?, alpha: Double = 1) { mixing = BatchMixing(classes: classes, alpha: alpha) }

  public func callAsFunction(_ batch: Sample, context: SampleContext) -> Sample {
    let generator = context.generator
    let target = mixing.probabilities(batch)
    let input = batch.input.detach()
    guard fits(input.rank == 4, "CutMix", "expected inputs (N, C, H, W), got \(input.shape)") else {
      return batch
    }
    let (height, width) = (input.shape[2], input.shape[3])
    let share = mixing.share(generator)
    let (x, y) = (generator.randint(0, width), generator.randint(0, height))
    let r = 0.5 * (1 - share).squareRoot()
    let (halfWidth, halfHeight) = (Int(r * Double(width)), Int(r * Double(height)))
    let columns = max(x - halfWidth, 0)..<min(x + halfWidth, width)
    let rows = max(y - halfHeight, 0)..<min(y + halfHeight, height)
    var mixed = input.contiguous()
    mixed[.all, .all, rows, columns] = input.roll([1], axes: [0])[.all, .all, rows, columns]
    let kept = 1 - Double(columns.count * rows.count) / Double(width * height)
    return Sample(input: mixed, target: mixing.mixed(target, kept))
  }
  public var isDeterministic: Bool { false }
  public var description: String { "CutMix(\(mixing))" }
}

/// What ``MixUp`` and ``CutMix`` have in common.
struct BatchMixing: Hashable, CustomStringConvertible {
  let classes: Int?
  let alpha: Double

  init(classes: Int?, alpha: Double) {
    require(alpha > 0, "MixUp, CutMix", "alpha must be positive, got \(alpha)")
    require((classes ?? 1) > 0, "MixUp, CutMix", "expected a positive number of classes, got \(classes ?? 0)")
    self.classes = classes
    self.alpha = alpha
  }

  /// A share of the example itself, from Beta(alpha, alpha) in float32 as `torch.distributions.Beta`.
  func share(_ generator: Generator) -> Double { Double(generator.beta(Float(alpha), Float(alpha))) }

  func mixed(_ x: Tensor, _ share: Double) -> Tensor { x.roll([1], axes: [0]) * (1 - share) + x * share }

  func probabilities(_ batch: Sample) -> Tensor {
    let target = batch.target.detach()
    guard
      fits(
        (target.rank == 1 || target.rank == 2) && batch.input.shape.first == target.shape[0], "MixUp, CutMix",
        "expected a batch with targets (N) or (N, classes), got \(batch.input.shape) and \(target.shape)")
    else { return Tensor.zeros([batch.batchSize, classes ?? 1]) }
    if target.rank == 2 {
      require(
        classes == nil || classes == target.shape[1], "MixUp, CutMix",
        "targets \(target.shape) for \(classes ?? 0) classes")
      return target.dtype.isFloatingPoint ? target : target.to(.float32)
    }
    guard let classes else { fail("MixUp, CutMix", "class numbers as targets need `classes`") }
    return target.oneHot(classes).to(.float32)
  }

  var description: String { "classes: \(classes.map(String.init) ?? "nil"), alpha: \(alpha)" }
}
