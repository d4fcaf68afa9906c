import NNCore
import TestSupport
import Testing

/// Empty tensors, scalars, NaN, and arguments that are refused.
struct OperandTests {
  @Test func emptyTensorsGiveEmptyResults() {
    let x = Tensor.zeros(0, 3)
    #expect((x + x).shape == [0, 3])
    #expect((x + Tensor.ones(4, 1, 3)).shape == [4, 0, 3])
    #expect(x.relu().shape == [0, 3] && x.gelu().shape == [0, 3])
    #expect(x.softmax(1).shape == [0, 3] && x.softmax(0).shape == [0, 3])
    #expect(x.sum().item() == 0 && x.prod().item() == 1)
    #expect(x.sum(0).array(of: Float.self) == [0, 0, 0])
    #expect(x.sum(1).shape == [0])
    #expect(x.mean().item().isNaN)
    #expect(x.any().item() == 0 && x.all().item() == 1)
    #expect(x.cumsum(0).shape == [0, 3] && x.sort(0).values.shape == [0, 3])
    #expect(x.reshape(3, 0).shape == [3, 0] && x.t.shape == [3, 0])
    #expect(cat([x, Tensor.ones(2, 3)]).shape == [2, 3])
    #expect(x.pad([1, 1, 2, 0]).array(of: Float.self) == Array(repeating: 0, count: 10))
    #expect(Tensor.ones(3, 4).indexSelect(0, index: Tensor([Int]())).shape == [0, 4])
    #expect(Tensor.ones(3, 4)[Tensor([false, false, false])].shape == [0, 4])
    #expect(Tensor.zeros(0, 3, 4, 4).maxPool2d(kernelSize: 2).shape == [0, 3, 2, 2])
    #expect(Tensor.zeros(0, 3, 4, 4).interpolate(scaleFactor: 2).shape == [0, 3, 8, 8])
    #expect(crossEntropy(x, Tensor.zeros([0], dtype: .int64)).item().isNaN)
    #expect(crossEntropy(x, Tensor.zeros([0], dtype: .int64), reduction: .sum).item() == 0)
  }

  /// Truths that are added up are one byte of 1.
  @Test(arguments: [[3], [3, 2], [3, 40]]) func boolsAreAddedUpToBools(shape: [Int]) {
    let rows = [2] + shape.dropFirst()
    let sums = Tensor.zeros(shape, dtype: .bool)
      .indexAdd(0, index: Tensor([1, 1]), source: Tensor.ones(rows, dtype: .bool))
    #expect(sums.withElements(of: Bool.self) { $0.withMemoryRebound(to: UInt8.self) { $0.max() } } == 1)
    #expect(Int(sums.to(.int64).sum().item()) == sums.count / 3)
  }

  @Test func emptyTensorsHaveGradients() throws {
    let x = Tensor.zeros(0, 3).requiringGrad()
    (x.softmax(1) * x.exp()).sum().backward()
    #expect(try #require(x.grad).shape == [0, 3])
    let table = Tensor.ones(4, 2).requiringGrad()
    embedding(Tensor.zeros([0], dtype: .int64), table).sum().backward()
    #expect(try #require(table.grad).array(of: Float.self) == Array(repeating: 0, count: 8))
  }

  @Test func scalarsHaveNoAxes() {
    let x = Tensor(Float(-2))
    #expect(x.sum().item() == -2 && x.mean().item() == -2 && x.amax().item() == -2)
    #expect(x.softmax(0).item() == 1 && x.cumsum(0).item() == -2 && x.argmax().item() == 0)
    #expect(x.sort().values.shape == [] && x.flatten().shape == [1])
    #expect(x.prelu(Tensor([0.5] as [Float])).item() == -1)
    #expect(Tensor(true).logicalNot().item() == 0)
  }

  /// NaN is not swallowed by what chooses between elements.
  @Test func nanIsPassedOn() {
    let x = Tensor([1, .nan, 3] as [Float])
    #expect(x.amax().item().isNaN && x.amin().item().isNaN && x.sum().item().isNaN)
    #expect(x.max(0).indices.item() == 1 && x.argmin().item() == 1)
    #expect(x.sort().values.array(of: Float.self)[0...1] == [1, 3])
    for y in [
      x.relu(), x.relu6(), x.clamp(min: 0, max: 1), x.leakyRelu(), x.hardtanh(), x.gelu(), x.silu(),
      x.softplus(),
      x.hardswish(), x.hardsigmoid(), x.softshrink(), x.hardshrink(), x.threshold(0, value: 0),
      x.logSigmoid(),
      x.maximum(Tensor(Float(0))), x.minimum(Tensor(Float(0))),
    ] {
      #expect(y.isNaN().array(of: Bool.self) == [false, true, false], "\(y)")
    }
    #expect(x.softmax(0).isNaN().all().item() == 1)
  }

  /// float32 sums keep all but the last digits: short runs in float32 lanes, the rest in float64.
  @Test func longSumsAreAccurate() {
    let x = FormulaNumbers.uniform("long sum", [1_000_003], 0, 1)
    let exact = x.to(.float64).sum().item()
    #expect(abs(x.sum().item() - exact) <= 1e-7 * exact)
    #expect(abs(Tensor.full([1 << 20], 0.1).mean().item() - Double(Float(0.1))) < 1e-7)
    let running = Tensor.full([1 << 20], 0.1).cumsum(0)[-1].item()
    #expect(abs(running - Double(Float(0.1)) * Double(1 << 20)) < 1e-2)
  }

  @Test func rejectsWrongArguments() async {
    await #expect(processExitsWith: .failure) { _ = Tensor.zeros(2, 3) + Tensor.zeros(2, 4) }
    await #expect(processExitsWith: .failure) { _ = Tensor.zeros(2, 3).sum(2) }
    await #expect(processExitsWith: .failure) { _ = Tensor.zeros(2, 3).reshape(4, 2) }
    await #expect(processExitsWith: .failure) { _ = Tensor([1, 2]).softmax(0) }
    await #expect(processExitsWith: .failure) { _ = Tensor([1, 2]).mean() }
    await #expect(processExitsWith: .failure) { _ = Tensor.zeros(0, 3).amax() }
    await #expect(processExitsWith: .failure) { _ = Tensor.zeros(2, 3).gather(1, index: Tensor([[3], [0]])) }
    await #expect(processExitsWith: .failure) { _ = Tensor.zeros(1, 4).pad([4, 0], mode: .reflect) }
    await #expect(processExitsWith: .failure) { _ = crossEntropy(Tensor.zeros(2, 3), Tensor([0, 3])) }
    await #expect(processExitsWith: .failure) { _ = crossEntropy(Tensor.zeros(2, 3), Tensor([0, 1, 2])) }
    await #expect(processExitsWith: .failure) { _ = mseLoss(Tensor.zeros(2, 3), Tensor.zeros(3)) }
    await #expect(processExitsWith: .failure) { _ = binaryCrossEntropy(Tensor([2.0]), Tensor([1.0])) }
    await #expect(processExitsWith: .failure) { _ = embedding(Tensor([4]), Tensor.zeros(4, 2)) }
    await #expect(processExitsWith: .failure) { _ = Tensor.zeros(1, 2, 4, 4).interpolate(size: [0, 4]) }
    await #expect(processExitsWith: .failure) {
      _ = Tensor.zeros(1, 2, 4).interpolate(size: [8], mode: .bilinear)
    }
  }
}
