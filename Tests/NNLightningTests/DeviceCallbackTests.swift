import Foundation
import NNCore
import NNData
import NNExport
import NNLayers
import NNLightning
import TestSupport
import Testing

/// What stands around a training, with the model on a device beside the CPU.
@Suite struct DeviceCallbackTests {
  private let accelerator = Accelerator("emulated", EmulatedDevice.shared.device)

  // MARK: Frozen features

  private func fit(
    _ caching: FeatureCaching, _ accelerator: Accelerator, workers: Int = 0
  ) throws -> (weights: [Float], metrics: Metrics, reads: Int, notes: [String]) {
    try withDefaultGenerator(Generator(seed: 3)) {
      let images = CountedImages(count: 60)
      let parts = randomSplit(images, lengths: [40, 20])
      let net = FrozenNet()
      net.backbone.forEach { $0.freeze() }
      let validation = DataLoader(parts[1], batchSize: 8, generator: Generator(seed: 1))
      let trainer = Trainer(
        maxEpochs: 3, accelerator: accelerator, enableProgressBar: false, sanityValidationSteps: 0,
        cacheFrozenFeatures: caching)
      try trainer.fit(
        net, train: DataLoader(parts[0], batchSize: 7, shuffle: true, workers: workers),
        validation: validation)
      try trainer.test(net, validation)
      let weights = net.stateDict().flatMap { $0.value.array(of: Float.self) }
      return (weights, trainer.callbackMetrics, images.reads, trainer.notes)
    }
  }

  @Test(arguments: [0, 2]) func frozenFeaturesAreKept(workers: Int) throws {
    let plain = try fit(.off, accelerator, workers: workers)
    let kept = try fit(.memory, accelerator, workers: workers)
    #expect(plain.reads == 3 * 60 + 20 && kept.reads == 60)
    #expect(kept.weights == plain.weights && kept.metrics == plain.metrics)
    #expect(kept.notes.count == 1 && kept.notes[0].hasPrefix("Frozen features: everything up to conv2"))
  }

