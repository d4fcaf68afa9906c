import COpenBLAS

extension Init {
  /// A (semi-)orthogonal matrix times `gain`, for shapes of at least two dimensions; those behind the first
  /// count as one. Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural
  /// networks", 2013.
  ///
  /// Normal numbers are drawn in the type asked for and factorised in float64; the signs are chosen so that
  /// the result is distributed evenly over all orthogonal matrices, as PyTorch does.
  public static func orthogonal(
    _ shape: [Int], gain: Double = 1, generator: Generator = .default, dtype: DType = .float32
  ) -> Tensor {
    require(shape.count >= 2, "Init.orthogonal", "needs at least two dimensions, got \(shape)")
    let normal = Tensor.normal(shape, generator: generator, dtype: dtype)
    if normal.count == 0 { return normal }
    let matrix = normal.reshape([shape[0], -1])
    let isWide = matrix.shape[0] < matrix.shape[1]
    let q = orthogonalFactor(isWide ? matrix.transpose(0, 1) : matrix)
    return ((isWide ? q.transpose(0, 1) : q).reshape(shape) * gain).to(dtype)
  }

  /// Q of the QR factorisation in which the diagonal of R is positive, for at least as many rows as columns.
  private static func orthogonalFactor(_ matrix: Tensor) -> Tensor {
    _ = ThreadPool.shared  // sets OpenBLAS to one thread, so that the result does not depend on their number
    let (rows, columns) = (matrix.shape[0], matrix.shape[1])
    var values = matrix.array(of: Double.self)
    var scales = [Double](repeating: 0, count: columns)
    let (m, n) = (Int32(rows), Int32(columns))
    let factorised = LAPACKE_dgeqrf(LAPACK_ROW_MAJOR, m, n, &values, n, &scales)
    let signs = (0..<columns).map { values[$0 * columns + $0] < 0 ? -1.0 : 1 }
    let formed = LAPACKE_dorgqr(LAPACK_ROW_MAJOR, m, n, n, &values, n, scales)
    require(
      factorised == 0 && formed == 0, "Init.orthogonal",
      "LAPACK could not factorise the matrix: dgeqrf \(factorised), dorgqr \(formed)")
    for index in values.indices { values[index] *= signs[index % columns] }
    return Tensor(values, shape: [rows, columns])
  }
}
