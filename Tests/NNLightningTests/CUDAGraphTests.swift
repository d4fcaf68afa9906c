import Foundation
import NNCUDA
import NNCore
import NNData
import NNLayers
import NNLightning
import Synchronization
import TestSupport
import Testing

/// The chapter's network with fewer channels: four convolutions, each with normalisation, rectifier and pooling.
private final class FourBlocks: Module, Classifier, TrainStep, ValidationStep, TestStep {
  let features: Sequential
  let drop: Dropout
  let fc = Linear(16, 2)
  let optimizer: String
  /// What a step does besides, by its number.
  var extra: ((Int, Tensor) -> Tensor)?

  init(dropout: Double = 0, optimizer: String = "sgd") {
    var layers: [any CallableModule] = []
    for (inputs, outputs) in [(3, 4), (4, 8), (8, 8), (8, 16)] {
      layers += [
        Conv2d(inputs, outputs, kernelSize: 3, padding: 1), BatchNorm2d(outputs), ReLU(),
        MaxPool2d(kernelSize: 2),
      ]
    }
    features = Sequential(layers)
    drop = Dropout(dropout)
    self.optimizer = optimizer
  }

  func callAsFunction(_ x: Tensor) -> Tensor { fc(drop(features(x).flatten(from: 1))) }

  func trainingStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
    let y = self(batch.input)
    var loss = loss(y, batch.target)
    if let extra { loss = extra(context.globalStep, loss) }
    context.log("train_loss", loss, onStep: true, onEpoch: true)
    return ["loss": loss, "acc": accuracy(y, batch.target)]
  }

  func configureOptimizers() -> any Optimizer {
    switch optimizer {
    case "adam": AdamW(parameters(), learningRate: 0.01)
    default: SGD(parameters(), learningRate: 0.05) { $0.momentum = 0.9 }
    }
  }
  func configureSchedulers(for optimizer: any Optimizer) -> [ScheduledRate] {
    self.optimizer == "adam"
      ? [ScheduledRate(StepLR(optimizer, stepSize: 3, gamma: 0.5), interval: .step)] : []
  }
}

/// Fits whose steps are started as graphs, on the emulated card.
@Suite struct CUDAGraphTests {
  private func loader(_ count: Int, batchSize: Int = 4, workers: Int = 0) -> DataLoader<Sample> {
    let x = Tensor.randn([count, 3, 16, 16], generator: Generator(seed: 3))
    let t = (x.sum([1, 2, 3]) .> 0).to(.int64)
    return DataLoader(TensorDataset(x, t), batchSize: batchSize, shuffle: true, workers: workers)
  }

  /// Keeps what each step gave, and reads it at the end only.
  private final class Keeper: Callback {
    var outputs: [StepOutput] = []
    var notes: [String] = []
    override func onTrainBatchEnd(_ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int) {
      outputs.append(output)
    }
    override func onNote(_ trainer: Trainer, _ line: String) { notes.append(line) }
    var values: [Double] { outputs.flatMap { $0.entries.map { $0.value.item() } } }
  }

  private struct Run: Equatable {
    var weights: [String: [Float]]
    var metrics: Metrics
    var steps: [Double]
  }
  private struct Counts {
    var launches: Int
    var graphs: Int
    var notes: [String]
  }

  private func run(
    graphs: Bool, count: Int = 40, workers: Int = 0, epochs: Int = 2, callbacks: [Callback] = [],
    clip: GradientClip? = nil, accumulate: Int = 1, resume: Resume = .never, _ net: () -> FourBlocks
  ) throws -> (Run, Counts) {
    let (driver, backend) = EmulatedCUDA.another()
    let keeper = Keeper()
    return try withDefaultGenerator(Generator(seed: 1)) {
      let net = net()
      let trainer = Trainer(
        maxEpochs: epochs, accelerator: Accelerator("emulated", backend.device),
        callbacks: callbacks + [keeper],
        enableProgressBar: false, accumulateGradBatches: accumulate, gradientClip: clip,
        usesCUDAGraphs: graphs)
      try trainer.fit(net, train: loader(count, workers: workers), validation: loader(8), resume: resume)
      let run = Run(
        weights: net.stateDict().reduce(into: [:]) { $0[$1.key] = $1.value.array(of: Float.self) },
        metrics: trainer.callbackMetrics, steps: keeper.values)
      return (
        run,
        Counts(
          launches: driver.launches.load(ordering: .relaxed),
          graphs: driver.graphLaunches.load(ordering: .relaxed), notes: keeper.notes)
      )
    }
  }

