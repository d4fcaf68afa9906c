import NNCore
import TestSupport
import Testing

struct LinearAlgebraTests {
  private static func values(_ name: String, _ shape: [Int], _ dtype: DType = .float64) -> Tensor {
    FormulaNumbers.uniform("linalg/\(name)", shape).to(dtype)
  }

  /// Symmetric matrices with eigenvalues above 0.5.
  private static func positive(_ a: Tensor) -> Tensor {
    a.matmul(a.transpose(-1, -2)) + 0.5 * Tensor.eye(a.shape[a.rank - 2], dtype: a.dtype)
  }

  private static func expectEqual(
    _ a: Tensor, _ b: Tensor, _ comment: Comment? = nil, tolerance: Double? = nil,
    location: SourceLocation = #_sourceLocation
  ) {
    let allowed = tolerance ?? (a.dtype == .float32 ? 2e-5 : 1e-12)
    let found = tensorDifferences(a, b, relativeTolerance: allowed, absoluteTolerance: allowed)
    #expect(found.isEmpty, comment, sourceLocation: location)
  }

  /// For closures that must not throw.
  private static func attempt(_ body: () throws -> Tensor) -> Tensor {
    do {
      return try body()
    } catch {
      Issue.record(error)
      return Tensor(Double.nan)
    }
  }

  @Test(arguments: [DType.float32, .float64], [[], [3], [2, 3], [0]])
  func identities(_ dtype: DType, _ batch: [Int]) throws {
    let eye = Tensor.eye(4, dtype: dtype)
    let a = Self.values("a", batch + [4, 4], dtype) + 2 * eye
    let b = Self.values("b", batch + [4, 2], dtype)
    Self.expectEqual(a.matmul(try LinearAlgebra.solve(a, b)), b)
    Self.expectEqual(a.matmul(try LinearAlgebra.inverse(a)), eye.expand(batch + [4, 4]))
    Self.expectEqual(a.tril().matmul(try LinearAlgebra.solveTriangular(a, b, upper: false)), b)
    Self.expectEqual(a.triu().matmul(try LinearAlgebra.solveTriangular(a, b, upper: true)), b)

    let p = Self.positive(a)
    let factor = try LinearAlgebra.cholesky(p)
    Self.expectEqual(factor.matmul(factor.transpose(-1, -2)), p)
    Self.expectEqual(factor, factor.tril())
    Self.expectEqual(try LinearAlgebra.cholesky(p, upper: true), factor.transpose(-1, -2))

    let (eigenvalues, vectors) = try LinearAlgebra.eigh(p)
    Self.expectEqual(p.matmul(vectors), vectors * eigenvalues.unsqueeze(-2))
    Self.expectEqual(vectors.transpose(-1, -2).matmul(vectors), eye.expand(batch + [4, 4]))
    let sorted = eigenvalues.sort().values
    #expect(eigenvalues.isEqual(to: sorted))
  }

