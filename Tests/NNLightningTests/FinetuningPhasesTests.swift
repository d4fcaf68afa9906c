import Foundation
import NNCore
import NNData
import NNFiles
import NNLayers
import NNLightning
import TestSupport
import Testing

/// Two blocks and a head, each in a group of its own.
private final class Net: Module, Classifier, TrainStep, ValidationStep {
  let early = Sequential(
    Conv2d(3, 4, kernelSize: 3, padding: 1), BatchNorm2d(4), ReLU(), MaxPool2d(kernelSize: 4))
  let late = Sequential(Conv2d(4, 6, kernelSize: 3), BatchNorm2d(6), ReLU(), Flatten())
  let head = Linear(6 * 6 * 6, 10)
  func callAsFunction(_ x: Tensor) -> Tensor { head(late(early(x))) }
  func configureOptimizers() -> any Optimizer {
    SGD(
      [head, late, early].map { ParameterGroup($0.parameters()) }, learningRate: 0.1
    ) { $0.momentum = 0.9 }
  }

  var phases: FinetuningPhases {
    FinetuningPhases([
      .init("head", epochs: 2, training: [head]),
      .init("last", epochs: 2, training: [head, late], learningRates: [0.05, 0.02, 0]),
      .init("all", epochs: 1, training: [self], learningRates: [0.02, 0.01, 0.005]),
    ])
  }
}

@Suite struct FinetuningPhasesTests {
  private func run(
    _ stops: [Int?] = [nil], epochs: Int = 5, caching: FeatureCaching = .memory, folder: String? = nil,
    watch: Callback? = nil
  ) throws -> (state: StateDict, notes: [String]) {
    var net = Net()
    var notes: [String] = []
    for stop in stops {
      net = withDefaultGenerator(Generator(seed: 6)) { Net() }
      var callbacks: [Callback] = [net.phases]
      if let watch { callbacks.append(watch) }
      if let folder { callbacks.append(ModelCheckpoint(directory: folder, everySteps: 1)) }
      let trainer = Trainer(
        maxEpochs: epochs, maxSteps: stop, callbacks: callbacks, enableProgressBar: false,
        cacheFrozenFeatures: caching)
      func loader(_ count: Int, shuffle: Bool) -> DataLoader<Sample> {
        DataLoader(
          SyntheticShapes(count: count), batchSize: 8, shuffle: shuffle, generator: Generator(seed: 1))
      }
      try trainer.fit(
        net, train: loader(24, shuffle: true), validation: loader(8, shuffle: false),
        resume: folder == nil ? .never : .last)
      notes += trainer.notes
    }
    return (net.stateDict(), notes)
  }

  private func expectEqual(_ a: StateDict, _ b: StateDict) throws {
    for (key, value) in a {
      let isEqual = try value.isEqual(to: #require(b[key]))
      #expect(isEqual, "\(key)")
    }
  }

  @Test func eachPhaseTrainsItsPartsAtItsRatesWithoutFormerMomenta() throws {
    final class Watch: Callback {
      var frozen: [[Bool]] = []
      var rates: [[Double]] = []
      var momenta: [Int] = []
      var weights: [[Tensor]] = []
      override func onTrainBatchStart(_ trainer: Trainer, _ model: Module, batchIndex: Int) {
        guard batchIndex == 0, let net = model as? Net, let optimizer = trainer.optimizer else { return }
        let parts: [Module] = [net.head, net.late, net.early]
        frozen.append(parts.map(\.isFrozen))
        rates.append(optimizer.learningRates)
        momenta.append(optimizer.stateDict().keys.filter { $0.hasSuffix("momentum_buffer") }.count)
        weights.append(parts.map { cat($0.stateDict().map { $0.value.to(.float32).flatten() }) })
      }
    }
    let watch = Watch()
    // Epochs behind the last phase belong to it.
    _ = try run(epochs: 6, watch: watch)
    let (head, last, all) = ([false, true, true], [false, false, true], [false, false, false])
    #expect(watch.frozen == [head, head, last, last, all, all])
    #expect(
      watch.rates == [
        [0.1, 0.1, 0.1], [0.1, 0.1, 0.1], [0.05, 0.02, 0], [0.05, 0.02, 0], [0.02, 0.01, 0.005],
        [0.02, 0.01, 0.005],
      ])
    // The head's two parameters, with the late block's four, with the early block's four.
    #expect(watch.momenta == [0, 2, 0, 6, 0, 10])
    for epoch in 0..<5 {
      let stays = (0..<3).map { watch.weights[epoch + 1][$0].isEqual(to: watch.weights[epoch][$0]) }
      #expect(stays == watch.frozen[epoch], "running statistics included, epoch \(epoch)")
    }
  }

  @Test func aRunStoppedInEachPhaseEndsInTheSameBits() throws {
    let whole = try run()
    try withTemporaryFolder { folder in
      // Three steps an epoch: within phases, and at the ends of phases (6 and 12).
      let parts = try run([2, 3, 5, 6, 7, 9, 11, 12, 13, nil], folder: folder.path)
      try expectEqual(whole.state, parts.state)
    }
  }

  @Test func keptFeaturesEndWithTheirPremise() throws {
    let (kept, plain) = (try run(), try run(caching: .off))
    try expectEqual(kept.state, plain.state)
    let lines = kept.notes.filter { $0.hasPrefix("Frozen features: everything up to") }
    #expect(lines.count == 2 && lines[0].contains("up to late.") && lines[1].contains("up to early."))
    #expect(
      plain.notes.map { $0.split(separator: ":")[0] } == [
        "Phase 1 of 3, head", "Phase 2 of 3, last", "Phase 3 of 3, all",
      ])
  }

  @Test func anOptimizerThatLacksAPhaseIsRefused() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      final class HeadOnly: Module, Classifier, TrainStep {
        let body = Linear(2, 2)
        let head = Linear(2, 2)
        func callAsFunction(_ x: Tensor) -> Tensor { head(body(x)) }
        func configureOptimizers() -> any Optimizer { SGD(head.parameters(), learningRate: 0.1) }
      }
      let net = HeadOnly()
      let phases = FinetuningPhases([
        .init("head", epochs: 1, training: [net.head]), .init("all", epochs: 1, training: [net]),
      ])
      try Trainer(maxEpochs: 2, callbacks: [phases], enableProgressBar: false)
        .fit(net, train: points(9, seed: 1))
    }
    let text = result.map { String(decoding: $0.standardErrorContent, as: UTF8.self) } ?? ""
    #expect(text.contains("the optimizer lacks parameters of the phase all"), "\(text)")
  }
}
