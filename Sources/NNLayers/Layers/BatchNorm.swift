import NNCore

/// Batch normalisation (Ioffe and Szegedy, 2015) of the channels of [N, C, …]: the common part of ``BatchNorm1d``
/// and ``BatchNorm2d``.
///
/// In training each channel is normalised by the mean and the biased variance of the batch, and the running
/// statistics move towards the batch's mean and unbiased variance. In evaluation and while frozen the running
/// statistics are used and stay as they are.
open class BatchNorm: Module, Layer {
  /// [C], nil without affine map; starts at 1.
  public let weight: Parameter?
  /// [C], nil without affine map; starts at 0.
  public let bias: Parameter?
  /// [C], nil if no statistics are kept; starts at 0.
  @Key("running_mean") public private(set) var runningMean: Buffer?
  /// [C], nil if no statistics are kept; starts at 1.
  @Key("running_var") public private(set) var runningVariance: Buffer?
  /// Number of training batches seen, int64. Old weight files lack it.
  @Key("num_batches_tracked") public private(set) var batchesTracked: Buffer?
  public let features: Int
  public let epsilon: Double
  public let momentum: Double?
  /// Who normalises in training in the place of the batch's own statistics, nil for these.
  @Untracked package var jointStatistics: (any JointStatistics)? = nil
  /// Shapes the layer takes, for messages.
  var ranks: ClosedRange<Int> { 2...5 }

  /// - Parameters:
  ///   - features: number of channels C.
  ///   - epsilon: added to the variance.
  ///   - momentum: share of the batch in the running statistics; nil keeps the plain average over all batches.
  ///   - affine: whether a learned factor and summand per channel follow.
  ///   - trackRunningStats: whether running statistics are kept; without them evaluation uses the batch's.
  public init(
    _ features: Int, epsilon: Double = 1e-5, momentum: Double? = 0.1, affine: Bool = true,
    trackRunningStats: Bool = true
  ) {
    require(features > 0, "BatchNorm", "needs at least one channel, got \(features)")
    self.features = features
    self.epsilon = epsilon
    self.momentum = momentum
    weight = affine ? Parameter(Tensor.ones(features)) : nil
    bias = affine ? Parameter(Tensor.zeros(features)) : nil
    super.init()
    runningMean = trackRunningStats ? Buffer(Tensor.zeros(features)) : nil
    runningVariance = trackRunningStats ? Buffer(Tensor.ones(features)) : nil
    batchesTracked = trackRunningStats ? Buffer(Tensor(0), mayBeMissing: true, staysOnHost: true) : nil
  }

  open func forward(_ x: Tensor) -> Tensor {
    guard
      fits(
        ranks.contains(x.rank) && x.shape[1] == features, "BatchNorm", .channels,
        "\(typeName)(\(features)) got an input of shape \(x.shape)")
    else { return x }
    if isTraining, let joint = jointStatistics?.normalized(x, by: self) { return joint }
    guard let runningMean, let runningVariance, let batchesTracked else {
      return x.batchNorm(weight: weight?.value, bias: bias?.value, training: isTraining, eps: epsilon).output
    }
    var share = momentum ?? 0
    if isTraining {
      let seen = batchesTracked.value.item() + 1
      batchesTracked.value = Tensor(Int(seen))
      share = momentum ?? 1 / seen
    }
    let result = x.batchNorm(
      runningMean: runningMean.value, runningVariance: runningVariance.value, weight: weight?.value,
      bias: bias?.value, training: isTraining, momentum: share, eps: epsilon)
    if isTraining, let mean = result.runningMean, let variance = result.runningVariance {
      runningMean.value = mean
      runningVariance.value = variance
    }
    return result.output
  }

  open override var extraDescription: String {
    "\(features), epsilon: \(epsilon), momentum: \(momentum.map { "\($0)" } ?? "nil"), affine: \(weight != nil), "
      + "trackRunningStats: \(runningMean != nil)"
  }
}

/// Statistics of more than the batch that a layer sees.
package protocol JointStatistics: AnyObject {
  /// A batch in training, with the layer's running statistics moved; nil if the batch's own statistics will do.
  func normalized(_ x: Tensor, by layer: BatchNorm) -> Tensor?
}

/// ``BatchNorm`` of images [N, C, H, W]; as `torch.nn.BatchNorm2d`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html
public final class BatchNorm2d: BatchNorm {
  override var ranks: ClosedRange<Int> { 4...4 }
}

/// ``BatchNorm`` of features [N, C] or sequences [N, C, L]; as `torch.nn.BatchNorm1d`.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html
public final class BatchNorm1d: BatchNorm {
  override var ranks: ClosedRange<Int> { 2...3 }
}