  @Test("The chapter's network ends in the bits of a fit without graphs", arguments: [0, 2])
  func sameBits(workers: Int) throws {
    let (expected, without) = try run(graphs: false, workers: workers) { FourBlocks() }
    let (found, with) = try run(graphs: true, workers: workers) { FourBlocks() }
    #expect(found == expected)
    #expect(without.graphs == 0 && with.graphs > 0 && with.notes == without.notes)
    #expect(with.launches < without.launches * 3 / 4, "\(with.launches) of \(without.launches)")
  }

  @Test(
    "Dropout, changing learning rates, clipping and averaged weights are what they are without graphs",
    arguments: [nil, GradientClip.norm(0.5), .value(0.05)])
  func changingNumbers(clip: GradientClip?) throws {
    func run(_ graphs: Bool) throws -> (Run, Counts) {
      try self.run(graphs: graphs, callbacks: [ExponentialMovingAverage(decay: 0.9)], clip: clip) {
        FourBlocks(dropout: 0.3, optimizer: "adam")
      }
    }
    let ((expected, _), (found, counts)) = (try run(false), try run(true))
    #expect(found == expected && counts.graphs > 0)
  }

  @Test("A last smaller batch is done without the graph, which is used again afterwards")
  func smallerBatch() throws {
    let (expected, _) = try run(graphs: false, count: 34, epochs: 3) { FourBlocks() }
    let (found, counts) = try run(graphs: true, count: 34, epochs: 3) { FourBlocks() }
    #expect(found == expected && counts.graphs > 0 && counts.notes.isEmpty)
  }

  @Test("Several batches for a step are told in a note")
  func accumulation() throws {
    let (expected, _) = try run(graphs: false, accumulate: 2) { FourBlocks() }
    let (found, counts) = try run(graphs: true, accumulate: 2) { FourBlocks() }
    #expect(found == expected && counts.graphs == 0)
    #expect(
      counts.notes == ["Steps are not started as CUDA graphs: the gradients of several batches make a step."])
  }

  @Test("A step that is another one each time is told in a note, and one that reads its loss is not")
  func otherSteps() throws {
    func net(_ extra: @escaping (Int, Tensor) -> Tensor) -> () -> FourBlocks {
      {
        let net = FourBlocks()
        net.extra = extra
        return net
      }
    }
    let changing = net { step, loss in (0..<(step % 5)).reduce(loss) { sum, _ in (sum * 2).sqrt() } }
    let (expected, _) = try run(graphs: false, epochs: 4, changing)
    let (found, counts) = try run(graphs: true, epochs: 4, changing)
    #expect(found == expected)
    #expect(
      counts.notes.count == 1 && counts.notes[0].contains("differs from step to step"), "\(counts.notes)")
    let reading = net { _, loss in loss.item() > 0.6 ? loss * 1 : loss * 1 }
    let (alsoExpected, _) = try run(graphs: false, reading)
    let (alsoFound, others) = try run(graphs: true, reading)
    #expect(alsoFound == alsoExpected && others.notes.isEmpty && others.graphs > 0)
  }

  private final class Saver: Callback {
    let (step, path): (Int, String)
    init(_ step: Int, _ path: String) { (self.step, self.path) = (step, path) }
    override func onStepBoundary(_ trainer: Trainer, _ model: Module, isEpochEnd: Bool) throws {
      if trainer.globalStep == step, !isEpochEnd { try trainer.saveCheckpoint(to: path) }
    }
  }

  @Test("A fit resumed in the middle of an epoch ends in the bits of the whole one", arguments: [7, 13])
  func resumes(step: Int) throws {
    try withTemporaryFolder { folder in
      let file = folder.path + "/a.safetensors"
      func net() -> FourBlocks { FourBlocks(dropout: 0.3, optimizer: "adam") }
      let (whole, _) = try run(graphs: true, callbacks: [Saver(step, file)], net)
      let (resumed, _) = try run(graphs: true, resume: .from(file), net)
      #expect(resumed.weights == whole.weights && resumed.metrics == whole.metrics)
      #expect(resumed.steps == Array(whole.steps.dropFirst(2 * step)))
    }
  }
}
