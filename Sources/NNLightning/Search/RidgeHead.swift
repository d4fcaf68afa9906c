import NNCore

/// A linear head in closed form: the W and b with the least Σ |Wᵀx + b - onehot(t)|² + λ N |W|².
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
  /// - Throws: `HeadSearchError` for features that are no such tensor; `LinearAlgebraError` if a λ is too small for
  ///   features that depend on each other.
  public static func solve(
    _ features: Tensor, _ target: Tensor, classes: Int, regularizations: [Double]
  ) throws -> [RidgeHead] {
    let data = try LabelledFeatures(features, target, classes: classes)
    let x = data.features.to(.float64)
    let y = data.target.oneHot(classes).to(.float64)
    let (xMean, yMean) = (x.mean([0], keepDim: true), y.mean([0], keepDim: true))
    let centred = x - xMean
    let gram = centred.transpose(0, 1).matmul(centred)
    let right = centred.transpose(0, 1).matmul(y - yMean)
    let identity = Tensor.eye(gram.shape[0], dtype: .float64)
    return try regularizations.map { strength in
      require(strength > 0, "RidgeHead", "regularisations must be positive, got \(strength)")
      let factor = try LinearAlgebra.cholesky(gram + identity * (strength * Double(x.shape[0])))
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