  @Test func keptFeaturesAreThoseOfEveryDevice() throws {
    try withTemporaryFolder { folder in
      let cache = folder.path + "/features"
      let first = try fit(.disk(cache), .cpu)
      let second = try fit(.disk(cache), accelerator)
      #expect(first.reads == 60 && second.reads < 60, "\(second.notes)")
      for (x, y) in zip(first.weights, second.weights) { #expect(abs(x - y) < 1e-4) }
    }
  }

  // MARK: Callbacks

  @Test func averagesFindersReportsAndLoggersRun() throws {
    try withTemporaryFolder { folder in
      let path = folder.path
      let (finder, profiler) = (
        LearningRateFinder(steps: 6, plot: path + "/rates.svg"),
        Profiler(skip: 0, steps: 2, trace: path + "/trace.json")
      )
      let sizes = BatchSizeFinder(steps: 1, maximum: 8)
      let preflight = Preflight(steps: 2) { _ in }
      let callbacks: [Callback] = [
        preflight, sizes, finder, profiler, ExponentialMovingAverage(decay: 0.5),
        StochasticWeightAveraging(startEpoch: 1, learningRate: 0.01), EarlyStopping(patience: 5),
        LearningRateMonitor(), ThroughputMonitor(), ModelCheckpoint(directory: path),
      ]
      let net = DeviceNet()
      net.expected = accelerator.device
      let trainer = Trainer(
        maxEpochs: 3, accelerator: accelerator, callbacks: callbacks,
        loggers: [
          CSVLogger(path + "/log.csv"), TensorBoardLogger(path + "/board"), RunReport(path + "/r.html"),
        ],
        enableProgressBar: false, logInterval: 1)
      let x = Tensor.randn([24, 3, 8, 8], generator: Generator(seed: 3))
      let data = TensorDataset(x, (x.sum([1, 2, 3]) .> 0).to(.int64))
      let result = try trainer.fit(
        net, train: DataLoader(data, batchSize: 4, shuffle: true), validation: DataLoader(data, batchSize: 8))
      #expect(result.isComplete && result.bestCheckpoint != nil)
      #expect(finder.tried.count >= 3 && !sizes.trials.isEmpty && profiler.stepSeconds > 0)
      #expect(preflight.lines.contains { $0.hasPrefix("Speed: ") })
      #expect(profiler.layers.contains { $0.name == "conv" && $0.calls > 0 && $0.backward > 0 })
      #expect(net.stateDict().allSatisfy { $0.value.device == .cpu })
      #expect(net.stateDict().allSatisfy { $0.value.array(of: Double.self).allSatisfy(\.isFinite) })
      for file in ["rates.svg", "trace.json", "log.csv", "board", "r.html", "best.safetensors"] {
        #expect(FileManager.default.fileExists(atPath: path + "/" + file), "\(file)")
      }
      let report = try String(contentsOfFile: path + "/r.html", encoding: .utf8)
      #expect(report.contains("values in it"))
    }
  }

  @Test func memoryOfACardIsTold() throws {
    let card = EmulatedCUDA.device
    let preflight = Preflight(steps: 2) { _ in }
    let trainer = Trainer(
      maxEpochs: 1, accelerator: Accelerator("card", card), callbacks: [preflight], enableProgressBar: false)
    try trainer.fit(DeviceNet(), train: ListLoader(batches: images(8)))
    let line = try #require(preflight.lines.first { $0.hasPrefix("Memory of \(card): ") })
    #expect(line.contains(" for a batch of 4, ") && line.contains(" free"))
  }

  private func images(_ count: Int) -> [Sample] {
    let x = Tensor.randn([count, 3, 8, 8], generator: Generator(seed: 3))
    let t = (x.sum([1, 2, 3]) .> 0).to(.int64)
    return stride(from: 0, to: count, by: 4).map {
      Sample(input: x.narrow(0, start: $0, length: 4), target: t.narrow(0, start: $0, length: 4))
    }
  }

  @Test(arguments: [EmulatedDevice.shared.device, EmulatedCUDA.device])
  func theChaptersNetworkTrains(_ device: Device) throws {
    func losses(_ accelerator: Accelerator) throws -> [Double] {
      try withDefaultGenerator(Generator(seed: 1)) {
        let net = LossKeeper()
        try Trainer(maxEpochs: 3, accelerator: accelerator, enableProgressBar: false)
          .fit(net, train: ListLoader(batches: images(24)), validation: ListLoader(batches: images(8)))
        return net.losses
      }
    }
    let (expected, found) = (try losses(.cpu), try losses(Accelerator("device", device)))
    #expect(found.count == 18 && expected.count == 18)
    for (x, y) in zip(found, expected) { #expect(abs(x - y) < 1e-2 * max(abs(y), 0.1), "\(found)") }
  }

  /// The chapter's network in small, which keeps what it lost.
  private final class LossKeeper: Module, Classifier, TrainStep, ValidationStep {
    let conv = Conv2d(3, 8, kernelSize: 3, padding: 1)
    let bn = BatchNorm2d(8)
    let fc = Linear(128, 2)
    var kept: [Tensor] = []
    var losses: [Double] { kept.map { $0.item() } }

    func callAsFunction(_ x: Tensor) -> Tensor {
      fc(bn(conv(x)).relu().maxPool2d(kernelSize: 2).flatten(from: 1))
    }
    func trainingStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
      let loss = loss(self(batch.input), batch.target)
      kept.append(loss.detach())
      return ["loss": loss]
    }
    func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.05) }
  }

  // MARK: Files

  @Test func aModelOnADeviceIsExportedAndSaved() throws {
    try withTemporaryFolder { folder in
      let net = DeviceNet()
      func files(_ name: String) throws -> [Data] {
        let own = folder.path + "/\(name)"
        try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
        let paths = ["onnx", "safetensors", "pth", "npz"].map { own + "/net.\($0)" }
        try net.export(onnx: paths[0], inputShape: [1, 3, 8, 8])
        let state = net.stateDict()
        try state.write(safetensors: paths[1])
        try state.write(pth: paths[2])
        try state.write(npz: paths[3])
        return try paths.map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
      }
      let expected = try files("cpu")
      net.to(accelerator.device)
      #expect(try files("device") == expected)
      // What is read goes where the network is.
      try net.loadStateDict(StateDict(contentsOf: folder.path + "/cpu/net.safetensors"))
      #expect(net.fc.weight.value.device == accelerator.device)
    }
  }
}
