import Foundation
import NNCore
import NNData
import NNLayers
import NNLightning

// A small training with everything that draws random numbers or keeps a state, for the tests that kill it:
//
//     ResumeProbe FOLDER [workers=N] [steps=N] [epochs=N] [interrupt=N] [every=N] [bar=1] [pause=N] [frozen=off|CACHE]
//
// With `frozen` it trains a head on a frozen layer, whose results are kept in the folder CACHE.
// It goes on where the folder's last checkpoint is (written every N steps), sends itself a Ctrl-C in the N-th validation
// batch if asked to, and at its end tests, writes the weights and prints the metrics. With `bar` it shows its progress all
// the time, with `pause` it waits so many milliseconds in each batch.

/// Points with noise that is new in every epoch.
struct NoisyPoints: Dataset {
  let count: Int
  let seed: Int

  subscript(index: Int) -> Sample { get throws { try element(at: index, context: SampleContext()) } }

  func element(at index: Int, context: SampleContext) throws -> Sample {
    let point = Tensor.randn([6], generator: Generator(seed: seed + index))
    let noise = Tensor.randn([6], generator: context.generator) * 0.1
    return Sample(input: point + noise, label: point.sum().item() > 0 ? 1 : 0)
  }
}

final class Net: Module, Classifier, TrainStep, ValidationStep, TestStep {
  let a = Linear(6, 16)
  let norm = BatchNorm1d(16)
  let dropout = Dropout(0.3)
  let b = Linear(16, 2)
  @Untracked var noise: Generator

  private var validated = 0
  private let interrupt: Int?

  init(noise: Generator, interrupt: Int?) {
    _noise = Untracked(wrappedValue: noise)
    self.interrupt = interrupt
  }

  func callAsFunction(_ x: Tensor) -> Tensor { b(dropout(norm(a(x)).relu())) }

  func trainingStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
    if let pause = option("pause") { Thread.sleep(forTimeInterval: Double(pause) / 1e3) }
    let x = batch.input + Tensor.randn(batch.input.shape, generator: noise) * 0.01
    let y = self(x)
    context.log("train_f1", F1Score(classes: 2, y, batch.target), onStep: false, onEpoch: true)
    context.log("rate", context.optimizers[0].learningRates[0])
    return ["loss": loss(y, batch.target)]
  }

  func validationStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
    validated += 1
    if validated == interrupt {
      kill(getpid(), SIGINT)
      Thread.sleep(forTimeInterval: 0.2)  // until it has arrived
    }
    let y = self(batch.input)
    return ["val_loss": loss(y, batch.target), "val_acc": accuracy(y, batch.target)]
  }

  func configureOptimizers() -> any Optimizer {
    OptimizerList(
      SGD(a.parameters(), learningRate: 0.05) { $0.momentum = 0.9 },
      Adam(norm.parameters() + b.parameters(), learningRate: 0.01))
  }

  func configureSchedulers(for optimizer: any Optimizer) -> [ScheduledRate] {
    [
      ScheduledRate(CosineAnnealingLR(optimizer, tMax: 200), interval: .step),
      ScheduledRate(ReduceLROnPlateau(optimizer, factor: 0.9, patience: 1), monitor: .validationLoss),
    ]
  }
}

/// Points that are the same in every epoch.
struct Points: RepeatableDataset {
  let count: Int

  subscript(index: Int) -> Sample {
    let point = Tensor.randn([6], generator: Generator(seed: index))
    return Sample(input: point, label: point.sum().item() > 0 ? 1 : 0)
  }
  func targets(at indices: [Int]) -> Tensor { Tensor(indices.map { self[$0].target.item() > 0 ? 1 : 0 }) }
  func fingerprint() -> String? { "points \(count)" }
}

/// Many features, so that they are written in several files.
final class WideNet: Module, Classifier, TrainStep, ValidationStep {
  let wide = Linear(6, 8_192)
  let head = Linear(8_192, 2)
  func callAsFunction(_ x: Tensor) -> Tensor { head(wide(x).relu()) }
  func configureOptimizers() -> any Optimizer {
    SGD(head.parameters(), learningRate: 1e-4) { $0.momentum = 0.9 }
  }
}

func text(_ name: String) -> String? {
  CommandLine.arguments.first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
}
func option(_ name: String) -> Int? { text(name).flatMap { Int($0) } }

func trainFrozen(_ folder: String, _ cache: String) throws {
  manualSeed(3)
  let net = WideNet()
  net.wide.freeze()
  let trainer = Trainer(
    maxEpochs: 3, callbacks: [ModelCheckpoint(directory: folder, everySteps: 4)], enableProgressBar: false,
    cacheFrozenFeatures: cache == "off" ? .off : .disk(cache))
  let parts = randomSplit(Points(count: 1_800), lengths: [1_500, 300])
  try trainer.fit(
    net, train: DataLoader(parts[0], batchSize: 64, shuffle: true, workers: 1),
    validation: DataLoader(parts[1], batchSize: 64, generator: Generator(seed: 1)), resume: .last)
  try net.head.stateDict().write(safetensors: folder + "/final.safetensors")
}

do {
  let folder = CommandLine.arguments[1]
  if let cache = text("frozen") {
    try trainFrozen(folder, cache)
    exit(0)
  }
  let workers = option("workers") ?? 0
  manualSeed(3)
  let noise = Generator(seed: 7)
  let net = Net(noise: noise, interrupt: option("interrupt"))
  let trainer = Trainer(
    maxEpochs: option("epochs") ?? 12, maxSteps: option("steps"),
    callbacks: (option("bar") == nil ? [] : [ProgressBar(interval: 0)]) + [
      ModelCheckpoint(directory: folder, saveTopK: 2, everySteps: option("every") ?? 2),
      EarlyStopping(patience: 1_000, restoresBestWeights: true),
    ],
    loggers: [
      CSVLogger(folder + "/log.csv"), JSONLinesLogger(folder + "/log.jsonl"),
      TensorBoardLogger(folder + "/tensorboard"),
    ],
    enableProgressBar: false, validationInterval: 0.5, accumulateGradBatches: 2, gradientClip: .norm(1),
    logInterval: 1, generators: ["noise": noise])
  let result = try trainer.fit(
    net,
    train: DataLoader(NoisyPoints(count: 77, seed: 100), batchSize: 8, shuffle: true, workers: workers),
    validation: DataLoader(
      NoisyPoints(count: 20, seed: 500), batchSize: 8, workers: workers, generator: Generator(seed: 1)),
    resume: .last)
  if result.isComplete {
    try trainer.test(
      net, DataLoader(NoisyPoints(count: 20, seed: 900), batchSize: 8, generator: Generator(seed: 2)))
  }
  print("\(result.stopReason) \(result.steps) \(result.epochs)")
  print(trainer.callbackMetrics)
  try net.stateDict().write(safetensors: folder + "/final.safetensors")
} catch {
  FileHandle.standardError.write(Data("\(error)\n".utf8))
  exit(1)
}
