import NNCore
import NNLayers

/// A linear head whose softmax gives the classes, trained to convergence: the W and b with the least mean cross-entropy
/// + λ/2 |W|², by `LBFGS` from 0. There is one such head, whatever the order of the samples.
///
/// The bias is not regularised. scikit-learn's C is 1 / (λ N).
///
/// Source: https://scikit-learn.org/stable/modules/linear_model.html#logistic-regression
public struct LogisticHead: Sendable {
  /// [classes, F], as of a `Linear`.
  public let weight: Tensor
  /// [classes].
  public let bias: Tensor

  /// - Parameters:
  ///   - features: [N, F], best of mean 0 and variance 1.
  ///   - target: class numbers [N] in 0..<classes.
  ///   - regularization: λ, at least 0.
  ///   - weight: how much errors of each class count, [classes].
  ///   - iterations: at most.
  /// - Throws: `HeadSearchError` for features that are no such tensor.
  public static func solve(
    _ features: Tensor, _ target: Tensor, classes: Int, regularization: Double, weight: Tensor? = nil,
    iterations: Int = 300
  ) throws -> LogisticHead {
    require(
      regularization >= 0, "LogisticHead", "the regularisation must not be negative, got \(regularization)")
    let data = try LabelledFeatures(features, target, classes: classes)
    let w = Parameter(Tensor.zeros([classes, data.features.shape[1]], dtype: data.features.dtype))
    let b = Parameter(Tensor.zeros([classes], dtype: data.features.dtype))
    let optimizer = LBFGS(
      [w, b], maxIterations: iterations, gradientTolerance: 1e-6, historySize: 20, usesStrongWolfe: true)
    optimizer.step {
      crossEntropy(data.features.linear(w.value, bias: b.value), data.target, weight: weight)
        + regularization / 2 * w.value.square().sum()
    }
    return LogisticHead(weight: w.value.detach(), bias: b.value.detach())
  }

  /// Scores [N, classes] of features [N, F].
  public func callAsFunction(_ features: Tensor) -> Tensor { features.linear(weight, bias: bias) }
}
