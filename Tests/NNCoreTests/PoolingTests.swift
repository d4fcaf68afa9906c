import NNCore
import TestSupport
import Testing

/// Pooling against PyTorch, on every set of kernels, and its promises about bits, ties and NaN.
///
/// Serialized: the thread count is a setting of the process.
@Suite(.serialized)
struct PoolingTests {
  /// Every operation once, with windows that overlap, hang over the edge, or leave elements out.
  static let variants: [(name: String, body: @Sendable (Tensor) -> Tensor)] = [
    ("max 2", { $0.maxPool2d(kernelSize: 2) }),
    (
      "max overlapping",
      { $0.maxPool2d(kernelSize: 3, stride: [2, 1], padding: 1, dilation: [1, 2], ceilMode: true) }
    ),
    ("max sparse", { $0.maxPool2d(kernelSize: 1, stride: 3) }),
    ("average", { $0.avgPool2d(kernelSize: [3, 2], stride: 2, padding: 1, ceilMode: true) }),
    ("average of elements", { $0.avgPool2d(kernelSize: 3, stride: 2, padding: 1, countIncludePad: false) }),
    ("adaptive average", { $0.adaptiveAvgPool2d(outputSize: [3, 4]) }),
    ("adaptive max", { $0.adaptiveMaxPool2d(outputSize: [2, 5]) }),
  ]

  @Test func gradientsMatchDifferences() {
    // Distinct values, far enough from each other that no step of a difference changes the greatest one.
    let x =
      Tensor(FormulaNumbers.uniform("pooling", [2, 3, 7, 6]).argsortRanks(), shape: [2, 3, 7, 6]) / 100
    for (name, body) in Self.variants {
      #expect(checkGradients([x]) { body($0[0]) }.isEmpty, "\(name)")
      #expect(checkSecondDerivatives([x]) { body($0[0].square()) }.isEmpty, "\(name), second")
    }
  }

  @Test func bitsDoNotDependOnThreads() {
    let pool = ThreadPool.shared
    let before = pool.threadCount
    defer { pool.threadCount = before }
    let x = FormulaNumbers.uniform("threads", [5, 33, 29, 30]).channelsLast()
    for (name, body) in Self.variants {
      func results() -> [Tensor] {
        let leaf = x.requiringGrad()
        let y = body(leaf)
        (y * FormulaNumbers.uniform("weights", y.shape)).sum().backward()
        return [y.detach(), leaf.grad ?? y]
      }
      pool.threadCount = 1
      let serial = results()
      pool.threadCount = 3
      let parallel = results()
      for (a, b) in zip(serial, parallel) { #expect(a.isEqual(to: b), "\(name)") }
      #expect(serial[0].isChannelsLast && serial[1].isChannelsLast, "\(name)")
    }
  }

  @Test(arguments: [1, 3, 16, 65])
  func firstMaximumWins(channels: Int) {
    for kernel in [2, 3, 20] {
      let x = Tensor.zeros([1, channels, 40, 40]).requiringGrad()
      let (values, indices) = x.maxPool2dWithIndices(kernelSize: Size2(kernel))
      values.sum().backward()
      let size = values.shape[2]
      let rows = Tensor.arange(size).reshape([size, 1]) * kernel
      #expect(indices.isEqual(to: (rows * 40 + rows.reshape([1, size])).expand(indices.shape)))
      #expect(x.grad?.sum().item() == Double(channels * size * size))
      #expect(x.grad?[0, 0, 0, 0].item() == 1)
    }
  }

  @Test func keepsNaNAndInfinity() {
    for (place, kernel) in [(0, 2), (1, 2), (2, 2), (3, 2), (1, 1)] {
      var values = [Float](repeating: -.infinity, count: 4)
      if kernel == 2 { values[place] = .nan }
      let x = Tensor(values, shape: [1, 1, 2, 2])
      let (y, indices) = x.maxPool2dWithIndices(kernelSize: Size2(kernel))
      #expect(kernel == 2 ? y.item().isNaN : y.array(of: Float.self) == values)
      #expect(kernel == 2 ? indices.item() == Double(place) : indices.array(of: Int.self) == [0, 1, 2, 3])
    }
    let lowest = Tensor.full([1, 2, 4, 4], -.infinity)
    #expect(lowest.maxPool2dWithIndices(kernelSize: 2).indices[0, 1].array(of: Int.self) == [0, 2, 8, 10])
  }

  @Test func singleImagesAndEmptyBatches() {
    let x = FormulaNumbers.uniform("single", [2, 3, 8, 8])
    #expect(x[1].maxPool2d(kernelSize: 2).isEqual(to: x.maxPool2d(kernelSize: 2)[1]))
    #expect(x[1].adaptiveAvgPool2d(outputSize: 1).shape == [3, 1, 1])
    let empty = Tensor.zeros([0, 3, 8, 8]).requiringGrad()
    for (name, body) in Self.variants {
      let y = body(empty)
      #expect(y.shape[0] == 0, "\(name)")
      y.sum().backward()
    }
  }

  @Test func accurateForLargeWindows() {
    let x = FormulaNumbers.uniform("large", [1, 4, 300, 200], 0, 1)
    let wide = x.to(.float64).mean([2, 3]).to(.float32)
    let found = x.adaptiveAvgPool2d(outputSize: 1).reshape([1, 4])
    #expect(tensorDifferences(found, wide, relativeTolerance: 1e-6, absoluteTolerance: 0).isEmpty)
  }

  @Test func rejectsWrongArguments() async {
    await #expect(processExitsWith: .failure) { _ = Tensor.zeros([4, 4]).maxPool2d(kernelSize: 2) }
    await #expect(processExitsWith: .failure) {
      _ = Tensor.zeros([1, 1, 4, 4]).maxPool2d(kernelSize: 2, padding: 2)
    }
    await #expect(processExitsWith: .failure) { _ = Tensor.zeros([1, 1, 4, 4]).avgPool2d(kernelSize: 5) }
    await #expect(processExitsWith: .failure) {
      _ = Tensor.zeros([1, 1, 4, 4]).avgPool2d(kernelSize: 2, divisorOverride: 0)
    }
    await #expect(processExitsWith: .failure) {
      _ = Tensor.zeros([1, 1, 4, 4], dtype: .int64).adaptiveMaxPool2d(outputSize: 1)
    }
    await #expect(processExitsWith: .failure) { _ = Tensor.zeros([4]).avgPool1d(kernelSize: 2) }
  }
}

extension Tensor {
  /// The rank of each element among all, in row-major order.
  fileprivate func argsortRanks() -> [Double] {
    let values = array(of: Double.self)
    var ranks = values
    for (rank, place) in values.indices.sorted(by: { values[$0] < values[$1] }).enumerated() {
      ranks[place] = Double(rank)
    }
    return ranks
  }
}
