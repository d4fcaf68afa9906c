import NNCore
import TestSupport
import Testing

struct MatMulTests {
  private static func values(_ name: String, _ shape: [Int], _ dtype: DType = .float64) -> Tensor {
    FormulaNumbers.uniform("matmul/\(name)", shape).to(dtype)
  }

  /// Sums of products written out.
  private static func reference(_ a: Tensor, _ b: Tensor) -> Tensor {
    (a.to(.float64).unsqueeze(-1) * b.to(.float64).unsqueeze(-3)).sum(-2)
  }

  @Test(arguments: KernelPath.available)
  func multipliesEverySizeOfTile(_ path: KernelPath) {
    for (m, k, n) in [
      (1, 1, 1), (5, 3, 7), (13, 31, 33), (64, 256, 65), (25, 257, 31), (3, 700, 300), (70, 9, 257),
    ] {
      let (a, b) = (Self.values("a", [m, k]), Self.values("b", [k, n]))
      let want = Self.reference(a, b)
      for dtype in [DType.float32, .float64] {
        let (a, b) = (a.to(dtype), b.to(dtype))
        for (left, right) in [(a, b), (a.t.contiguous().t, b.t.contiguous().t), (a.strided(), b.strided())] {
          let found = tensorDifferences(
            path.force { left.mm(right) }.to(.float64), want, relativeTolerance: 0,
            absoluteTolerance: dtype == .float32 ? 1e-4 : 1e-12)
          #expect(found.isEmpty, "\(m)x\(k)x\(n) \(dtype)")
        }
      }
    }
  }

  @Test func multipliesIntegers() {
    let a = Tensor([[1, 2, 3], [-4, 5, 6]])
    let b = Tensor([[7, 8], [9, 10], [11, -12]])
    #expect(a.matmul(b).array(of: Int.self) == [58, -8, 83, -54])
    #expect(a.to(.int32).matmul(b.to(.int32)).dtype == .int32)
    #expect(Tensor([200, 100] as [UInt8]).dot(Tensor([2, 1] as [UInt8])).array(of: UInt8.self) == [244])
    #expect(Tensor([Int.max]).dot(Tensor([2])).array(of: Int.self) == [-2])
  }

  @Test(arguments: [
    ([0, 3], [3, 2]), ([2, 0], [0, 3]), ([3, 2], [2, 0]), ([0, 2, 3], [3, 4]), ([0, 2, 3], [0, 3, 4]),
    ([0], [0]),
    ([4, 0], [0]),
  ])
  func multipliesEmptyMatrices(_ a: [Int], _ b: [Int]) {
    let (x, y) = (Self.values("x", a).requiringGrad(), Self.values("y", b).requiringGrad())
    let product = x.matmul(y)
    #expect(product.array(of: Double.self).allSatisfy { $0 == 0 })
    product.sum().backward()
    #expect(x.grad?.shape == a && y.grad?.shape == b)
  }

  @Test(arguments: [
    ([3, 4], [4, 5]), ([4], [4]), ([3, 4], [4]), ([4], [4, 3]), ([2, 3, 4], [4, 2]), ([3, 4], [2, 4, 2]),
    ([2, 1, 3, 4], [3, 4, 2]), ([4], [2, 4, 3]), ([2, 3, 4], [4]),
  ])
  func hasDerivatives(_ a: [Int], _ b: [Int]) {
    let inputs = [Self.values("a", a), Self.values("b", b)]
    #expect(checkGradients(inputs) { $0[0].matmul($0[1]) }.isEmpty)
    #expect(checkSecondDerivatives(inputs) { $0[0].matmul($0[1]) }.isEmpty)
  }

  @Test func linearHasDerivatives() {
    for shape in [[3], [2, 3], [2, 2, 3], [0, 3]] {
      let inputs = [Self.values("x", shape), Self.values("weight", [4, 3]), Self.values("bias", [4])]
      let found =
        checkGradients(inputs) { $0[0].linear($0[1], bias: $0[2]) }
        + checkSecondDerivatives(inputs) { $0[0].linear($0[1], bias: $0[2]) }
      #expect(found.isEmpty, "\(shape)")
    }
  }

  @Test(arguments: [
    "ij,jk->ik", "ij,kj->", "iij,j->i", "ij,ij->j", "...i,ji->...j", "Ba,aB", "i j , j k -> k i",
    "ij,jk,kl->il",
  ])
  func einsumHasDerivatives(_ equation: String) {
    let shapes: [[Int]] =
      switch equation {
      case "iij,j->i": [[2, 2, 3], [3]]
      case "ij,ij->j": [[2, 3], [2, 3]]
      case "ij,kj->": [[2, 3], [4, 3]]
      case "...i,ji->...j": [[2, 2, 3], [4, 3]]
      case "Ba,aB": [[2, 3], [3, 2]]
      case "ij,jk,kl->il": [[2, 3], [3, 4], [4, 2]]
      default: [[2, 3], [3, 4]]
      }
    let inputs = shapes.enumerated().map { Self.values("\($0.offset)", $0.element) }
    #expect(checkGradients(inputs) { einsum(equation, $0) }.isEmpty)
  }

  @Test func einsumBroadcastsDimensionsOfSizeOne() {
    let (a, b) = (Self.values("a", [1, 3]), Self.values("b", [4, 3]))
    #expect(
      tensorDifferences(
        einsum("ij,ij->i", a, b), (a * b).sum(1), relativeTolerance: 0, absoluteTolerance: 1e-14
      ).isEmpty)
    #expect(einsum("ij,ij", a, b).shape == [])
  }

  /// Neither the other rows, nor the batch, nor the number of threads may change a bit.
  @Test(arguments: [DType.float32, .float64])
  func bitsDependOnTheOperandsAlone(_ dtype: DType) {
    let (a, b) = (Self.values("a", [300, 700], dtype), Self.values("b", [700, 290], dtype))
    let whole = a.mm(b)
    for rows in [1, 2, 7, 12, 13, 64, 255] {
      #expect(a.narrow(0, start: 3, length: rows).mm(b).isEqual(to: whole.narrow(0, start: 3, length: rows)))
    }
    for columns in [1, 5, 16, 31, 33, 200] {
      let part = b.narrow(1, start: 7, length: columns)
      #expect(a.mm(part).isEqual(to: whole.narrow(1, start: 7, length: columns)))
    }
    let before = ThreadPool.shared.threadCount
    defer { ThreadPool.shared.threadCount = before }
    for threads in [1, 2, 5] {
      ThreadPool.shared.threadCount = threads
      #expect(a.mm(b).isEqual(to: whole))
    }
    let batch = stack([a, a * 2, a * 3])
    #expect(batch.matmul(b).select(0, index: 0).isEqual(to: whole))
  }
}
