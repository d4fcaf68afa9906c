import Foundation
import NNCore
import NNData
import NNFiles
import NNLayers
import NNLightning
import Synchronization
import TestSupport
import Testing

/// Small images, of which each access is counted.
struct CountedImages: VisionDataset {
  final class Counter: Sendable {
    let reads = Mutex(0)
  }

  let counter = Counter()
  let targets: [Int]
  let classes = ["dark", "light"]
  var transform: any Transform<Image, Tensor>
  var isKnown = true

  init(count: Int, transform: any Transform<Image, Tensor> = ToTensor()) {
    targets = (0..<count).map { $0 % 2 }
    self.transform = transform
  }

  func image(at index: Int) -> Image {
    counter.reads.withLock { $0 += 1 }
    let generator = Generator(seed: index)
    let pixels = (0..<8 * 8 * 3).map { _ in UInt8(generator.randint(0, 100) + targets[index] * 100) }
    return Image(width: 8, height: 8, channels: 3, pixels: pixels)
  }

  func fingerprint() -> String? { isKnown ? "counted images \(targets.count) \(transform)" : nil }

  var reads: Int { counter.reads.withLock { $0 } }
}

/// A frozen beginning and a trained end, put together with functions as well as layers.
final class FrozenNet: Module, Classifier, TrainStep, ValidationStep, TestStep {
  let conv = Conv2d(3, 6, kernelSize: 3, padding: 1)
  let bn = BatchNorm2d(6)
  let drop = Dropout(0.5)
  let conv2 = Conv2d(6, 10, kernelSize: 3)
  let norm = BatchNorm1d(10)
  let fc = Linear(10, 2)
  private let dropsInside: Bool

  init(dropsInside: Bool = false) { self.dropsInside = dropsInside }

  /// The layers in front of the head.
  var backbone: [Module] { [conv, bn, drop, conv2] }

  func callAsFunction(_ x: Tensor) -> Tensor {
    var h = bn(conv((x - 0.5) * 2)).relu().maxPool2d(kernelSize: 2)
    if dropsInside { h = drop(h) }
    h = conv2(h).relu().mean([2, 3])
    return fc(norm(h))
  }

  func configureOptimizers() -> any Optimizer {
    SGD(parameters().filter(\.requiresGrad), learningRate: 0.1) { $0.momentum = 0.9 }
  }
}

@Suite struct FrozenFeatureTests {
  struct Run {
    var weights: [String: [Float]]
    var metrics: Metrics
    var reads: Int
    var notes: [String]
  }

  func run(
    _ caching: FeatureCaching, epochs: Int = 4, workers: Int = 0, count: Int = 60, batchSize: Int = 7,
    transform: any Transform<Image, Tensor> = ToTensor(), isKnown: Bool = true,
    batchTransform: (any Transform<Sample, Sample>)? = nil, dropsInside: Bool = false, sanitySteps: Int = 0,
    callbacks: [Callback] = [], freeze: (FrozenNet) -> Void = { net in net.backbone.forEach { $0.freeze() } }
  ) throws -> Run {
    try withDefaultGenerator(Generator(seed: 3)) {
      try runIsolated(
        caching, epochs, workers, count, batchSize, transform, isKnown, batchTransform, dropsInside,
        sanitySteps, callbacks, freeze)
    }
  }

  private func runIsolated(
    _ caching: FeatureCaching, _ epochs: Int, _ workers: Int, _ count: Int, _ batchSize: Int,
    _ transform: any Transform<Image, Tensor>, _ isKnown: Bool,
    _ batchTransform: (any Transform<Sample, Sample>)?, _ dropsInside: Bool, _ sanitySteps: Int,
    _ callbacks: [Callback], _ freeze: (FrozenNet) -> Void
  ) throws -> Run {
    var images = CountedImages(count: count, transform: transform)
    images.isKnown = isKnown
    let parts = randomSplit(images, lengths: [count - 20, 20])
    let net = FrozenNet(dropsInside: dropsInside)
    freeze(net)
    let train = DataLoader(
      parts[0], batchSize: batchSize, shuffle: true, workers: workers, batchTransform: batchTransform)
    let validation = DataLoader(parts[1], batchSize: 8, generator: Generator(seed: 1))
    let trainer = Trainer(
      maxEpochs: epochs, callbacks: callbacks, enableProgressBar: false, sanityValidationSteps: sanitySteps,
      cacheFrozenFeatures: caching)
    try trainer.fit(net, train: train, validation: validation)
    try trainer.test(net, validation)
    var weights: [String: [Float]] = [:]
    for (key, value) in net.stateDict() { weights[key] = value.to(.float32).array(of: Float.self) }
    return Run(weights: weights, metrics: trainer.callbackMetrics, reads: images.reads, notes: trainer.notes)
  }

