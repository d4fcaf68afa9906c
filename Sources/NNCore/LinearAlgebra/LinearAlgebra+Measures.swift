import Foundation

extension LinearAlgebra {
  /// Determinants of square matrices, as `torch.linalg.det`; 0 for singular ones.
  public static func det(_ a: Tensor) -> Tensor {
    check(a, square: true, "det")
    let (sign, logarithm) = signAndLogarithm(a)
    return (sign * logarithm.exp()).recorded("det", inputs: [a], saving: [a], savingOutput: true) {
      g, context in
      let (a, value) = (context.saved(0), context.saved(1))
      let factor = g.unsqueeze(-1).unsqueeze(-1)
      if (value.detach() .!= 0).all().array(of: Bool.self)[0], let inverse = try? inverse(a) {
        return [factor * value.unsqueeze(-1).unsqueeze(-1) * inverse.matrixTransposed]
      }
      return [factor * cofactors(a.detach())]
    }
  }

  /// Derivatives of the determinant, also where it is 0: U · diag(products of the other singular values) · Vᵀ, up to
  /// the sign of U · Vᵀ.
  private static func cofactors(_ a: Tensor) -> Tensor {
    guard let (u, s, vh) = try? svd(a) else { return a * Double.nan }
    let n = s.shape[s.rank - 1]
    let others = s.unsqueeze(-2).expand(s.shape + [n]) * (1 - Tensor.eye(n, dtype: s.dtype))
    let products = (others + Tensor.eye(n, dtype: s.dtype)).prod([-1])
    let sign = (signAndLogarithm(u).sign * signAndLogarithm(vh).sign).unsqueeze(-1).unsqueeze(-1)
    return sign * u.matmul(products.unsqueeze(-1) * vh)
  }

  /// Signs of the determinants and natural logarithms of their absolute values, as `torch.linalg.slogdet`: they do
  /// not overflow. (0, -infinity) for singular matrices, whose gradient is NaN.
  public static func slogdet(_ a: Tensor) -> (sign: Tensor, logAbsDet: Tensor) {
    check(a, square: true, "slogdet")
    let (sign, logarithm) = signAndLogarithm(a)
    let recorded = logarithm.recorded("slogdet", inputs: [a], saving: [a]) { g, context in
      let a = context.saved(0)
      guard let inverse = try? inverse(a) else { return [a * Double.nan] }
      return [g.unsqueeze(-1).unsqueeze(-1) * inverse.matrixTransposed]
    }
    return (sign, recorded)
  }

  private static func signAndLogarithm(_ a: Tensor) -> (sign: Tensor, logarithm: Tensor) {
    a.dtype == .float32 ? signAndLogarithm(a.detach(), Float.self) : signAndLogarithm(a.detach(), Double.self)
  }

  /// From the triangular factor of Gaussian elimination; NaN if the matrix has one.
  private static func signAndLogarithm<T: LAPACKElement>(
    _ a: Tensor, _ type: T.Type
  ) -> (sign: Tensor, logarithm: Tensor) {
    let matrices = ColumnMajorBatch<T>(copying: a)
    let batch = Array(a.shape.dropLast(2))
    let (sign, logarithm) = (
      a.backend.fill(batch, 1, dtype: a.dtype), a.backend.fill(batch, 0, dtype: a.dtype)
    )
    let (signs, logarithms) = (sign.hostPointer(T.self), logarithm.hostPointer(T.self))
    let n = matrices.rows
    for index in 0..<matrices.count {
      withUnsafeTemporaryAllocation(of: Int32.self, capacity: Swift.max(1, n)) { pivots in
        guard let pivots = pivots.baseAddress else { return }
        let factor = matrices.matrix(index)
        if T.getrf(n, factor, pivots) < 0 {
          (signs[index], logarithms[index]) = (.nan, .nan)
          return
        }
        var (isNegative, isZero, sum) = (false, false, 0.0)
        for i in 0..<n {
          let pivot = Double(factor[i * n + i])
          if (pivots[i] != Int32(i + 1)) != (pivot < 0) { isNegative.toggle() }
          if pivot == 0 { isZero = true }
          sum += Foundation.log(Swift.abs(pivot))
        }
        signs[index] = isZero ? 0 : isNegative ? -1 : 1
        logarithms[index] = T(sum)
      }
    }
    return (sign, logarithm)
  }

  /// Number of singular values above a threshold, int64 [...], as `torch.linalg.matrix_rank`.
  ///
  /// - Parameters:
  ///   - absoluteTolerance: smallest threshold.
  ///   - relativeTolerance: threshold as a part of the largest singular value; by default the machine precision times
  ///     max(m, n), or 0 if there is an absolute one.
  public static func matrixRank(
    _ a: Tensor, absoluteTolerance: Double = 0, relativeTolerance: Double? = nil
  ) throws(LinearAlgebraError) -> Tensor {
    check(a, "matrixRank")
    let s = try svd(a.detach(), fullMatrices: false).s
    let relative = relativeTolerance ?? (absoluteTolerance > 0 ? 0 : nil)
    return (s .> rankTolerance(a, s, relative, absoluteTolerance: absoluteTolerance)).sum(-1)
  }

  /// The threshold for singular values, [..., 1].
  static func rankTolerance(
    _ a: Tensor, _ s: Tensor, _ relative: Double?, absoluteTolerance: Double
  ) -> Tensor {
    if s.shape[s.rank - 1] == 0 { return s.backend.fill(s.shape.dropLast() + [1], 0, dtype: s.dtype) }
    let precision = a.dtype == .float32 ? Double(Float.ulpOfOne) : Double.ulpOfOne
    let size = Double(Swift.max(a.shape[a.rank - 1], a.shape[a.rank - 2]))
    let scaled = s.narrow(-1, start: 0, length: 1) * (relative ?? precision * size)
    return scaled.maximum(Tensor(absoluteTolerance).to(s.dtype))
  }

  // MARK: - Norms

  /// Norms of matrices.
  public enum MatrixNorm: Sendable, Hashable {
    /// Root of the sum of squares.
    case frobenius
    /// Sum of the singular values.
    case nuclear
    /// Largest sum of absolute values of a column.
    case one
    /// Largest sum of absolute values of a row.
    case infinity
    /// Largest singular value.
    case two
  }

  /// Euclidean norm of all elements, a scalar, as `torch.linalg.norm` without an order.
  public static func norm(_ x: Tensor) -> Tensor { x.norm() }

  /// p-norm over the axes (all of them if the list is empty), as `torch.linalg.vector_norm`.
  public static func vectorNorm(
    _ x: Tensor, _ p: Double = 2, axes: [Int] = [], keepDim: Bool = false
  ) -> Tensor {
    x.norm(p, axes, keepDim: keepDim)
  }

  /// Norms of matrices [..., m, n], of shape [...], as `torch.linalg.matrix_norm`.
  public static func matrixNorm(
    _ a: Tensor, _ order: MatrixNorm = .frobenius
  ) throws(LinearAlgebraError) -> Tensor {
    check(a, "matrixNorm")
    switch order {
    case .frobenius: return a.norm(2, [-2, -1])
    case .one: return a.abs().sum(-2).amax([-1])
    case .infinity: return a.abs().sum(-1).amax([-1])
    case .nuclear: return try svd(a, fullMatrices: false).s.sum(-1)
    case .two: return try svd(a, fullMatrices: false).s.amax([-1])
    }
  }
}
