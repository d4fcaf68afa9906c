import NNCore
import TestSupport
import Testing

/// Normalisations against PyTorch, on every set of kernels, and their promises about bits and accuracy.
///
/// Serialized: the thread count is a setting of the process.
@Suite(.serialized)
struct NormalizationTests {
  /// Every operation on [N, 6, …] with a weight and a bias of 6 channels.
  static let variants: [(name: String, body: @Sendable ([Tensor]) -> Tensor)] = [
    ("batch", { $0[0].batchNorm(weight: $0[1], bias: $0[2], training: true).output }),
    ("batch, weight alone", { $0[0].batchNorm(weight: $0[1], training: true).output + $0[2].sum() }),
    ("batch, bias alone", { $0[0].batchNorm(bias: $0[2], training: true).output * $0[1].sum() }),
    (
      "batch, fixed",
      {
        $0[0].batchNorm(
          runningMean: FormulaNumbers.uniform("mean", [6]).to($0[0].dtype),
          runningVariance: FormulaNumbers.uniform("variance", [6], 1, 2).to($0[0].dtype), weight: $0[1],
          bias: $0[2]
        ).output
      }
    ),
    ("group", { $0[0].groupNorm(groups: 2, weight: $0[1], bias: $0[2]) }),
    ("one group", { $0[0].groupNorm(groups: 1, weight: $0[1], bias: $0[2]) }),
    ("instance", { $0[0].instanceNorm(weight: $0[1], bias: $0[2]) }),
    (
      "layer",
      { $0[0].movedim(1, -1).layerNorm(shape: [6], weight: $0[1], bias: $0[2]) }
    ),
    ("local response", { ($0[0] * $0[1].sum() + $0[2].sum()).localResponseNorm(size: 3, alpha: 2) }),
  ]

  static func inputs(_ shape: [Int]) -> [Tensor] {
    [
      FormulaNumbers.uniform("normalised", shape, -2, 3), FormulaNumbers.uniform("weight", [6], 0.5, 2),
      FormulaNumbers.uniform("bias", [6]),
    ]
  }

  @Test(arguments: [[3, 6, 2, 3], [4, 6, 3]])
  func gradientsMatchDifferences(_ shape: [Int]) {
    let inputs = Self.inputs(shape)
    for (name, body) in Self.variants {
      #expect(checkGradients(inputs, body).isEmpty, "\(name)")
      #expect(checkSecondDerivatives(inputs) { body($0).square() }.isEmpty, "\(name), second")
    }
  }

  @Test func fusedAndComposedGradientsAgree() {
    for (name, body) in Self.variants {
      let inputs = Self.inputs([3, 6, 5, 4]).map { $0.to(.float64).requiringGrad() }
      let y = body(inputs)
      let loss = (y * FormulaNumbers.uniform("weights", y.shape).to(.float64)).sum()
      let fused = grad(of: loss, withRespectTo: inputs, retainGraph: true)
      let composed = grad(of: loss, withRespectTo: inputs, createGraph: true)
      for (a, b) in zip(fused, composed) {
        guard let a, let b else {
          Issue.record("\(name): a gradient is missing")
          continue
        }
        let differences = tensorDifferences(a, b.detach(), relativeTolerance: 1e-11, absoluteTolerance: 1e-11)
        #expect(differences.isEmpty, "\(name)")
      }
    }
  }

  /// Large enough for several pieces; channels that do not fill the last vector.
  @Test(arguments: [[8, 6, 70, 70], [900, 6, 3, 5]])
  func bitsDoNotDependOnThreads(_ shape: [Int]) {
    let pool = ThreadPool.shared
    let before = pool.threadCount
    defer { pool.threadCount = before }
    let inputs = Self.inputs(shape)
    for (name, body) in Self.variants {
      func results() -> [Tensor] {
        let leaves = inputs.map { $0.requiringGrad() }
        let y = body(leaves)
        (y * FormulaNumbers.uniform("weights", y.shape)).sum().backward()
        return [y.detach()] + leaves.compactMap(\.grad)
      }
      pool.threadCount = 1
      let serial = results()
      pool.threadCount = 3
      for (a, b) in zip(serial, results()) { #expect(a.isEqual(to: b), "\(name)") }
    }
  }

  @Test(arguments: [1, 6, 64, 65, 200])
  func accurateFarFromZero(channels: Int) {
    let x = FormulaNumbers.uniform("far", [16, channels, 20, 21], 999, 1001).channelsLast()
    let (mean, variance) = (Tensor.zeros([channels]), Tensor.ones([channels]))
    func run(_ dtype: DType) -> (Tensor, Tensor, Tensor) {
      let result = x.to(dtype).batchNorm(
        runningMean: mean.to(dtype), runningVariance: variance.to(dtype), training: true, momentum: 1)
      return (
        result.output.to(.float64), result.runningMean?.to(.float64) ?? mean,
        result.runningVariance?.to(.float64) ?? variance
      )
    }
    let (found, wanted) = (run(.float32), run(.float64))
    let exact = x.to(.float64)
    #expect(
      tensorDifferences(
        wanted.1, exact.mean([0, 2, 3]), relativeTolerance: 1e-13, absoluteTolerance: 0
      ).isEmpty)
    #expect(
      tensorDifferences(
        wanted.2, exact.variance([0, 2, 3]), relativeTolerance: 1e-11, absoluteTolerance: 0
      ).isEmpty)
    for (a, b) in [(found.0, wanted.0), (found.1, wanted.1), (found.2, wanted.2)] {
      #expect(tensorDifferences(a, b, relativeTolerance: 1e-6, absoluteTolerance: 2e-6).isEmpty)
    }
    #expect(found.0.isChannelsLast)
  }

  @Test func evaluationDoesNotLookAtTheBatch() {
    let x = FormulaNumbers.uniform("images", [5, 6, 7, 7])
    let (mean, variance) = (
      FormulaNumbers.uniform("mean", [6]), FormulaNumbers.uniform("variance", [6], 1, 2)
    )
    func run(_ x: Tensor) -> Tensor { x.batchNorm(runningMean: mean, runningVariance: variance).output }
    let all = run(x)
    for index in 0..<5 { #expect(run(x[index].unsqueeze(0))[0].isEqual(to: all[index])) }
    let again = x.batchNorm(runningMean: mean, runningVariance: variance)
    #expect(again.runningMean?.isEqual(to: mean) ?? false)
    #expect(run(Tensor.zeros([0, 6, 2, 2])).shape == [0, 6, 2, 2])
  }

  @Test func rejectsWrongArguments() async {
    await #expect(processExitsWith: .failure) {
      _ = Tensor.zeros([1, 3]).batchNorm(training: true)
    }
    await #expect(processExitsWith: .failure) {
      _ = Tensor.zeros([2, 3]).batchNorm(weight: Tensor.ones([4]), training: true)
    }
    await #expect(processExitsWith: .failure) {
      _ = Tensor.zeros([2, 3]).batchNorm(runningMean: Tensor.ones([3]), training: true)
    }
    await #expect(processExitsWith: .failure) { _ = Tensor.zeros([2, 3, 4]).groupNorm(groups: 2) }
    await #expect(processExitsWith: .failure) { _ = Tensor.zeros([2, 3, 1]).instanceNorm() }
    await #expect(processExitsWith: .failure) { _ = Tensor.zeros([2, 3]).layerNorm(shape: [2]) }
    await #expect(processExitsWith: .failure) { _ = Tensor.zeros([2, 3, 4]).localResponseNorm(size: 0) }
  }
}