  func expectEqual(_ a: Run, _ b: Run) {
    let areWeightsEqual = a.weights == b.weights  // thousands of numbers are no message
    #expect(areWeightsEqual)
    #expect(a.metrics == b.metrics)
  }

  /// The weights, the running statistics and the metrics have the bits of the run that computes everything, and no
  /// image is read twice.
  @Test(arguments: [0, 2], [4, 7])
  func endsInTheSameBits(workers: Int, batchSize: Int) throws {
    let plain = try run(.off, workers: workers, batchSize: batchSize)
    let kept = try run(.memory, workers: workers, batchSize: batchSize)
    expectEqual(plain, kept)
    #expect(plain.reads == 4 * 60 + 20)
    #expect(kept.reads == 60)
    #expect(plain.notes.isEmpty)
    #expect(
      kept.notes.count == 1 && kept.notes[0].hasPrefix("Frozen features: everything up to conv2 (10, 40 B"))
  }

  /// Where the beginning thaws on the way, the rest is computed as it is trained.
  @Test func holdsAsLongAsItsPremise() throws {
    final class Thaw: Callback {
      override func onTrainEpochStart(_ trainer: Trainer, _ model: Module) {
        guard let net = model as? FrozenNet else { return }
        if trainer.currentEpoch == 2 { net.conv2.unfreeze() }
        if trainer.currentEpoch == 4 { net.conv2.freeze() }
      }
    }
    func thawing(_ caching: FeatureCaching) throws -> Run { try run(caching, epochs: 6, callbacks: [Thaw()]) }
    let kept = try thawing(.memory)
    expectEqual(try thawing(.off), kept)
    // Both prefixes are found: up to the pooling, and up to conv2 again.
    #expect(kept.notes.count == 3 && kept.notes[1].contains("everything up to bn"))
  }

  /// Weights that are read again (the best checkpoint's) are the same weights.
  @Test func recognisesWeightsThatWereReadAgain() throws {
    try withDefaultGenerator(Generator(seed: 3)) {
      let images = CountedImages(count: 40)
      let net = FrozenNet()
      net.backbone.forEach { $0.freeze() }
      let loader = DataLoader(images, batchSize: 8)
      let trainer = Trainer(maxEpochs: 2, enableProgressBar: false)
      try trainer.fit(net, train: loader)
      try net.loadStateDict(StateDict(net.stateDict().map { ($0.key, $0.value.clone()) }))
      try trainer.test(net, loader)
      #expect(images.reads == 40)
      let kept = trainer.callbackMetrics
      net.conv.weight.value = net.conv.weight.value * 1.5
      try trainer.test(net, loader)
      #expect(trainer.callbackMetrics != kept)
      #expect(images.reads == 80, "other weights are computed with")
    }
  }

  // MARK: Reasons

  private func expectNothingKept(_ run: Run, because reason: String) {
    #expect(run.reads == 4 * 60 + 20, "everything is loaded every time")
    #expect(run.notes.count == 1 && run.notes[0].contains(reason), "\(run.notes)")
  }

  @Test func saysThatStatisticsMove() throws {
    func textbook(_ net: FrozenNet) { net.backbone.forEach { $0.requiresGrad(false) } }
    let kept = try run(.memory, freeze: textbook)
    expectNothingKept(
      kept, because: "bn (batchNorm): it uses the statistics of the batch; freeze() the network")
    expectEqual(try run(.off, freeze: textbook), kept)
  }

  @Test func saysThatDropoutDraws() throws {
    func withDropout(_ net: FrozenNet) { net.backbone.forEach { if $0 !== net.drop { $0.freeze() } } }
    let kept = try run(.memory, dropsInside: true, freeze: withDropout)
    expectNothingKept(kept, because: "drop (dropout): it draws random numbers")
    expectEqual(try run(.off, dropsInside: true, freeze: withDropout), kept)
    #expect(try run(.memory, dropsInside: true).reads == 60, "frozen dropout drops nothing")
  }

  @Test func saysThatImagesAreAugmented() throws {
    let flips = Compose {
      RandomHorizontalFlip()
      ToTensor()
    }
    let kept = try run(.memory, transform: flips)
    #expect(kept.notes.contains { $0.contains("RandomHorizontalFlip(p: 0.5), which draws random numbers") })
    #expect(kept.reads == 4 * 60 + 20)
    expectEqual(try run(.off, transform: flips), kept)
  }

  @Test func saysThatSamplesAreMixed() throws {
    let kept = try run(.memory, batchTransform: Halved())
    #expect(
      kept.notes.contains { $0.contains("training batches go through Halved, which mixes their samples") })
    expectEqual(try run(.off, batchTransform: Halved()), kept)
  }

  private struct Halved: DeterministicTransform {
    let description = "Halved"
    func callAsFunction(_ sample: Sample) -> Sample {
      Sample(input: sample.input * 0.5, target: sample.target)
    }
  }

  @Test func saysThatTheDataSetIsUnknown() throws {
    let net = FrozenNet()
    net.backbone.forEach { $0.freeze() }
    let images = CountedImages(count: 20).map { $0 }
    let trainer = Trainer(maxEpochs: 2, enableProgressBar: false)
    try trainer.fit(net, train: DataLoader(images, batchSize: 5))
    #expect(
      trainer.notes.count == 1 && trainer.notes[0].contains("is not known: a data set that is a Repeatable"))
  }

  @Test func saysThatBatchesComeFromElsewhere() throws {
    let net = FrozenNet()
    net.backbone.forEach { $0.freeze() }
    let sample = Sample(input: Tensor.rand([4, 3, 8, 8]), target: Tensor([0, 1, 0, 1]))
    let trainer = Trainer(maxEpochs: 2, enableProgressBar: false)
    try trainer.fit(net, train: ListLoader(batches: [sample]))
    #expect(
      trainer.notes.count == 1 && trainer.notes[0].contains("training batches do not come from a DataLoader"))
  }

  @Test func saysThatTheFirstLayersAreTrained() throws {
    let kept = try run(.memory, freeze: { $0.conv2.freeze() })
    expectNothingKept(kept, because: "the first layers are trained")
  }

  @Test func saysThatTheLimitIsTooLow() throws {
    let kept = try run(.memory(limit: 1_000))
    expectNothingKept(
      kept, because: "40 B per image for 60 training images are 2.4 kB, more than the limit of 1.0 kB")
    expectEqual(try run(.off), kept)
  }

  @Test func isSilentWhereNothingIsFrozen() throws {
    #expect(try run(.memory, freeze: { _ in }).notes.isEmpty)
  }

  /// What the head sees may be part of something larger, as the class token of a vision transformer is.
  @Test func keepsPartsOfFeatures() throws {
    final class Tokens: Module, Classifier, TrainStep, ValidationStep {
      let patches = Conv2d(3, 12, kernelSize: 4, stride: 4)
      let token = Parameter(Tensor.ones([1, 1, 12]))
      let fc = Linear(12, 2)
      func callAsFunction(_ x: Tensor) -> Tensor {
        let h = patches(x).flatten(from: 2).permute(0, 2, 1)
        let all = cat([token.value.expand(h.shape[0], -1, -1), h], axis: 1)
        return fc((all.matmul(all.transpose(1, 2)).softmax(-1).matmul(all))[.all, 0])
      }
      func configureOptimizers() -> any Optimizer { SGD(fc.parameters(), learningRate: 0.1) }
    }
    func run(_ caching: FeatureCaching) throws -> (bits: [[Float]], reads: Int, notes: [String]) {
      try withDefaultGenerator(Generator(seed: 5)) {
        let images = CountedImages(count: 22)
        let net = Tokens()
        net.patches.freeze()
        net.token.requiresGrad = false
        let loader = DataLoader(images, batchSize: 5, shuffle: true)
        let trainer = Trainer(maxEpochs: 3, enableProgressBar: false, cacheFrozenFeatures: caching)
        try trainer.fit(net, train: loader)
        return (net.stateDict().map { $0.value.array(of: Float.self) }, images.reads, trainer.notes)
      }
    }
    let (plain, kept) = (try run(.off), try run(.memory))
    #expect(plain.bits == kept.bits)
    #expect(plain.reads == 66 && kept.reads == 22)
    // The token's 12 numbers and not those of all five.
    #expect(kept.notes.count == 1 && kept.notes[0].contains("(12, 48 B per image)"), "\(kept.notes)")
  }

  // MARK: Views

  @Test func keepsAugmentedViews() throws {
    let flips = Compose {
      RandomHorizontalFlip()
      ToTensor()
    }
    let kept = try run(.memory(views: 2), transform: flips)
    // Two views of each of 40 training images, two of each validation image in the four validations.
    #expect(kept.reads == 2 * 60)
    let single = try run(.memory(views: 1), transform: flips)
    let areWeightsEqual = kept.weights == single.weights
    #expect(!areWeightsEqual)
    expectEqual(kept, try run(.memory(views: 2), workers: 2, transform: flips))
  }
}
