extension LinearAlgebra {
  /// The X with a · X = b for square matrices a [..., n, n], as `torch.linalg.solve`.
  ///
  /// - Parameter b: [..., n, k]; or vectors [..., n], if it has one dimension or the shape of a without the last.
  /// - Throws: `LinearAlgebraError.singular`.
  public static func solve(_ a: Tensor, _ b: Tensor) throws(LinearAlgebraError) -> Tensor {
    check(a, square: true, "solve")
    let isVector = b.rank == 1 || b.shape == Array(a.shape.dropLast())
    let right = isVector ? b.unsqueeze(-1) : b
    require(
      right.rank >= 2 && right.shape[right.rank - 2] == a.shape[a.rank - 1] && a.dtype == b.dtype, "solve",
      "\(b.shape) of \(b.dtype) is no right side for matrices \(a.shape) of \(a.dtype)")
    try checkFinite(a, b, operation: "solve")
    let result = try solution(broadcastBatch(a, right, "solve"), "solve")
    return isVector ? result.squeeze(-1) : result
  }

  /// The inverses of square matrices, as `torch.linalg.inv`. To solve equations `solve` is faster and more exact.
  public static func inverse(_ a: Tensor) throws(LinearAlgebraError) -> Tensor {
    check(a, square: true, "inverse")
    try checkFinite(a, operation: "inverse")
    return try inverted(a)
  }

  /// The X with a · X = b where only one triangle of a counts, as `torch.linalg.solve_triangular`.
  public static func solveTriangular(
    _ a: Tensor, _ b: Tensor, upper: Bool
  ) throws(LinearAlgebraError) -> Tensor {
    check(a, square: true, "solveTriangular")
    require(
      b.rank >= 2 && b.shape[b.rank - 2] == a.shape[a.rank - 1] && a.dtype == b.dtype, "solveTriangular",
      "\(b.shape) of \(b.dtype) is no right side for matrices \(a.shape) of \(a.dtype)")
    try checkFinite(a, b, operation: "solveTriangular")
    return try triangularSolution(broadcastBatch(a, b, "solveTriangular"), upper: upper)
  }

  private static func broadcastBatch(_ a: Tensor, _ b: Tensor, _ name: StaticString) -> (a: Tensor, b: Tensor)
  {
    let batch = Tensor.broadcastShape(Array(a.shape.dropLast(2)), Array(b.shape.dropLast(2)), name)
    return (a.expand(batch + a.shape.suffix(2)), b.expand(batch + b.shape.suffix(2)))
  }

  private static func solution(
    _ sides: (a: Tensor, b: Tensor), _ operation: String
  ) throws(LinearAlgebraError) -> Tensor {
    let (a, b) = sides
    let result =
      a.dtype == .float32 ? try solve(a, b, operation, Float.self) : try solve(a, b, operation, Double.self)
    return result.recorded("solve", inputs: [a, b], saving: [a], savingOutput: true) { g, context in
      let back = sure { () throws(LinearAlgebraError) in
        try solution((context.saved(0).matrixTransposed, g), operation)
      }
      return [
        context.needs(0) ? -back.matmul(context.saved(1).matrixTransposed) : nil,
        context.needs(1) ? back : nil,
      ]
    }
  }

  private static func solve<T: LAPACKElement>(
    _ a: Tensor, _ b: Tensor, _ operation: String, _ type: T.Type
  ) throws(LinearAlgebraError) -> Tensor {
    let (matrices, right) = (ColumnMajorBatch<T>(copying: a), ColumnMajorBatch<T>(copying: b))
    let infos = forEachMatrix(matrices.count) { index in
      withUnsafeTemporaryAllocation(of: Int32.self, capacity: Swift.max(1, matrices.rows)) { pivots in
        guard let pivots = pivots.baseAddress else { return 0 }
        return T.gesv(matrices.rows, right.columns, matrices.matrix(index), pivots, right.matrix(index))
      }
    }
    if let index = infos.firstIndex(where: { $0 != 0 }) {
      throw .singular(operation: operation, matrix: index)
    }
    return right.tensor
  }

