import NNCore
import TestSupport
import Testing

/// A tensor is a value: no change shows through another variable.
struct ValueSemanticsTests {
  private let numbers: [Float] = [0, 1, 2, 3, 4, 5]
  private func make() -> Tensor { Tensor(numbers, shape: [2, 3]) }

  @Test func copiesAreIndependent() {
    var x = make()
    let copy = x
    x += 1
    #expect(copy.array(of: Float.self) == numbers)
    #expect(x.array(of: Float.self) == [1, 2, 3, 4, 5, 6])
  }

  @Test func viewsAreIndependent() {
    var x = make()
    let (row, transposed, reshaped, expanded) = (x[0], x.t, x.reshape(6), x.unsqueeze(0).expand(4, 2, 3))
    x[0, 0] = Tensor(Float(9))
    x *= 2
    #expect(row.array(of: Float.self) == [0, 1, 2])
    #expect(transposed.array(of: Float.self) == [0, 3, 1, 4, 2, 5])
    #expect(reshaped.array(of: Float.self) == numbers)
    #expect(expanded.sum().item() == 60)
    var view = transposed
    view += 100
    #expect(x.array(of: Float.self) == [18, 2, 4, 6, 8, 10])
    #expect(transposed.array(of: Float.self) == [0, 3, 1, 4, 2, 5])
  }

  @Test func repeatedElementsAreChangedOnce() {
    var x = Tensor([1, 2] as [Float]).unsqueeze(0).expand(3, 2)
    x += Tensor([[1], [2], [3]] as [[Float]])
    #expect(x.array(of: Float.self) == [2, 3, 3, 4, 4, 5])
    x[1] = Tensor(Float(0))
    #expect(x.array(of: Float.self) == [2, 3, 0, 0, 4, 5])
  }

  @Test func operandsMayBeTheTargetItself() {
    var x = make()
    x += x
    #expect(x.array(of: Float.self) == [0, 2, 4, 6, 8, 10])
    x -= x.flip([0, 1])
    #expect(x.array(of: Float.self) == [-10, -6, -2, 2, 6, 10])
    var square = Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
    square += square.t
    #expect(square.array(of: Float.self) == [2, 5, 5, 8])
  }

  @Test func inPlaceKeepsTheType() {
    var x = Tensor([1, 2, 3])
    x += Tensor([1, 1, 1] as [Int32])
    #expect(x.dtype == .int64 && x.array(of: Int.self) == [2, 3, 4])
    var y = Tensor([1, 2] as [Float])
    y *= Tensor([2, 3] as [Double])
    #expect(y.dtype == .float32 && y.array(of: Float.self) == [2, 6])
  }

  @Test func uniqueMemoryIsChangedInPlace() {
    var x = Tensor.ones(1000)
    let address = x.hostPointer
    x += 1
    x *= Tensor.full([1000], 3)
    x[0] = Tensor(Float(5))
    #expect(x.hostPointer == address)
    #expect(x.sum().item() == 6 * 999 + 5)
  }

  @Test func mutableElementsCopySharedMemory() {
    var x = make()
    let copy = x
    x.withMutableElements(of: Float.self) { $0[0] = 7 }
    #expect(x[0, 0].item() == 7)
    #expect(copy[0, 0].item() == 0)
    var turned = copy.t
    turned.withMutableElements(of: Float.self) { $0[1] = -1 }
    #expect(turned.array(of: Float.self) == [0, -1, 1, 4, 2, 5])
    #expect(copy.array(of: Float.self) == numbers)
  }

  /// 4-D results lie in memory as their input does.
  @Test func channelsLastIsKept() {
    let x = FormulaNumbers.uniform("layout", [2, 3, 4, 5]).channelsLast()
    let y = FormulaNumbers.uniform("layout y", [2, 3, 4, 5])
    let results: [(String, Tensor)] = [
      ("relu", x.relu()), ("add", x + 1), ("add row-major", x + y), ("scale", x * y[0, .all, 0..<1, 0..<1]),
      ("gelu", x.gelu()), ("where", `where`(x .> 0, x, y)), ("clamp", x.clamp(min: 0)),
      ("cast", x.to(.float64)),
      ("pad", x.pad([1, 2, 0, 1])), ("reflect", x.pad([1, 2, 0, 1], mode: .reflect)),
      ("cat", cat([x, x], axis: 1)),
      ("softmax", x.softmax(1)), ("pool", x.maxPool2d(kernelSize: 2)),
      ("average", x.avgPool2d(kernelSize: 2)),
      ("interpolate", x.interpolate(scaleFactor: 2, mode: .bilinear)),
      ("shuffle", x.channelShuffle(groups: 3)),
      ("cat of slices", cat([x.narrow(1, start: 1, length: 2), x.narrow(1, start: 0, length: 2)], axis: 1)),
      ("gradient of a slice", gradientOfSlice(x)),
      ("norm", x.batchNorm(training: true).output), ("select", x.indexSelect(1, index: Tensor([0, 2]))),
      ("pixelShuffle", cat([x, x, x, x], axis: 1).pixelShuffle(upscaleFactor: 2)),
    ]
    for (name, result) in results { #expect(result.isChannelsLast, "\(name)") }
    for (name, result) in results where name == "relu" || name == "add row-major" {
      #expect(!result.isContiguous, "\(name)")
    }
  }

  private func gradientOfSlice(_ x: Tensor) -> Tensor {
    let x = x.requiringGrad()
    let part = x.narrow(1, start: 1, length: 2)
    part.backward(gradient: part.detach())
    return x.grad ?? Tensor.zeros([0])
  }

  /// What goes along channels takes another way where these are adjacent.
  @Test(arguments: [DType.float32, .float64, .int64, .int32, .uint8])
  func bothOrdersOfMemoryGiveTheSameValues(_ dtype: DType) {
    let x = FormulaNumbers.integers("order of memory", [2, 12, 3, 5], 0..<100).to(dtype)
    func expectSame(_ body: (Tensor, (Tensor) -> Tensor) -> Tensor, _ name: String) {
      let (inner, plain) = (
        body(x.channelsLast()) { $0.channelsLast() }, body(x.contiguous()) { $0.contiguous() }
      )
      #expect(inner.shape == plain.shape, "\(name)")
      #expect(
        inner.to(.float64).array(of: Double.self) == plain.to(.float64).array(of: Double.self), "\(name)")
    }
    for groups in [1, 2, 3, 4, 6, 12] {
      expectSame({ x, _ in x.channelShuffle(groups: groups) }, "shuffle \(groups)")
    }
    let index = Tensor([3, 0, 11, 3, -1])
    expectSame({ x, _ in x.indexSelect(1, index: index) }, "select")
    expectSame(
      { x, order in x.indexAdd(1, index: index, source: order(x.narrow(1, start: 2, length: 5))) }, "add")
  }
}