  @Test(arguments: [DType.float32, .float64], [(5, 3), (3, 5), (4, 4), (1, 1), (0, 3), (3, 0)])
  func decompositions(_ dtype: DType, _ size: (Int, Int)) throws {
    let (m, n) = size
    let k = min(m, n)
    let a = Self.values("rectangular", [2, m, n], dtype)
    for complete in [false, true] {
      let (q, r) = try LinearAlgebra.qr(a, complete: complete)
      #expect(q.shape == [2, m, complete ? m : k] && r.shape == [2, complete ? m : k, n])
      Self.expectEqual(q.matmul(r), a)
      Self.expectEqual(r, r.triu())
      Self.expectEqual(
        q.transpose(-1, -2).matmul(q),
        Tensor.eye(q.shape[2], dtype: dtype).expand([2, q.shape[2], q.shape[2]]))

      let (u, s, vh) = try LinearAlgebra.svd(a, fullMatrices: complete)
      #expect(
        u.shape == [2, m, complete ? m : k] && s.shape == [2, k] && vh.shape == [2, complete ? n : k, n])
      let (left, right) = (u.narrow(-1, start: 0, length: k), vh.narrow(-2, start: 0, length: k))
      Self.expectEqual((left * s.unsqueeze(-2)).matmul(right), a)
      Self.expectEqual(
        u.transpose(-1, -2).matmul(u),
        Tensor.eye(u.shape[2], dtype: dtype).expand([2, u.shape[2], u.shape[2]]))
    }
    let p = try LinearAlgebra.pinv(a)
    Self.expectEqual(a.matmul(p).matmul(a), a)
    Self.expectEqual(p.matmul(a).matmul(p), p)
    #expect(try LinearAlgebra.matrixRank(a).array(of: Int.self) == [k, k])
  }

  @Test func solvesVectorsAndBroadcasts() throws {
    let a = Self.values("a", [3, 4, 4]) + 2 * Tensor.eye(4, dtype: .float64)
    let vectors = Self.values("b", [3, 4])
    let x = try LinearAlgebra.solve(a, vectors)
    #expect(x.shape == [3, 4])
    Self.expectEqual(a.matmul(x.unsqueeze(-1)).squeeze(-1), vectors)
    let one = Self.values("c", [4])
    Self.expectEqual(a.matmul(try LinearAlgebra.solve(a, one).unsqueeze(-1)).squeeze(-1), one.expand([3, 4]))
    let many = Self.values("d", [4, 2])
    Self.expectEqual(a.matmul(try LinearAlgebra.solve(a, many)), many.expand([3, 4, 2]))
  }

  @Test func leastSquares() throws {
    let (a, b) = (Self.values("a", [2, 6, 3]), Self.values("b", [2, 6, 2]))
    let found = try LinearAlgebra.lstsq(a, b)
    let rest = a.matmul(found.solution) - b
    Self.expectEqual(a.transpose(-1, -2).matmul(rest), Tensor.zeros([2, 3, 2], dtype: .float64))
    #expect(found.rank.array(of: Int.self) == [3, 3])
    Self.expectEqual(try #require(found.residuals), rest.square().sum(-2))
    Self.expectEqual(found.singularValues, try LinearAlgebra.svd(a).s)

    let wide = Self.values("wide", [2, 5])
    let right = Self.values("right", [2, 1])
    let smallest = try LinearAlgebra.lstsq(wide, right)
    Self.expectEqual(smallest.solution, try LinearAlgebra.pinv(wide).matmul(right))
    #expect(smallest.residuals == nil)

    let deficient = cat([a, a.narrow(-1, start: 0, length: 1)], axis: -1)
    #expect(try LinearAlgebra.lstsq(deficient, b).rank.array(of: Int.self) == [3, 3])
    #expect(try LinearAlgebra.matrixRank(deficient).array(of: Int.self) == [3, 3])
  }

  @Test func measures() throws {
    let a = Tensor([[1.0, 2, 0], [3, -4, 1], [0, 2, 5]])
    Self.expectEqual(LinearAlgebra.det(a), Tensor(-52.0))
    let (sign, logarithm) = LinearAlgebra.slogdet(stack([a, -a, a * 0]))
    #expect(sign.array(of: Double.self) == [-1, 1, 0])
    Self.expectEqual(logarithm.exp(), Tensor([52.0, 52, 0]))
    Self.expectEqual(LinearAlgebra.det(Tensor.zeros([2, 0, 0])), Tensor.ones([2]))
    #expect(LinearAlgebra.det(a * Double.nan).isNaN().array(of: Bool.self) == [true])

    Self.expectEqual(try LinearAlgebra.matrixNorm(a), Tensor(60.0.squareRoot()))
    Self.expectEqual(try LinearAlgebra.matrixNorm(a, .one), Tensor(8.0))
    Self.expectEqual(try LinearAlgebra.matrixNorm(a, .infinity), Tensor(8.0))
    let s = try LinearAlgebra.svd(a).s.array(of: Double.self)
    Self.expectEqual(try LinearAlgebra.matrixNorm(a, .two), Tensor(s[0]))
    Self.expectEqual(try LinearAlgebra.matrixNorm(a, .nuclear), Tensor(s[0] + s[1] + s[2]))
    Self.expectEqual(LinearAlgebra.norm(a), Tensor(60.0.squareRoot()))
    Self.expectEqual(LinearAlgebra.vectorNorm(a, 1, axes: [1]), Tensor([3.0, 8, 7]))
    #expect(try LinearAlgebra.matrixRank(a, absoluteTolerance: s[1]).item() == 1)
  }

  @Test func refusesWhatHasNoResult() {
    let singular = Tensor([[1.0, 2], [2, 4]])
    let batch = stack([Tensor.eye(2, dtype: .float64), singular])
    #expect(throws: LinearAlgebraError.singular(operation: "inverse", matrix: 1)) {
      try LinearAlgebra.inverse(batch)
    }
    #expect(throws: LinearAlgebraError.singular(operation: "solve", matrix: 0)) {
      try LinearAlgebra.solve(singular, Tensor([1.0, 2]))
    }
    #expect(throws: LinearAlgebraError.singular(operation: "solveTriangular", matrix: 0)) {
      try LinearAlgebra.solveTriangular(Tensor([[1.0, 2], [0, 0]]), Tensor([[1.0], [2]]), upper: true)
    }
    #expect(throws: LinearAlgebraError.notPositiveDefinite(operation: "cholesky", order: 2, matrix: 0)) {
      try LinearAlgebra.cholesky(Tensor([[1.0, 2], [2, 1]]))
    }
    #expect(throws: LinearAlgebraError.notFinite(operation: "svd")) {
      try LinearAlgebra.svd(singular * Double.infinity)
    }
    let message = "inverse: expected an invertible matrix, matrix 1 is singular"
    #expect("\(LinearAlgebraError.singular(operation: "inverse", matrix: 1))" == message)
  }

  typealias Function = @Sendable ([Tensor]) throws -> Tensor
  static let functions: [(name: String, shapes: [[Int]], function: Function)] = [
    ("solve", [[2, 3, 3], [2, 3, 2]], { try LinearAlgebra.solve(shifted($0[0]), $0[1]) }),
    ("solve a vector", [[3, 3], [3]], { try LinearAlgebra.solve(shifted($0[0]), $0[1]) }),
    ("solve many", [[3, 3], [2, 3, 1]], { try LinearAlgebra.solve(shifted($0[0]), $0[1]) }),
    ("inverse", [[2, 3, 3]], { try LinearAlgebra.inverse(shifted($0[0])) }),
    (
      "triangular", [[3, 3], [3, 2]],
      { try LinearAlgebra.solveTriangular(shifted($0[0]), $0[1], upper: true) }
    ),
    ("cholesky", [[2, 3, 3]], { try LinearAlgebra.cholesky(positive($0[0])) }),
    ("det", [[2, 3, 3]], { LinearAlgebra.det(shifted($0[0])) }),
    ("slogdet", [[2, 3, 3]], { LinearAlgebra.slogdet(shifted($0[0])).logAbsDet }),
    ("eigenvalues", [[3, 3]], { try LinearAlgebra.eigh(positive($0[0])).eigenvalues }),
    ("eigenvectors", [[3, 3]], { try LinearAlgebra.eigh(positive($0[0])).eigenvectors.square() }),
    ("q", [[4, 3]], { try LinearAlgebra.qr($0[0]).q }),
    ("r", [[2, 3, 3]], { try LinearAlgebra.qr($0[0]).r }),
    ("singular values", [[4, 3]], { try LinearAlgebra.svd($0[0], fullMatrices: false).s }),
    ("u", [[4, 3]], { try LinearAlgebra.svd($0[0], fullMatrices: false).u.square() }),
    ("vh", [[3, 4]], { try LinearAlgebra.svd($0[0], fullMatrices: false).vh.square() }),
    ("pinv", [[4, 3]], { try LinearAlgebra.pinv($0[0]) }),
    ("pinv of wide", [[2, 4]], { try LinearAlgebra.pinv($0[0]) }),
    ("lstsq", [[4, 2], [4, 1]], { try LinearAlgebra.lstsq($0[0], $0[1]).solution }),
    ("nuclear norm", [[3, 3]], { try LinearAlgebra.matrixNorm($0[0], .nuclear) }),
  ]

  /// Well away from singular.
  private static func shifted(_ a: Tensor) -> Tensor { a + 3 * Tensor.eye(3, dtype: a.dtype) }

  @Test(arguments: functions.indices)
  func hasDerivatives(_ index: Int) {
    let (name, shapes, function) = Self.functions[index]
    let inputs = shapes.enumerated().map { Self.values("input \($0.offset)", $0.element) }
    let found = checkGradients(inputs) { inputs in Self.attempt { try function(inputs) } }
    #expect(found.isEmpty, "\(name)")
    let second = checkSecondDerivatives(inputs, relativeTolerance: 1e-4, absoluteTolerance: 1e-5) { inputs in
      Self.attempt { try function(inputs) }
    }
    #expect(second.isEmpty, "\(name), second derivatives")
  }

  @Test func determinantOfSingularMatrixHasDerivatives() {
    let rank2 = Tensor([[1.0, 2, 3], [4, 5, 6], [5, 7, 9]])
    #expect(checkGradients([rank2]) { LinearAlgebra.det($0[0]) }.isEmpty)
    #expect(checkGradients([Tensor([[1.0, 2], [2, 4]])]) { LinearAlgebra.det($0[0]) }.isEmpty)
  }
}
