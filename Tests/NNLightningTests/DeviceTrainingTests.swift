import Foundation
import NNCore
import NNData
import NNExport
import NNLayers
import NNLightning
import Synchronization
import TestSupport
import Testing

/// A small network with everything that the chapter's has, and dropout.
final class DeviceNet: Module, Classifier, TrainStep, ValidationStep, TestStep, PredictStep {
  let conv = Conv2d(3, 4, kernelSize: 3, padding: 1)
  let bn = BatchNorm2d(4)
  let drop = Dropout(0.2)
  let fc = Linear(64, 2)
  /// Checks that the step is where it is to be.
  var expected: Device?

  func callAsFunction(_ x: Tensor) -> Tensor {
    if let expected { #expect(x.device == expected && fc.weight.value.device == expected) }
    return fc(drop(bn(conv(x)).relu().maxPool2d(kernelSize: 2)).flatten(from: 1))
  }
  func trainingStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
    let y = self(batch.input)
    let loss = loss(y, batch.target)
    context.log("train_loss", loss, onStep: true, onEpoch: true, progressBar: true)
    return ["loss": loss, "acc": accuracy(y, batch.target)]
  }
  func configureOptimizers() -> any Optimizer {
    SGD(parameters(), learningRate: 0.1) { $0.momentum = 0.9 }
  }
}

/// A Trainer on a device beside the CPU whose memory the host cannot read.
@Suite struct DeviceTrainingTests {
  private let emulated = EmulatedDevice.another()
  private var accelerator: Accelerator { Accelerator("emulated", emulated.device) }

  private func loader(_ count: Int = 24, workers: Int = 0, shuffle: Bool = true) -> DataLoader<Sample> {
    let x = Tensor.randn([count, 3, 8, 8], generator: Generator(seed: 3))
    let t = (x.sum([1, 2, 3]) .> 0).to(.int64)
    return DataLoader(TensorDataset(x, t), batchSize: 4, shuffle: shuffle, workers: workers)
  }

  private struct Run: Equatable {
    var weights: [String: [Float]]
    var metrics: Metrics
  }

  /// Trains and tests; `resume` is a checkpoint.
  private func run(
    on accelerator: Accelerator, epochs: Int = 2, steps: Int? = nil, workers: Int = 0,
    resume: Resume = .never, save: String? = nil, callbacks: [Callback] = [], loggers: [Logger] = [],
    clip: GradientClip? = nil
  ) throws -> Run {
    try withDefaultGenerator(Generator(seed: 1)) {
      let net = DeviceNet()
      net.expected = accelerator.device
      let trainer = Trainer(
        maxEpochs: epochs, maxSteps: steps, accelerator: accelerator, callbacks: callbacks, loggers: loggers,
        enableProgressBar: false, gradientClip: clip)
      try trainer.fit(
        net, train: loader(workers: workers), validation: loader(8, shuffle: false), resume: resume)
      if let save { try trainer.saveCheckpoint(to: save) }
      try trainer.test(net, loader(8, shuffle: false))
      #expect(net.parameters().allSatisfy { $0.value.device == .cpu })
      #expect(net.buffers().allSatisfy { $0.value.device == .cpu })
      return Run(
        weights: net.stateDict().reduce(into: [:]) { $0[$1.key] = $1.value.array(of: Float.self) },
        metrics: trainer.callbackMetrics)
    }
  }