  private static func inverted(_ a: Tensor) throws(LinearAlgebraError) -> Tensor {
    let identity = Tensor.eye(a.shape[a.rank - 1], dtype: a.dtype).expand(a.shape)
    let raw = a.detach()
    let result =
      a.dtype == .float32
      ? try solve(raw, identity, "inverse", Float.self) : try solve(raw, identity, "inverse", Double.self)
    return result.recorded("inverse", inputs: [a], savingOutput: true) { g, context in
      let transposed = context.saved(0).matrixTransposed
      return [-transposed.matmul(g).matmul(transposed)]
    }
  }

  private static func triangularSolution(
    _ sides: (a: Tensor, b: Tensor), upper: Bool
  ) throws(LinearAlgebraError) -> Tensor {
    let (a, b) = sides
    let result =
      a.dtype == .float32
      ? try triangularSolve(a, b, upper, Float.self) : try triangularSolve(a, b, upper, Double.self)
    return result.recorded("solveTriangular", inputs: [a, b], saving: [a], savingOutput: true) { g, context in
      let back = sure { () throws(LinearAlgebraError) in
        try triangularSolution((context.saved(0).matrixTransposed, g), upper: !upper)
      }
      let full = context.needs(0) ? -back.matmul(context.saved(1).matrixTransposed) : nil
      return [upper ? full?.triu() : full?.tril(), context.needs(1) ? back : nil]
    }
  }

  private static func triangularSolve<T: LAPACKElement>(
    _ a: Tensor, _ b: Tensor, _ upper: Bool, _ type: T.Type
  ) throws(LinearAlgebraError) -> Tensor {
    let (matrices, right) = (ColumnMajorBatch<T>(copying: a), ColumnMajorBatch<T>(copying: b))
    let infos = forEachMatrix(matrices.count) { index in
      T.trtrs(upper, matrices.rows, right.columns, matrices.matrix(index), right.matrix(index))
    }
    if let index = infos.firstIndex(where: { $0 != 0 }) {
      throw .singular(operation: "solveTriangular", matrix: index)
    }
    return right.tensor
  }

  /// A solution whose matrices were found to be invertible before.
  private static func sure(_ body: () throws(LinearAlgebraError) -> Tensor) -> Tensor {
    do {
      return try body()
    } catch {
      fail("backward", "\(error)")
    }
  }

  // MARK: - Least squares

  /// What `lstsq` finds.
  public struct LeastSquares: Sendable {
    /// The X of smallest norm that minimises |a · X - b|, [..., n, k].
    public let solution: Tensor
    /// Sums of squares of the columns of a · X - b, [..., k], if m > n and all matrices have full rank; else nil.
    public let residuals: Tensor?
    /// Rank of each matrix, int64 [...].
    public let rank: Tensor
    /// Singular values of each matrix, the largest first, [..., min(m, n)].
    public let singularValues: Tensor
  }

  /// Least-squares solutions of a · X = b for matrices a [..., m, n] and b [..., m, k] of one batch, by singular
  /// values, as `torch.linalg.lstsq(driver="gelsd")`. Only the solution has gradients.
  ///
  /// - Parameter relativeTolerance: singular values below this part of the largest count as 0; by default the
  ///   machine precision times max(m, n).
  public static func lstsq(
    _ a: Tensor, _ b: Tensor, relativeTolerance: Double? = nil
  ) throws(LinearAlgebraError) -> LeastSquares {
    check(a, "lstsq")
    require(
      b.dtype == a.dtype && b.rank == a.rank && b.shape.dropLast() == a.shape.dropLast(), "lstsq",
      "\(b.shape) of \(b.dtype) is no right side for matrices \(a.shape) of \(a.dtype)")
    try checkFinite(a, b, operation: "lstsq")
    let found =
      a.dtype == .float32
      ? try leastSquares(a.detach(), b.detach(), relativeTolerance, Float.self)
      : try leastSquares(a.detach(), b.detach(), relativeTolerance, Double.self)
    if !isGradientEnabled || !(a.requiresGrad || b.requiresGrad) { return found }
    // The same solution as a function of a and b that has derivatives.
    let solution = try pinv(a, relativeTolerance: relativeTolerance).matmul(b)
    return LeastSquares(
      solution: solution, residuals: found.residuals, rank: found.rank, singularValues: found.singularValues)
  }

