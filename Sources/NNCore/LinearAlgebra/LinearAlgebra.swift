/// Solving, decomposing and measuring matrices, as `torch.linalg`, on LAPACK.
///
/// All functions take float32 or float64 matrices [..., m, n] and work on each matrix of the leading dimensions.
/// What no matrix of that kind has (an inverse, a Cholesky factor) is a thrown `LinearAlgebraError`; a wrong shape
/// or element type stops the program.
public enum LinearAlgebra {}

/// A matrix has no result of the kind asked for.
public enum LinearAlgebraError: Error, Equatable, CustomStringConvertible {
  /// `matrix` counts the matrices of the batch from 0, as in the other cases.
  case singular(operation: String, matrix: Int)
  /// The leading minor of this order is not positive.
  case notPositiveDefinite(operation: String, order: Int, matrix: Int)
  case noConvergence(operation: String, matrix: Int)
  /// The input has a NaN or an infinity.
  case notFinite(operation: String)

  public var description: String {
    switch self {
    case .singular(let operation, let matrix):
      "\(operation): expected an invertible matrix, matrix \(matrix) is singular"
    case .notPositiveDefinite(let operation, let order, let matrix):
      "\(operation): expected a positive definite matrix, the leading minor of order \(order) of matrix "
        + "\(matrix) is not positive"
    case .noConvergence(let operation, let matrix):
      "\(operation): the iteration did not converge for matrix \(matrix)"
    case .notFinite(let operation): "\(operation): expected finite numbers, found NaN or infinity"
    }
  }
}

extension LinearAlgebra {
  static func check(_ a: Tensor, square: Bool = false, _ name: StaticString) {
    require(
      a.dtype == .float32 || a.dtype == .float64, name, "needs float32 or float64, got \(a.dtype)")
    require(
      a.rank >= 2 && (!square || a.shape[a.rank - 1] == a.shape[a.rank - 2]), name,
      "needs \(square ? "square " : "")matrices [..., m, n], got shape \(a.shape)")
  }

  static func checkFinite(_ tensors: Tensor..., operation: String) throws(LinearAlgebraError) {
    for tensor in tensors where tensor.count > 0 && !tensor.detach().isFinite().all().array(of: Bool.self)[0]
    {
      throw .notFinite(operation: operation)
    }
  }

  /// Calls `body` for each matrix of a batch, in parallel; it returns what LAPACK calls info.
  static func forEachMatrix(_ count: Int, _ body: (Int) -> Int) -> [Int] {
    var infos = Array(repeating: 0, count: count)
    infos.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      ThreadPool.shared.parallelFor(pieces: count) { index in base[index] = body(index) }
    }
    return infos
  }
}

/// Matrices of one size, column by column in memory of their own, for LAPACK to work on.
struct ColumnMajorBatch<Element: LAPACKElement>: Sendable {
  let tensor: Tensor
  let rows: Int
  let columns: Int
  let count: Int

  /// A copy of [..., rows, columns].
  init(copying a: Tensor) {
    self.init(batch: Array(a.shape.dropLast(2)), rows: a.shape[a.rank - 2], columns: a.shape[a.rank - 1])
    tensor.backend.assign(a.detach(), to: tensor)
  }

  /// Memory that is not set yet.
  init(batch: [Int], rows: Int, columns: Int) {
    let shape = batch + [rows, columns]
    var strides = Tensor.contiguousStrides(shape)
    strides[shape.count - 2] = 1
    strides[shape.count - 1] = Swift.max(1, rows)
    (self.rows, self.columns) = (rows, columns)
    count = batch.reduce(1, *)
    tensor = Tensor(uninitialized: shape, dtype: Element.dtype, strides: strides)
  }

  func matrix(_ index: Int) -> UnsafeMutablePointer<Element> {
    tensor.hostPointer(Element.self) + index * rows * columns
  }

  /// The first rows and columns of every matrix, as a view.
  func corner(_ rows: Int, _ columns: Int) -> Tensor {
    tensor.view(shape: tensor.shape.dropLast(2) + [rows, columns], strides: tensor.strides)
  }
}

extension Tensor {
  /// Transposed matrices of a batch.
  var matrixTransposed: Tensor { transpose(-1, -2) }

  /// The elements on the diagonal of new matrices that are zero elsewhere.
  func asDiagonalMatrices() -> Tensor { unsqueeze(-1) * Tensor.eye(shape[rank - 1], dtype: dtype) }
}
