import NNCore

/// A linear head in closed form (ridge regression): the W and b with the least Σ |Wᵀx + b - onehot(t)|² + λ N |W|².
///
/// Centred features X and targets Y give the normal equations (XᵀX + λ N I) W = XᵀY, solved by a Cholesky factor in
/// float64; the bias is not regularised. All λ share XᵀX.
///
/// Source: https://scikit-learn.org/stable/modules/linear_model.html#classification (ridge regression of one-hot classes)
public struct RidgeHead: Sendable {
  /// [classes, F], as of a `Linear`.
  public let weight: Tensor
  /// [classes].
  public let bias: Tensor

  /// Heads for several strengths of the regularisation.
  ///
  /// - Parameters:
  ///   - features: [N, F].
  ///   - target: class numbers [N] in 0..<classes.
  ///   - regularizations: λ, each above 0.
  ///   - weight: how much errors of each class count, [classes], on average over the samples 1.
  /// - Throws: `HeadSearchError` for features that are no such tensor; `LinearAlgebraError` if a λ is too small for
  ///   features that depend on each other.
  public static func solve(
    _ features: Tensor, _ target: Tensor, classes: Int, regularizations: [Double], weight: Tensor? = nil
  ) throws -> [RidgeHead] {
    let data = try LabelledFeatures(features, target, classes: classes)
    let x = data.features.to(.float64)
    let y = data.target.oneHot(classes).to(.float64)
    let count = Double(x.shape[0])
    // Each sample counts so much, [N, 1].
    let shares = weight.map { weight in
      let all = weight.to(.float64).indexSelect(0, index: data.target).unsqueeze(1)
      return all * (count / all.sum().item())
    }
    func mean(_ values: Tensor) -> Tensor { (shares.map { values * $0 } ?? values).mean([0], keepDim: true) }
    let (xMean, yMean) = (mean(x), mean(y))
    let centred = x - xMean
    let weighted = shares.map { centred * $0 } ?? centred
    let gram = centred.transpose(0, 1).matmul(weighted)
    let right = weighted.transpose(0, 1).matmul(y - yMean)
    let identity = Tensor.eye(gram.shape[0], dtype: .float64)
    return try regularizations.map { strength in
      require(strength > 0, "RidgeHead", "regularisations must be positive, got \(strength)")
      let factor = try LinearAlgebra.cholesky(gram + identity * (strength * count))
      let half = try LinearAlgebra.solveTriangular(factor, right, upper: false)
      let w = try LinearAlgebra.solveTriangular(factor.transpose(0, 1), half, upper: true)
      return RidgeHead(weight: w.transpose(0, 1), bias: (yMean - xMean.matmul(w)).squeeze(0))
    }
  }

  /// Scores [N, classes] of features [N, F].
  public func callAsFunction(_ features: Tensor) -> Tensor {
    features.to(.float64).matmul(weight.transpose(0, 1)) + bias
  }
}
