import NNCore
import NNLayers
import TestSupport
import Testing

/// Groups for weight decay and layer-wise rates, and the schedule that goes with them.
@Suite struct ParameterGroupingTests {
  private final class Net: Module, StagedModule {
    let token = Parameter(Tensor.zeros([1, 1, 4]))
    let stem = Conv2d(3, 4, kernelSize: 1)
    let blocks = Sequential(Linear(4, 8), LayerNorm(8), Linear(8, 8))
    let head = Linear(8, 2)
    var stages: [Stage] { [Stage("stem", stem), Stage("blocks", blocks), Stage("head", head)] }
  }

  @Test func stagesAreInOrderAndLargeOnesAreTakenApart() {
    let net = Net()
    let shapes = net.depthStages().map { $0.map(\.shape) }
    #expect(
      shapes == [
        [[1, 1, 4]], [[4, 3, 1, 1], [4]], [[8, 4], [8]], [[8], [8]], [[8, 8], [8]], [[2, 8], [2]],
      ])
    let all = net.depthStages().flatMap { $0 }
    #expect(Set(all.map(ObjectIdentifier.init)) == Set(net.parameters().map(ObjectIdentifier.init)))
    #expect(all.count == net.parameters().count)
  }

  @Test func ratesFallTowardsTheInputAndVectorsDoNotDecay() {
    let net = Net()
    let groups: [ParameterGroup<AdamOptions>] = net.parameterGroups(layerDecay: 0.5)
    let optimizer = AdamW(groups, learningRate: 1) { $0.weightDecay = 0.1 }
    let found = optimizer.groups.map { ($0.parameters.map(\.shape), $0.options) }
    #expect(
      found.map(\.0) == [
        [[2, 8]], [[2]], [[8, 8]], [[8]], [[8], [8]], [[8, 4]], [[8]], [[4, 3, 1, 1]], [[4]], [[1, 1, 4]],
      ])
    #expect(
      found.map(\.1.learningRate) == [1, 1, 0.5, 0.5, 0.25, 0.125, 0.125, 0.0625, 0.0625, 0.03125])
    #expect(found.map(\.1.weightDecay) == [0.1, 0, 0.1, 0, 0, 0.1, 0, 0.1, 0, 0.1])
    let plain: [ParameterGroup<SGDOptions>] = net.parameterGroups(sparingVectors: false)
    #expect(plain.count == 1 && plain[0].parameters.count == net.parameters().count)
  }

  @Test func layerDecayOutOfRangeStops() {
    let error = #expect(throws: FixtureError.self) {
      try catchingMistakes {
        let _: [ParameterGroup<SGDOptions>] = Linear(2, 2).parameterGroups(layerDecay: 1.5)
      }
    }
    #expect(error.map { "\($0)" }?.contains("layerDecay must be above 0 and at most 1, got 1.5") == true)
  }

  /// The same rates as the schedules of PyTorch's that it stands for, which have golden values.
  @Test(arguments: [(0, 7), (3, 10), (5, 6)])
  func warmupCosineIsALinearAndACosine(warmup: Int, total: Int) throws {
    func optimizer() -> SGD { SGD([Parameter(Tensor.ones(1))], learningRate: 0.3) }
    let (a, b) = (optimizer(), optimizer())
    let one = WarmupCosineLR(a, warmup: warmup, total: total, startFactor: 0.1, minLearningRate: 0.02)
    let cosine = CosineAnnealingLR(b, tMax: total - warmup, minLearningRate: 0.02)
    let two: any LRScheduler =
      warmup == 0
      ? cosine
      : SequentialLR(
        b, schedulers: [LinearLR(b, startFactor: 0.1, totalIterations: warmup), cosine], milestones: [warmup])
    #expect(one.length == total)
    for step in 0..<total {
      #expect(abs(a.learningRates[0] - b.learningRates[0]) <= 1e-12, "step \(step)")
      one.step()
      two.step()
    }
    #expect(abs(a.learningRates[0] - 0.02) <= 1e-12)
    one.step()
    #expect(abs(a.learningRates[0] - 0.02) <= 1e-12)
    let resumed = WarmupCosineLR(optimizer(), warmup: warmup, total: total)
    try resumed.loadStateDict(one.stateDict())
    #expect(resumed.lastEpoch == total + 1)
  }
}
