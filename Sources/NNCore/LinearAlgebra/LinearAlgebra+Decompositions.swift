extension LinearAlgebra {
  /// The lower triangular L with L · Lᵀ = a (`upper`: its transpose) for symmetric positive definite matrices, as
  /// `torch.linalg.cholesky`. Only the lower triangle of a is read.
  ///
  /// - Throws: `LinearAlgebraError.notPositiveDefinite`.
  public static func cholesky(_ a: Tensor, upper: Bool = false) throws(LinearAlgebraError) -> Tensor {
    check(a, square: true, "cholesky")
    try checkFinite(a, operation: "cholesky")
    let raw = a.detach()
    let factor = a.dtype == .float32 ? try cholesky(raw, Float.self) : try cholesky(raw, Double.self)
    let recorded = factor.recorded("cholesky", inputs: [a], savingOutput: true) { g, context in
      let lower = context.saved(0)
      let product = lower.matrixTransposed.matmul(g)
      let half = product.tril() - product.diagonal(axes: (-2, -1)).asDiagonalMatrices() * 0.5
      let inverse = nonsingularInverse(lower)
      let s = inverse.matrixTransposed.matmul(half).matmul(inverse)
      return [(s + s.matrixTransposed) * 0.5]
    }
    return upper ? recorded.matrixTransposed : recorded
  }

  private static func cholesky<T: LAPACKElement>(
    _ a: Tensor, _ type: T.Type
  ) throws(LinearAlgebraError) -> Tensor {
    let matrices = ColumnMajorBatch<T>(copying: a)
    let infos = forEachMatrix(matrices.count) { T.potrf(matrices.rows, matrices.matrix($0)) }
    if let index = infos.firstIndex(where: { $0 != 0 }) {
      throw .notPositiveDefinite(operation: "cholesky", order: infos[index], matrix: index)
    }
    return matrices.tensor.tril()
  }

  /// The inverse of matrices that were found to be invertible before.
  static func nonsingularInverse(_ a: Tensor) -> Tensor {
    do {
      return try inverse(a)
    } catch {
      fail("backward", "\(error)")
    }
  }

  // MARK: - QR

  /// Orthonormal columns Q and upper triangular R with Q · R = a, as `torch.linalg.qr`.
  ///
  /// - Parameter complete: Q is square [..., m, m]; otherwise it has min(m, n) columns. Gradients need m >= n, and
  ///   the reduced form.
  public static func qr(_ a: Tensor, complete: Bool = false) throws(LinearAlgebraError) -> (
    q: Tensor, r: Tensor
  ) {
    check(a, "qr")
    try checkFinite(a, operation: "qr")
    let (m, n) = (a.shape[a.rank - 2], a.shape[a.rank - 1])
    let raw = a.detach()
    let found = a.dtype == .float32 ? qr(raw, complete, Float.self) : qr(raw, complete, Double.self)
    var outputs = [found.q, found.r]
    if Tensor.shouldRecord([a]) {
      require(
        m >= n && (!complete || m == n), "qr", "gradients need the reduced form and m >= n, got \(a.shape)")
    }
    Tensor.record("qr", outputs: &outputs, inputs: [a], savingOutputs: [0, 1]) { gradients, context in
      let (q, r) = (context.saved(0), context.saved(1))
      let gq = gradients[0] ?? Tensor.zeros(like: q)
      let gr = gradients[1] ?? Tensor.zeros(like: r)
      let m = r.matmul(gr.matrixTransposed) - gq.matrixTransposed.matmul(q)
      let symmetric = m.tril() + m.tril(-1).matrixTransposed
      return [(gq + q.matmul(symmetric)).matmul(nonsingularInverse(r).matrixTransposed)]
    }
    return (outputs[0], outputs[1])
  }

  private static func qr<T: LAPACKElement>(
    _ a: Tensor, _ complete: Bool, _ type: T.Type
  ) -> (q: Tensor, r: Tensor) {
    let batch = Array(a.shape.dropLast(2))
    let (m, n) = (a.shape[a.rank - 2], a.shape[a.rank - 1])
    let (k, columns) = (Swift.min(m, n), complete ? m : Swift.min(m, n))
    // Room for the larger of a and Q: the reflectors are turned into Q in place.
    let matrices = ColumnMajorBatch<T>(batch: batch, rows: m, columns: Swift.max(n, columns))
    matrices.tensor.backend.assign(a, to: matrices.corner(m, n))
    let tau = Tensor(uninitialized: [matrices.count, Swift.max(1, k)], dtype: T.dtype)
    func reflectors(_ index: Int) -> UnsafeMutablePointer<T> {
      tau.hostPointer(T.self) + index * Swift.max(1, k)
    }
    _ = forEachMatrix(matrices.count) { T.geqrf(m, n, matrices.matrix($0), reflectors($0)) }
    let r = matrices.corner(columns, n).clone().triu()
    _ = forEachMatrix(matrices.count) { T.orgqr(m, columns, k, matrices.matrix($0), reflectors($0)) }
    return (matrices.corner(m, columns).clone(), r)
  }

  // MARK: - Singular values

  /// U, S and Vᵀ with U · diag(S) · Vᵀ = a, S descending, as `torch.linalg.svd`.
  ///
  /// - Parameter fullMatrices: U and Vᵀ are square [..., m, m] and [..., n, n]; otherwise they have min(m, n) columns
  ///   and rows. Gradients need the reduced form, and distinct singular values unless only S is used.
  public static func svd(
    _ a: Tensor, fullMatrices: Bool = true
  ) throws(LinearAlgebraError) -> (u: Tensor, s: Tensor, vh: Tensor) {
    check(a, "svd")
    try checkFinite(a, operation: "svd")
    let raw = a.detach()
    let found =
      a.dtype == .float32 ? try svd(raw, fullMatrices, Float.self) : try svd(raw, fullMatrices, Double.self)
    var outputs = [found.u, found.s, found.vh]
    if Tensor.shouldRecord([a]) {
      require(
        !fullMatrices || a.shape[a.rank - 1] == a.shape[a.rank - 2], "svd",
        "gradients need fullMatrices: false for matrices that are not square")
    }
    Tensor.record("svd", outputs: &outputs, inputs: [a], savingOutputs: [0, 1, 2]) { gradients, context in
      svdGradient(
        gradients, u: context.saved(0), s: context.saved(1), vh: context.saved(2))
    }
    return (outputs[0], outputs[1], outputs[2])
  }

  /// Townsend, "Differentiating the singular value decomposition" (2016).
  private static func svdGradient(_ gradients: [Tensor?], u: Tensor, s: Tensor, vh: Tensor) -> [Tensor?] {
    let (ut, v) = (u.matrixTransposed, vh.matrixTransposed)
    let (row, column) = (s.unsqueeze(-2), s.unsqueeze(-1))
    var inner = gradients[1]?.asDiagonalMatrices()
    var outer: Tensor?
    func add(_ sum: inout Tensor?, _ term: Tensor) { sum = sum.map { $0 + term } ?? term }
    if let gu = gradients[0] {
      let skew = ut.matmul(gu) - gu.matrixTransposed.matmul(u)
      add(&inner, skew * gaps(row.square() - column.square()) * row)
      add(&outer, ((gu - u.matmul(ut.matmul(gu))) / row).matmul(vh))
    }
    if let gvh = gradients[2] {
      let gv = gvh.matrixTransposed
      let skew = vh.matmul(gv) - gvh.matmul(v)
      add(&inner, column * skew * gaps(row.square() - column.square()))
      add(&outer, u.matmul((gvh - gvh.matmul(v).matmul(vh)) / column))
    }
    if let inner { add(&outer, u.matmul(inner).matmul(vh)) }
    return [outer]
  }

  /// 1 / difference off the diagonal, 0 on it.
  private static func gaps(_ difference: Tensor) -> Tensor {
    let eye = Tensor.eye(difference.shape[difference.rank - 1], dtype: difference.dtype)
    return (1 - eye) / (difference + eye)
  }

  private static func svd<T: LAPACKElement>(
    _ a: Tensor, _ fullMatrices: Bool, _ type: T.Type
  ) throws(LinearAlgebraError) -> (u: Tensor, s: Tensor, vh: Tensor) {
    let matrices = ColumnMajorBatch<T>(copying: a)
    let (m, n, batch) = (matrices.rows, matrices.columns, Array(a.shape.dropLast(2)))
    let k = Swift.min(m, n)
    let u = ColumnMajorBatch<T>(batch: batch, rows: m, columns: fullMatrices ? m : k)
    let vh = ColumnMajorBatch<T>(batch: batch, rows: fullMatrices ? n : k, columns: n)
    let s = Tensor(uninitialized: batch + [k], dtype: a.dtype)
    if k == 0 {  // LAPACK leaves the vectors of an empty matrix as they are
      u.tensor.backend.assign(Tensor.eye(m, u.columns, dtype: T.dtype), to: u.tensor)
      vh.tensor.backend.assign(Tensor.eye(vh.rows, n, dtype: T.dtype), to: vh.tensor)
      return (u.tensor, s, vh.tensor)
    }
    let infos = forEachMatrix(matrices.count) { index in
      T.gesdd(
        fullMatrices ? "A" : "S", m, n, matrices.matrix(index), s.hostPointer(T.self) + index * k,
        u.matrix(index), m,
        vh.matrix(index), vh.rows)
    }
    if let index = infos.firstIndex(where: { $0 != 0 }) {
      throw .noConvergence(operation: "svd", matrix: index)
    }
    return (u.tensor, s, vh.tensor)
  }

  // MARK: - Eigenvalues

  /// Eigenvalues, ascending, and eigenvectors (the columns) of symmetric matrices, as `torch.linalg.eigh`. Only the
  /// lower triangle of a is read. Gradients of the vectors need distinct eigenvalues.
  public static func eigh(
    _ a: Tensor
  ) throws(LinearAlgebraError) -> (eigenvalues: Tensor, eigenvectors: Tensor) {
    check(a, square: true, "eigh")
    try checkFinite(a, operation: "eigh")
    let raw = a.detach()
    let found = a.dtype == .float32 ? try eigh(raw, Float.self) : try eigh(raw, Double.self)
    var outputs = [found.values, found.vectors]
    Tensor.record("eigh", outputs: &outputs, inputs: [a], savingOutputs: [0, 1]) { gradients, context in
      let (values, vectors) = (context.saved(0), context.saved(1))
      var inner = (gradients[0] ?? Tensor.zeros(like: values)).asDiagonalMatrices()
      if let g = gradients[1] {
        inner = inner + vectors.matrixTransposed.matmul(g) * gaps(values.unsqueeze(-2) - values.unsqueeze(-1))
      }
      let gradient = vectors.matmul(inner).matmul(vectors.matrixTransposed)
      return [(gradient + gradient.matrixTransposed) * 0.5]
    }
    return (outputs[0], outputs[1])
  }

  private static func eigh<T: LAPACKElement>(
    _ a: Tensor, _ type: T.Type
  ) throws(LinearAlgebraError) -> (values: Tensor, vectors: Tensor) {
    let matrices = ColumnMajorBatch<T>(copying: a)
    let values = Tensor(uninitialized: Array(a.shape.dropLast()), dtype: a.dtype)
    let infos = forEachMatrix(matrices.count) { index in
      T.syevd(matrices.rows, matrices.matrix(index), values.hostPointer(T.self) + index * matrices.rows)
    }
    if let index = infos.firstIndex(where: { $0 != 0 }) {
      throw .noConvergence(operation: "eigh", matrix: index)
    }
    return (values, matrices.tensor)
  }
}