  private func expectClose(_ a: Run, _ b: Run, _ tolerance: Double = 1e-4) {
    #expect(a.metrics.names == b.metrics.names && a.weights.keys == b.weights.keys)
    for (name, value) in a.metrics { #expect(abs(value - (b.metrics[name] ?? .nan)) < tolerance, "\(name)") }
    for (key, values) in a.weights {
      for (x, y) in zip(values, b.weights[key] ?? []) { #expect(abs(Double(x - y)) < tolerance, "\(key)") }
    }
  }

  @Test(arguments: [nil, GradientClip.norm(0.5), .value(0.05)])
  func trainsAsTheCPU(clip: GradientClip?) throws {
    expectClose(try run(on: .cpu, clip: clip), try run(on: accelerator, clip: clip))
  }

  @Test func workersMoveBatchesInTheirOrder() throws {
    let expected = try run(on: accelerator)
    for workers in [1, 3] { #expect(try run(on: accelerator, workers: workers) == expected) }
  }

  @Test func checkpointsGoFromDeviceToDevice() throws {
    try withTemporaryFolder { folder in
      let file = folder.path + "/a.safetensors"
      let whole = try run(on: accelerator)
      // In the middle of an epoch: six steps are one.
      _ = try run(on: accelerator, steps: 8, save: file)
      let state = try Checkpoint(contentsOf: file)
      #expect(state.model.allSatisfy { $0.value.device == .cpu } && state.globalStep == 8)
      #expect(try run(on: accelerator, resume: .from(file)) == whole)
      expectClose(try run(on: .cpu, resume: .from(file)), whole)
      _ = try run(on: .cpu, steps: 8, save: file)
      expectClose(try run(on: accelerator, resume: .from(file)), whole)
    }
  }

  /// Looks how often somebody waited for the device in the middle of an epoch.
  private final class WaitCounter: Callback {
    let device: EmulatedDevice
    var waits: [Int] = []
    init(_ device: EmulatedDevice) { self.device = device }
    override func onTrainBatchStart(_ trainer: Trainer, _ model: Module, batchIndex: Int) {
      waits.append(device.downloads.load(ordering: .relaxed))
    }
  }

  @Test(arguments: [nil, GradientClip.norm(0.5), .value(0.05)])
  func noStepWaits(clip: GradientClip?) throws {
    let counter = WaitCounter(emulated)
    _ = try run(on: accelerator, epochs: 1, callbacks: [counter], clip: clip)
    #expect(counter.waits.count == 6 && Set(counter.waits).count == 1, "\(counter.waits)")
  }

  @Test func progressIsShownWhereItIsRead() throws {
    let shown = try withDefaultGenerator(Generator(seed: 1)) {
      let net = DeviceNet()
      let trainer = Trainer(maxEpochs: 1, accelerator: accelerator)
      try trainer.fit(net, train: loader())
      #expect(trainer.progressBarMetrics["train_loss_step"]?.isFinite == true)
      return trainer.callbackMetrics
    }
    #expect(
      shown["loss"]?.isFinite == true && abs((shown["loss"] ?? 0) - (shown["train_loss_epoch"] ?? 1)) < 1e-6)
  }

  // MARK: Batches

  private struct Pair: DeviceMovable {
    var x: Tensor, t: Tensor
    func to(_ device: Device) -> Pair { Pair(x: x.to(device), t: t.to(device)) }
  }
  private struct Stuck {
    var x: Tensor, t: Tensor
  }

  private final class AnyNet<Batch>: Module, TrainStep {
    let fc = Linear(2, 2)
    let parts: (Batch) -> (Tensor, Tensor)
    init(_ parts: @escaping (Batch) -> (Tensor, Tensor)) { self.parts = parts }
    func trainingStep(_ batch: Batch, context: StepContext) throws -> StepOutput {
      let (x, t) = parts(batch)
      return ["loss": crossEntropy(fc(x), t)]
    }
    func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.1) }
  }

  private func fit<Batch>(_ batch: Batch, _ parts: @escaping (Batch) -> (Tensor, Tensor)) throws {
    try Trainer(maxEpochs: 1, accelerator: accelerator, enableProgressBar: false).fit(
      AnyNet(parts), train: ListLoader(batches: [batch, batch]))
  }

  @Test func batchesOfManyTypesAreMoved() throws {
    let (x, t) = (Tensor.randn([3, 2], generator: Generator(seed: 1)), Tensor([0, 1, 1]))
    try fit(Pair(x: x, t: t)) { ($0.x, $0.t) }
    try fit([x, t]) { ($0[0], $0[1]) }
    try fit(["x": x, "t": t]) { ($0["x"] ?? x, $0["t"] ?? t) }
    try fit((x, t)) { $0 }
    try fit((x, t, t)) { ($0.0, $0.1) }
    try fit(Sample(input: x, target: t.to(.int32))) { ($0.input, $0.target) }
    try fit(Sample(input: x, target: Tensor.ones(3, 2) / 2)) { ($0.input, $0.target) }
  }