  private static func leastSquares<T: LAPACKElement>(
    _ a: Tensor, _ b: Tensor, _ relativeTolerance: Double?, _ type: T.Type
  ) throws(LinearAlgebraError) -> LeastSquares {
    let matrices = ColumnMajorBatch<T>(copying: a)
    let (m, n, k) = (matrices.rows, matrices.columns, b.shape[b.rank - 1])
    let batch = Array(a.shape.dropLast(2))
    let right = ColumnMajorBatch<T>(batch: batch, rows: Swift.max(m, n), columns: k)
    right.tensor.backend.assign(b.backend.fill([], 0, dtype: b.dtype), to: right.tensor)
    right.tensor.backend.assign(b, to: right.corner(m, k))
    let values = Tensor(uninitialized: batch + [Swift.min(m, n)], dtype: a.dtype)
    let ranks = Tensor(uninitialized: batch, dtype: .int64)
    let tolerance = relativeTolerance.map { T($0) } ?? T(Swift.max(m, n)) * T.ulpOfOne
    let infos = forEachMatrix(matrices.count) { index in
      var rank: Int32 = 0
      let info = T.gelsd(
        m, n, k, matrices.matrix(index), right.matrix(index),
        values.hostPointer(T.self) + index * Swift.min(m, n), tolerance, &rank)
      ranks.hostPointer(Int64.self)[index] = Int64(rank)
      return info
    }
    if let index = infos.firstIndex(where: { $0 != 0 }) {
      throw .noConvergence(operation: "lstsq", matrix: index)
    }
    let isFull = ranks.array(of: Int.self).allSatisfy { $0 == n }
    let rest = right.tensor.narrow(-2, start: Swift.min(n, m), length: Swift.max(0, m - n))
    return LeastSquares(
      solution: right.corner(n, k).clone(), residuals: m > n && isFull ? rest.square().sum(-2) : nil,
      rank: ranks,
      singularValues: values)
  }

  /// Pseudo-inverses [..., n, m] of matrices [..., m, n], as `torch.linalg.pinv`.
  ///
  /// - Parameter relativeTolerance: singular values below this part of the largest count as 0; by default the
  ///   machine precision times max(m, n).
  public static func pinv(_ a: Tensor, relativeTolerance: Double? = nil) throws(LinearAlgebraError) -> Tensor
  {
    check(a, "pinv")
    let (u, s, vh) = try svd(a.detach(), fullMatrices: false)
    let kept = s .> rankTolerance(a, s, relativeTolerance, absoluteTolerance: 0)
    let inverse = `where`(kept, s.reciprocal(), s.backend.fill([], 0, dtype: s.dtype))
    let result = vh.matrixTransposed.matmul(inverse.unsqueeze(-1) * u.matrixTransposed)
    // Golub and Pereyra (1973): the derivative for matrices whose rank does not change.
    return result.recorded("pinv", inputs: [a], saving: [a], savingOutput: true) { g, context in
      let (a, p) = (context.saved(0), context.saved(1))
      let (gt, pt) = (g.matrixTransposed, p.matrixTransposed)
      let (rows, columns) = (gt.matmul(p).matmul(pt), pt.matmul(p).matmul(gt))
      return [
        rows - a.matmul(p.matmul(rows)) + columns - columns.matmul(p).matmul(a) - pt.matmul(g).matmul(pt)
      ]
    }
  }
}
