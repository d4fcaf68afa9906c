import NNCore
import NNLayers

/// Batch normalisation with the mean and variance of the batches of all processes, as `torch.nn.SyncBatchNorm`: three small
/// exchanges forward, and two backward.
///
/// Keys, buffers and evaluation are those of `BatchNorm`. Processes are weighed by their samples, in the statistics and
/// in their gradients.
public final class SyncBatchNorm: BatchNorm {
  /// - Parameter strategy: of the Trainer.
  public init(
    _ features: Int, epsilon: Double = 1e-5, momentum: Double? = 0.1, affine: Bool = true,
    trackRunningStats: Bool = true, strategy: DataParallel
  ) {
    super.init(
      features, epsilon: epsilon, momentum: momentum, affine: affine, trackRunningStats: trackRunningStats)
    jointStatistics = ProcessStatistics(strategy)
  }
}

extension DataParallel {
  /// Lets every `BatchNorm` of a module use the statistics of all processes, as `torch.nn.SyncBatchNorm
  /// .convert_sync_batchnorm` does. The layers stay the same objects.
  ///
  /// - Returns: how many there are.
  @discardableResult
  public func convertSyncBatchNorm(_ module: Module) -> Int {
    let statistics = ProcessStatistics(self)
    let layers = module.modules.compactMap { $0 as? BatchNorm }
    for layer in layers { layer.jointStatistics = statistics }
    return layers.count
  }
}

/// The statistics of all processes' batches.
private final class ProcessStatistics: JointStatistics, @unchecked Sendable {
  // Invariant: only the thread that trains uses the strategy.
  private let strategy: DataParallel

  init(_ strategy: DataParallel) { self.strategy = strategy }

  func normalized(_ x: Tensor, by layer: BatchNorm) -> Tensor? {
    if strategy.count == 1 { return nil }
    let features = layer.features
    // Samples that count.
    let weight = strategy.isSpareStep ? 0 : Double(x.shape[0])
    let isCounted = weight > 0 ? 1.0 : 0
    let axes = [0] + Array(2..<x.rank)
    let shape = [1, features] + Array(repeating: 1, count: x.rank - 2)
    let own = Tensor.full([1], isCounted * Double(x.count / features), dtype: .float64)
    // If the processes work together no more, the strategy's next exchange says so.
    guard let all = try? strategy.communicator.allReduce(own).item() else { return x }
    guard
      fits(
        all > 1, "SyncBatchNorm", .singleValue,
        "expected more than one value per channel in all processes together, found \(Int(all))")
    else { return x }
    let mean = sum(x.sum(axes) * isCounted, weight) / all
    let centred = x - mean.reshape(shape)
    let variance = sum((centred * centred).sum(axes) * isCounted, weight) / all
    move(layer, mean.detach(), variance.detach() * (all / (all - 1)))
    let result = centred / (variance + layer.epsilon).sqrt().reshape(shape)
    guard let weight = layer.weight, let bias = layer.bias else { return result }
    return result * weight.value.reshape(shape) + bias.value.reshape(shape)
  }

  private func move(_ layer: BatchNorm, _ mean: Tensor, _ variance: Tensor) {
    guard let runningMean = layer.runningMean, let runningVariance = layer.runningVariance,
      let batchesTracked = layer.batchesTracked
    else { return }
    let seen = batchesTracked.value.item() + 1
    batchesTracked.value = Tensor(Int(seen))
    let share = layer.momentum ?? 1 / seen
    noGrad {
      runningMean.value = runningMean.value * (1 - share) + mean * share
      runningVariance.value = runningVariance.value * (1 - share) + variance * share
    }
  }

  /// The sum over the processes, as an operation. Each process differentiates its own loss, and the strategy weighs the
  /// gradients by samples: so what comes back from another process counts by its weight over this one's.
  private func sum(_ x: Tensor, _ weight: Double) -> Tensor {
    plainSum(x).recorded("syncBatchNorm", inputs: [x]) { [self] g, _ in
      let all = plainSum(g * weight)
      return [weight > 0 ? all / weight : all * 0]
    }
  }

  private func plainSum(_ x: Tensor) -> Tensor {
    (try? strategy.communicator.allReduce(x)) ?? Tensor.zeros(x.shape, dtype: x.dtype)
  }
}