  @Test func aBatchThatStaysIsRefused() {
    let batch = Stuck(x: Tensor.zeros(3, 2), t: Tensor([0, 1, 1]))
    let error = #expect(throws: TrainerError.self) { try fit(batch) { ($0.x, $0.t) } }
    #expect(error == .batchStays(type: "Stuck", device: emulated.device))
    #expect(error?.description.contains("DeviceMovable), found Stuck") == true)
  }

  @Test func predictionsComeBack() throws {
    let net = DeviceNet()
    let trainer = Trainer(accelerator: accelerator, enableProgressBar: false)
    let found = try trainer.predict(net, loader(10, shuffle: false))
    #expect(found.map(\.shape) == [[4, 2], [4, 2], [2, 2]] && found.allSatisfy { $0.device == .cpu })
    let expected = try Trainer(accelerator: .cpu, enableProgressBar: false)
      .predict(net, loader(10, shuffle: false))
    #expect(cat(found).isClose(to: cat(expected), relativeTolerance: 1e-4, absoluteTolerance: 1e-6))
  }

  // MARK: Mistakes

  @Test(arguments: [0, 1]) func aWrongLabelIsFound(workers: Int) throws {
    let labels = (0..<24).map { $0 == 13 ? 7 : $0 % 2 }
    let data = TensorDataset(Tensor.randn([24, 3, 8, 8], generator: Generator(seed: 1)), Tensor(labels))
    let trainer = Trainer(maxEpochs: 1, accelerator: accelerator, enableProgressBar: false)
    let error = #expect(throws: TrainerError.self) {
      try trainer.fit(DeviceNet(), train: DataLoader(data, batchSize: 4, workers: workers))
    }
    #expect(
      error?.description.hasPrefix(
        "training, epoch 0, batch 3, sample 13: crossEntropy: target class 7 is outside 0..<2") == true,
      "\(error.map { "\($0)" } ?? "")")
  }

  /// A loss or a gradient that is none, in the step of that number.
  private final class Broken: Module, Classifier, TrainStep {
    let fc = Linear(2, 2)
    let extra = Parameter(Tensor.zeros([1]))
    let breaksGradient: Bool
    init(gradient: Bool) { breaksGradient = gradient }
    func callAsFunction(_ x: Tensor) -> Tensor { fc(x) }
    func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.1) }
    func trainingStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
      let loss = crossEntropy(self(batch.input), batch.target) + extra.value.sum() * 0
      if context.globalStep != 5 { return ["loss": loss] }
      return ["loss": breaksGradient ? loss + extra.value.sqrt().sum() : loss * Double.nan]
    }
  }

  @Test(arguments: [false, true], [nil, GradientClip.norm(1)])
  func aNaNIsFoundWithItsStep(inGradient: Bool, clip: GradientClip?) throws {
    try withTemporaryFolder { folder in
      let trainer = Trainer(
        maxEpochs: 4, accelerator: accelerator, callbacks: [ModelCheckpoint(directory: folder.path)],
        enableProgressBar: false, gradientClip: clip)
      let error = #expect(throws: TrainerError.self) {
        try trainer.fit(Broken(gradient: inGradient), train: pointLoader(12, batchSize: 4, seed: 1))
      }
      guard case .notFinite(let problem) = error else {
        Issue.record("\(error.map { "\($0)" } ?? "no error")")
        return
      }
      #expect(problem.step == 5 && problem.epoch == 1 && problem.batch == 2)
      switch problem.place {
      case .loss(let value): #expect(!inGradient && value.isNaN)
      case .gradients(let names): #expect(inGradient && names.contains("extra"))
      case .model: Issue.record("expected the loss or the gradients")
      }
      let last = try Checkpoint(contentsOf: folder.path + "/last.safetensors")
      #expect(last.globalStep == 3)
      #expect(last.model.allSatisfy { $0.value.array(of: Double.self).allSatisfy(\.isFinite) })
    }
  }
}
