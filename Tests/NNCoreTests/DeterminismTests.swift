import NNCore
import TestSupport
import Testing

/// The same bits for any number of threads, forward and backward.
@Suite(.serialized)
struct DeterminismTests {
  static let image = FormulaNumbers.uniform("determinism image", [5, 19, 33, 31])
  static let long = FormulaNumbers.uniform("determinism long", [300_007])
  static let wide = FormulaNumbers.uniform("determinism wide", [257, 1_031])

  static let operations: [(name: String, input: Tensor, body: @Sendable (Tensor) -> Tensor)] = [
    ("sum", long, { $0.sum() }), ("mean of rows", wide, { $0.mean(1) }),
    ("mean of columns", wide, { $0.mean(0) }),
    ("sum of planes", image.channelsLast(), { $0.sum([0, 2, 3]) }), ("sum of channels", image, { $0.sum(1) }),
    ("variance", image, { $0.variance([0, 2, 3]) }), ("norm", long, { $0.norm() }),
    ("logsumexp", wide, { $0.logsumexp([0]) }), ("prod", wide, { ($0 * 0.01 + 1).prod([0]) }),
    ("cumsum", wide, { $0.cumsum(0) }), ("gelu", image, { $0.gelu() }), ("softmax", wide, { $0.softmax(1) }),
    ("softmax of columns", wide, { $0.logSoftmax(0) }),
    ("softmax of channels", image.channelsLast(), { $0.softmax(1) }), ("sort", wide, { $0.sort(0).values }),
    ("broadcast", wide, { $0 * $0[0] + $0[.all, 0..<1] }),
    ("interpolate", image, { $0.interpolate(size: [40, 50], mode: .bicubic) }),
    ("reflect", image, { $0.pad([9, 8, 7, 6], mode: .reflect) }),
    ("embedding", wide, { embedding(FormulaNumbers.integers("rows", [5_000], 0..<257), $0) }),
    (
      "scatter", wide,
      { $0.scatterAdd(1, index: FormulaNumbers.integers("places", [257, 1_031], 0..<1_031), source: $0) }
    ),
    ("cross entropy", wide, { crossEntropy($0, FormulaNumbers.integers("classes", [257], 0..<1_031)) }),
    ("batch norm", image, { $0.batchNorm(training: true).output }),
    ("layer norm", wide, { $0.layerNorm(shape: [1_031]) }),
    ("max pool", image, { $0.maxPool2d(kernelSize: 3, stride: 2, padding: 1) }),
    (
      "first convolution", FormulaNumbers.uniform("determinism kernel", [24, 3, 3, 3]),
      { kernel in
        image.narrow(1, start: 0, length: 3).conv2d(kernel, padding: 1)
          .batchNorm(training: true).output.relu().maxPool2d(kernelSize: 2)
      }
    ),
    (
      "channel shuffle", image.channelsLast(),
      { $0.narrow(1, start: 1, length: 18).channelShuffle(groups: 2) }
    ),
    ("attention", image, { scaledDotProductAttention($0, $0, $0) }),
  ]

  @Test(arguments: operations.indices)
  func bitsDoNotDependOnThreads(_ index: Int) {
    let (name, input, body) = Self.operations[index]
    let former = ThreadPool.shared.threadCount
    defer { ThreadPool.shared.threadCount = former }
    func run(_ threads: Int) -> [[Float]] {
      ThreadPool.shared.threadCount = threads
      let x = input.requiringGrad()
      let y = body(x)
      y.backward(gradient: FormulaNumbers.uniform("seed", y.shape))
      return [y, x.grad ?? Tensor(Float(0))].map { $0.array(of: Float.self) }
    }
    let alone = run(1)
    for threads in [2, 3, 7] {
      let together = run(threads)
      for (a, b) in zip(alone, together) {
        #expect(a.elementsEqual(b) { $0.bitPattern == $1.bitPattern }, "\(name) on \(threads) threads")
      }
    }
  }
}
