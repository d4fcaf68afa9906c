import NNCore
import TestSupport
import Testing

/// Reading and assigning by subscripts; the expected values are PyTorch's.
struct SubscriptTests {
  let x = Tensor.arange(24).reshape(2, 3, 4)

  private func expect(
    _ got: Tensor, _ shape: [Int], _ values: [Int], _ what: Comment,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(got.shape == shape, what, sourceLocation: sourceLocation)
    #expect(got.array(of: Int.self) == values, what, sourceLocation: sourceLocation)
  }

  @Test func readsParts() {
    expect(x[1], [3, 4], Array(12..<24), "x[1]")
    expect(x[-1, 0], [4], Array(12..<16), "x[-1, 0]")
    expect(x[.all, 1], [2, 4], [4, 5, 6, 7, 16, 17, 18, 19], "x[:, 1]")
    expect(x[.ellipsis, 0], [2, 3], [0, 4, 8, 12, 16, 20], "x[..., 0]")
    expect(x[0, .ellipsis, -1], [3], [3, 7, 11], "x[0, ..., -1]")
    expect(x[.all, .newAxis, 2, 1..<3], [2, 1, 2], [9, 10, 21, 22], "x[:, None, 2, 1:3]")
    expect(x[0, .stride(by: 2), .stride(from: 1, by: 2)], [2, 2], [1, 3, 9, 11], "x[0, ::2, 1::2]")
    expect(x[1, 1..<100], [2, 4], Array(16..<24), "x[1, 1:100]")
    expect(x[0, (-2)..., ..<(-1)], [2, 3], [4, 5, 6, 8, 9, 10], "x[0, -2:, :-1]")
    expect(x[0, .stride(from: 2, to: 1, by: 1)], [0, 4], [], "x[0, 2:1]")
    expect(x[1, 2, 3], [], [23], "x[1, 2, 3]")
    expect(x[0, 0...1, 3], [2], [3, 7], "x[0, 0:2, 3]")
  }

  @Test func readsByTensors() {
    expect(x[Tensor([1, 0])], [2, 3, 4], Array(12..<24) + Array(0..<12), "x[[1, 0]]")
    expect(
      x[Tensor([1, 0]), Tensor([2, -1])], [2, 4], [20, 21, 22, 23, 8, 9, 10, 11], "x[[1, 0], [2, -1]]")
    expect(x[x.remainder(Tensor(5)) .== 0], [5], [0, 5, 10, 15, 20], "x[x % 5 == 0]")
    expect(x[Tensor([true, false])], [1, 3, 4], Array(0..<12), "x[[True, False]]")
    expect(
      x[Tensor([0, 1]), .all, 1..<3], [2, 3, 2], [1, 2, 5, 6, 9, 10, 13, 14, 17, 18, 21, 22],
      "x[[0, 1], :, 1:3]")
  }

  @Test func assignsParts() {
    func expect(_ values: [Float], _ change: (inout Tensor) -> Void) {
      var y = Tensor.arange(0.0, 12.0).reshape(3, 4)
      let before = y
      change(&y)
      #expect(y.array(of: Float.self) == values)
      #expect(before.isEqual(to: Tensor.arange(0.0, 12.0).reshape(3, 4)), "a copy has changed")
    }
    expect([0, 1, 2, 3, -1, -1, -1, -1, 8, 9, 10, 11]) { $0[1] = Tensor(Float(-1)) }
    expect([0, 10, 2, 3, 4, 20, 6, 7, 8, 30, 10, 11]) { $0[.all, 1] = Tensor([10, 20, 30] as [Float]) }
    expect([0, 1, 7, 8, 4, 5, 6, 7, 8, 9, 7, 8]) { $0[.stride(by: 2), 2...] = Tensor([7, 8] as [Float]) }
    expect([0, 1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0]) { $0[$0 .> 6] = Tensor(Float(0)) }
    expect([2, 2, 2, 2, 4, 5, 6, 7, 1, 1, 1, 1]) {
      $0[Tensor([2, 0])] = Tensor([[1, 1, 1, 1], [2, 2, 2, 2]] as [[Float]])
    }
    expect([0, 1, 2, 3, 4, 5, 99, 7, 8, 9, 10, 11]) { $0[1, 2] = Tensor(Float(99)) }
    expect(Array(repeating: 5, count: 12)) { $0[.ellipsis] = Tensor(Float(5)) }
    expect([0, 101, 102, 3, 4, 105, 106, 7, 8, 109, 110, 11]) { $0[.all, 1..<3] += 100 }
    // A value of another type takes the tensor's.
    expect([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12]) { $0[-1, -1] = Tensor(12) }
  }

  @Test func gradientsFlowThroughSubscripts() {
    let inputs = [FormulaNumbers.uniform("subscript x", [3, 4]), FormulaNumbers.uniform("subscript v", [2])]
    #expect(
      checkGradients(inputs) { i in
        var y = i[0] * i[0]
        y[.stride(by: 2), 1] = i[1] * i[1]
        y[1] += y[0]
        return y[Tensor([0, 2, 0])] * y[.all, 1].sum()
      } == [])
    #expect(
      checkSecondDerivatives(inputs) { i in
        var y = i[0] * i[0]
        y[0, 1..<3] = i[1] * i[1]
        return y * y
      } == [])
  }

  @Test func rejectsWrongIndices() async {
    await #expect(processExitsWith: .failure) { _ = Tensor.arange(6).reshape(2, 3)[2] }
    await #expect(processExitsWith: .failure) { _ = Tensor.arange(6).reshape(2, 3)[0, 0, 0] }
    await #expect(processExitsWith: .failure) { _ = Tensor.arange(6)[Tensor([6])] }
    await #expect(processExitsWith: .failure) {
      var x = Tensor.zeros(2, 3)
      x[0] = Tensor.zeros(2)
    }
  }

  /// Values of torch 2.9.1: the mask and the tensor are broadcast against each other.
  @Test func maskedSelectBroadcasts() {
    let x = Tensor([[1.0, 2, 3], [4, 5, 6]])
    #expect(x.maskedSelect(Tensor([true, false, true])).array(of: Double.self) == [1, 3, 4, 6])
    #expect(x.maskedSelect(Tensor([[false], [true]])).array(of: Double.self) == [4, 5, 6])
    #expect(
      x[0].maskedSelect(Tensor([[true, false, false], [false, true, true]])).array(of: Double.self) == [
        1, 2, 3,
      ])
    #expect(x.maskedSelect(Tensor([false, false, false])).shape == [0])
  }
}
