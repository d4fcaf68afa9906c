import Foundation
import NNCore
import NNData
import NNLayers
import NNLightning
import TestSupport
import Testing

/// `Trainer(precision: .bf16Mixed)` on the CPU and on the emulated card.
@Suite struct PrecisionTests {
  private let card = Accelerator("emulated CUDA", EmulatedCUDA.device)
  static let places = ["cpu", "card"]
  private func accelerator(_ place: String) -> Accelerator { place == "cpu" ? .cpu : card }

  private func loader(_ count: Int = 32, shuffle: Bool = true) -> DataLoader<Sample> {
    let x = Tensor.randn([count, 3, 8, 8], generator: Generator(seed: 3))
    let t = (x.sum([1, 2, 3]) .> 0).to(.int64)
    return DataLoader(TensorDataset(x, t), batchSize: 8, shuffle: shuffle)
  }

  /// The network of the device tests without dropout, whose masks differ between devices.
  final class Net: Module, Classifier, TrainStep, ValidationStep, PredictStep {
    let conv = Conv2d(3, 8, kernelSize: 3, padding: 1)
    let bn = BatchNorm2d(8)
    let fc = Linear(128, 2)
    /// The losses of all training steps, and the types that were seen.
    var losses: [Double] = []
    var types: Set<String> = []

    func callAsFunction(_ x: Tensor) -> Tensor {
      let features = conv(x)
      let y = fc(bn(features).relu().maxPool2d(kernelSize: 2).flatten(from: 1))
      types.insert("\(x.dtype) \(features.dtype) \(y.dtype)")
      return y
    }
    func trainingStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
      let loss = loss(self(batch.input), batch.target)
      #expect(loss.dtype == .float32)
      losses.append(loss.item())
      return ["loss": loss]
    }
    func configureOptimizers() -> any Optimizer {
      SGD(parameters(), learningRate: 0.05) { $0.momentum = 0.9 }
    }
  }

  private func trained(
    _ place: String, _ precision: Trainer.Precision, epochs: Int = 3, resume: Resume = .never,
    callbacks: [Callback] = []
  ) throws -> (net: Net, trainer: Trainer) {
    try withDefaultGenerator(Generator(seed: 1)) {
      let net = Net()
      let trainer = Trainer(
        maxEpochs: epochs, accelerator: accelerator(place), precision: precision, callbacks: callbacks,
        enableProgressBar: false)
      try trainer.fit(net, train: loader(), validation: loader(8, shuffle: false), resume: resume)
      return (net, trainer)
    }
  }

  /// Twelve steps: the losses stay within 0.03 of those in float32, absolutely.
  @Test(arguments: places)
  func followsFloat32(_ place: String) throws {
    let (mixed, trainer) = try trained(place, .bf16Mixed)
    let (full, _) = try trained("cpu", .float32)
    #expect(mixed.types == ["float32 bfloat16 bfloat16"] && full.types == ["float32 float32 float32"])
    #expect(mixed.losses.count == 12 && full.losses.count == 12)
    for (a, b) in zip(mixed.losses, full.losses) { #expect(abs(a - b) < 0.03) }
    #expect(mixed.losses != full.losses)
    // Masters, their gradients and the optimizer's state are float32.
    #expect(mixed.parameters().allSatisfy { $0.value.dtype == .float32 })
    #expect(mixed.buffers().allSatisfy { $0.value.dtype != .bfloat16 })
    #expect(autocastType == nil && trainer.precision == .bf16Mixed)
    #expect(trainer.notes.filter { $0.hasPrefix("bf16-mixed on the CPU") }.count == (place == "cpu" ? 1 : 0))
  }

  private final class Saver: Callback {
    let path: String
    init(_ path: String) { self.path = path }
    override func onStepBoundary(_ trainer: Trainer, _ model: Module, isEpochEnd: Bool) throws {
      if trainer.globalStep == 6 { try trainer.saveCheckpoint(to: path) }
    }
  }

  @Test(arguments: places)
  func resumesExactly(_ place: String) throws {
    try withTemporaryFolder { folder in
      let file = folder.path + "/a.safetensors"
      let whole = try trained(place, .bf16Mixed, callbacks: [Saver(file)]).net
      #expect(try Checkpoint(contentsOf: file).model.allSatisfy { $0.value.dtype != .bfloat16 })
      let resumed = try trained(place, .bf16Mixed, resume: .from(file)).net
      #expect(resumed.losses == Array(whole.losses.dropFirst(6)))
      for (a, b) in zip(whole.stateDict(), resumed.stateDict()) { #expect(a.value.hasSameBits(as: b.value)) }
    }
  }

  /// A frozen network of convolution and normalisation in front of a head.
  final class Tuned: Module, Classifier, TrainStep {
    let body: Sequential
    let fc = Linear(128, 2)
    override init() {
      body = Sequential(
        Conv2d(3, 8, kernelSize: 3, padding: 1), BatchNorm2d(8), ReLU(), MaxPool2d(kernelSize: 2))
      super.init()
      body.freeze()
    }
    func callAsFunction(_ x: Tensor) -> Tensor { fc(body(x).flatten(from: 1)) }
    func configureOptimizers() -> any Optimizer { SGD(fc.parameters(), learningRate: 0.05) }
  }

  @Test(arguments: places)
  func keptFeaturesChangeNothing(_ place: String) throws {
    func weights(_ caching: FeatureCaching) throws -> [Float] {
      try withDefaultGenerator(Generator(seed: 1)) {
        let net = Tuned()
        try Trainer(
          maxEpochs: 3, accelerator: accelerator(place), precision: .bf16Mixed, enableProgressBar: false,
          cacheFrozenFeatures: caching
        ).fit(net, train: loader(shuffle: false))
        return net.fc.weight.value.array(of: Float.self)
      }
    }
    #expect(try weights(.memory) == weights(.off))
  }

  @Test func namesAreLightnings() {
    #expect(
      Trainer.Precision(name: "bf16-mixed") == .bf16Mixed && Trainer.Precision(name: "bf16") == .bf16Mixed)
    #expect(Trainer.Precision(name: "32-true") == .float32 && Trainer.Precision(name: "32") == .float32)
    #expect(Trainer.Precision(name: "16-mixed") == nil)
  }
}
