import Foundation
import NNCore
import NNData
import NNLayers
import TestSupport
import Testing

import NNLightning

/// What decides how long a fit runs, when it validates and how it steps.
@Suite struct RunningTests {
  private func hooks(_ trainer: (Recorder) -> Trainer, validation: Bool = true) throws -> [String] {
    let recorder = Recorder()
    let (net, train) = (LinearNet(), points(9, seed: 1))
    if validation {
      try trainer(recorder).fit(net, train: train, validation: points(9, seed: 2))
    } else {
      try trainer(recorder).fit(net, train: train)
    }
    return recorder.hooks
  }

  @Test func stepsAndTimeEndAFit() throws {
    let bySteps = Trainer(maxSteps: 4, enableProgressBar: false)
    let result = try bySteps.fit(LinearNet(), train: points(9, seed: 1))
    #expect(result.stopReason == .maxSteps(4) && result.steps == 4 && result.epochs == 2)
    let byTime = Trainer(maxTime: .milliseconds(1), enableProgressBar: false)
    #expect(try byTime.fit(LinearNet(), train: points(9, seed: 1)).stopReason == .maxTime(.milliseconds(1)))
    let byDefault = try Trainer(enableProgressBar: false).fit(LinearNet(), train: points(9, seed: 1))
    #expect(byDefault.stopReason == .maxEpochs(10) && byDefault.isComplete)
  }

  @Test func minEpochsOutlastsAWishToStop() throws {
    final class Impatient: Callback {
      override func onTrainBatchEnd(
        _ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int
      ) {
        trainer.stop("enough")
      }
    }
    func epochs(_ minEpochs: Int) throws -> FitResult {
      try Trainer(maxEpochs: 9, minEpochs: minEpochs, callbacks: [Impatient()], enableProgressBar: false)
        .fit(LinearNet(), train: points(9, seed: 1))
    }
    #expect(try epochs(0).steps == 1)
    let later = try epochs(2)
    #expect(later.steps == 6 && later.stopReason == .requested("enough"))
  }

  @Test(arguments: [
    (ValidationInterval.epochs(1), 4), (.epochs(2), 2), (.fraction(0.34), 12), (.batches(5), 2),
  ])
  func validatesWhenItIsDue(interval: ValidationInterval, count: Int) throws {
    let hooks = try hooks {
      Trainer(maxEpochs: 4, callbacks: [$0], enableProgressBar: false, validationInterval: interval)
    }
    #expect(hooks.filter { $0 == "validationStart" }.count == count)
  }

  @Test func limitsCutEachPass() throws {
    let hooks = try hooks {
      Trainer(
        maxEpochs: 1, callbacks: [$0], enableProgressBar: false, limitTrainBatches: 0.67,
        limitValidationBatches: 1)
    }
    #expect(hooks.filter { $0.hasPrefix("batchStart") }.count == 2)
    #expect(hooks.filter { $0 == "validationBatchEnd" }.count == 1)
    let without = try self.hooks {
      Trainer(maxEpochs: 1, callbacks: [$0], enableProgressBar: false, limitValidationBatches: 0)
    }
    #expect(!without.contains("validationStart"))
  }

  @Test func aFractionOfAnUnknownLengthIsRefused() {
    let loader = ListLoader(batches: points(9, seed: 1).batches, knowsCount: false)
    #expect(throws: TrainerError.unknownLength(setting: "a limit of 0.5")) {
      try Trainer(enableProgressBar: false, limitTrainBatches: 0.5).fit(LinearNet(), train: loader)
    }
  }

  @Test func anUnknownLengthStillHasALastBatch() throws {
    let recorder = Recorder()
    let trainer = Trainer(
      maxEpochs: 1, callbacks: [recorder], enableProgressBar: false, accumulateGradBatches: 2)
    let loader = ListLoader(batches: points(9, seed: 1).batches, knowsCount: false)
    let result = try trainer.fit(LinearNet(), train: loader)
    #expect(result.steps == 2 && result.epochs == 1)
  }

  @Test func fastDevRunLooksAtEverythingOnce() throws {
    try withTemporaryFolder { folder in
      let hooks = try hooks {
        Trainer(
          maxEpochs: 50,
          callbacks: [$0, ModelCheckpoint(directory: folder.path + "/run"), EarlyStopping(patience: 0)],
          loggers: [CSVLogger(folder.path + "/log.csv")], enableProgressBar: false, fastDevRun: 1)
      }
      #expect(hooks.filter { $0.hasPrefix("batchStart") } == ["batchStart 0"])
      #expect(hooks.filter { $0 == "validationBatchEnd" }.count == 1)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
  }

  @Test func overfittingGoesOverTheSameBatches() throws {
    final class Net: Module, Classifier, TrainStep {
      let fc = Linear(2, 2)
      var seen: [[Double]] = []
      func callAsFunction(_ x: Tensor) -> Tensor { fc(x) }
      func trainingStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
        seen.append(batch.input.array(of: Double.self))
        return ["loss": loss(self(batch.input), batch.target)]
      }
      func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.5) }
    }
    let net = Net()
    let trainer = Trainer(maxEpochs: 3, enableProgressBar: false, overfitBatches: 2)
    try trainer.fit(net, train: pointLoader(32, batchSize: 4, seed: 3))
    #expect(net.seen.count == 6)
    #expect(net.seen[0] == net.seen[2] && net.seen[1] == net.seen[5] && net.seen[0] != net.seen[1])
  }

  @Test func accumulatedGradientsAreMeansOverSamples() throws {
    // Batches of 4, 4 and 1 samples: the third makes a step of its own, as do all nine at once.
    let loader = points(9, seed: 1)
    let start = LinearNet().stateDict()
    func trained(_ batches: [Sample], accumulate: Int) throws -> Tensor {
      let net = LinearNet()
      try net.loadStateDict(start)
      try Trainer(maxEpochs: 1, enableProgressBar: false, accumulateGradBatches: accumulate)
        .fit(net, train: ListLoader(batches: batches))
      return net.fc.weight.value
    }
    let whole = Sample(input: cat(loader.batches.map(\.input)), target: cat(loader.batches.map(\.target)))
    let once = try trained([whole], accumulate: 1)
    #expect(try trained(loader.batches, accumulate: 3).isClose(to: once, absoluteTolerance: 1e-6))
    #expect(try trained(loader.batches, accumulate: 99).isClose(to: once, absoluteTolerance: 1e-6))
    #expect(try !trained(loader.batches, accumulate: 2).isClose(to: once, absoluteTolerance: 1e-6))
  }

  @Test func gradientsAreClippedBehindTheHook() throws {
    final class Watch: Callback {
      var norms: [Double] = []
      override func onBeforeOptimizerStep(_ trainer: Trainer, _ model: Module, optimizer: any Optimizer) {
        norms.append(gradNorm(optimizer.parameters))
      }
    }
    func change(_ clip: GradientClip?) throws -> (norm: Double, change: Double, greatest: Double) {
      let net = withDefaultGenerator(Generator(seed: 5)) { LinearNet() }
      let before = net.stateDict()
      let watch = Watch()
      try Trainer(maxSteps: 1, callbacks: [watch], enableProgressBar: false, gradientClip: clip)
        .fit(net, train: points(9, seed: 1))
      let parts = net.stateDict().map { key, value in (value - (before[key] ?? value)) / 0.5 }
      let all = cat(parts.map { $0.flatten() })
      return (watch.norms[0], all.norm().item(), all.abs().max().item())
    }
    let free = try change(nil)
    #expect(abs(free.norm - free.change) < 1e-5)
    let byNorm = try change(.norm(0.01))
    #expect(abs(byNorm.norm - free.norm) < 1e-12 && abs(byNorm.change - 0.01) < 1e-5)
    let byValue = try change(.value(0.02))
    #expect(abs(byValue.greatest - 0.02) < 1e-6)
  }

  @Test func twoOptimizersStepTheirOwnParameters() throws {
    final class Net: Module, Classifier, TrainStep {
      let a = Linear(2, 4)
      let b = Linear(4, 2)
      func callAsFunction(_ x: Tensor) -> Tensor { b(a(x).relu()) }
      func configureOptimizers() -> any Optimizer {
        OptimizerList(SGD(a.parameters(), learningRate: 0.1), Adam(b.parameters(), learningRate: 0.01))
      }
      func configureSchedulers(for optimizer: any Optimizer) -> [ScheduledRate] {
        guard let list = optimizer as? OptimizerList else { return [] }
        return [ScheduledRate(StepLR(list.optimizers[1], stepSize: 1, gamma: 0.5), interval: .step)]
      }
    }
    let net = Net()
    let trainer = Trainer(maxSteps: 3, enableProgressBar: false)
    try trainer.fit(net, train: points(9, seed: 1))
    let optimizer = try #require(trainer.optimizer)
    #expect(optimizer.learningRates == [0.1, 0.00125])
    let copy = Net().configureOptimizers()
    try copy.loadStateDict(optimizer.stateDict())
    #expect(copy.learningRates == [0.1, 0.00125])
    #expect(throws: StateError.self) { try copy.loadStateDict(optimizer.stateDict().part("0.")) }
  }

  @Test func stepsByHandUseTheContextsOptimizers() throws {
    final class Net: Module, TrainStep {
      let value = Parameter(Tensor(4.0))
      var automaticOptimization: Bool { false }
      func trainingStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
        let optimizer = context.optimizers[0]
        optimizer.zeroGrad()
        let loss = value.value.square()
        loss.backward()
        optimizer.step()
        return ["loss": loss]
      }
      func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.25) }
    }
    let net = Net()
    let result = try Trainer(maxSteps: 2, enableProgressBar: false).fit(net, train: points(9, seed: 1))
    #expect(net.value.value.item() == 1 && result.steps == 2)
  }

  @Test func plateauSchedulesFollowTheirMetric() throws {
    final class Net: Module, Classifier, TrainStep, ValidationStep {
      let fc = Linear(2, 2)
      let monitor: MetricKey?
      init(monitor: MetricKey?) { self.monitor = monitor }
      func callAsFunction(_ x: Tensor) -> Tensor { fc(x) }
      func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 1) }
      func configureSchedulers(for optimizer: any Optimizer) -> [ScheduledRate] {
        [ScheduledRate(ReduceLROnPlateau(optimizer, factor: 0.5, patience: 0), monitor: monitor)]
      }
      func validationEnd(_ outputs: [StepOutput]) -> StepOutput { ["val_loss": Tensor(1.0)] }
    }
    let trainer = Trainer(maxEpochs: 4, enableProgressBar: false)
    try trainer.fit(Net(monitor: .validationLoss), train: points(9, seed: 1), validation: points(9, seed: 1))
    // The first value is the best; each of the three that follow halves the rate.
    #expect(trainer.optimizer?.learningRates == [0.125])
    #expect(throws: TrainerError.scheduleWithoutMetric) {
      try trainer.fit(Net(monitor: nil), train: points(9, seed: 1), validation: points(9, seed: 1))
    }
  }

  @Test func sanityCheckLeavesNoTrace() throws {
    final class Net: Module, Classifier, TrainStep, ValidationStep {
      let fc = Linear(2, 2)
      var validated = 0
      func callAsFunction(_ x: Tensor) -> Tensor { fc(x) }
      func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.1) }
      func validationStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
        validated += 1
        context.log("drawn", Double(Generator.default.rand()))
        return ["val_loss": loss(self(batch.input), batch.target)]
      }
    }
    func run(_ steps: Int) throws -> (Net, Metrics) {
      try withDefaultGenerator(Generator(seed: 4)) {
        let net = Net()
        let trainer = Trainer(maxEpochs: 1, enableProgressBar: false, sanityValidationSteps: steps)
        try trainer.fit(
          net, train: pointLoader(16, batchSize: 4, seed: 1),
          validation: pointLoader(8, batchSize: 2, seed: 2))
        return (net, trainer.callbackMetrics)
      }
    }
    let (with, without) = (try run(2), try run(0))
    #expect(with.0.validated == without.0.validated + 2)
    #expect(with.1 == without.1)
    #expect(with.0.fc.weight.value.isEqual(to: without.0.fc.weight.value))
  }

  // MARK: Metrics

  @Test func watchingAMetricNobodyDeclaresIsRefusedBeforeTheFirstStep() throws {
    let recorder = Recorder()
    let trainer = Trainer(
      callbacks: [recorder, EarlyStopping(monitor: "vall_loss")], enableProgressBar: false)
    let error = #expect(throws: TrainerError.self) {
      try trainer.fit(LinearNet(), train: points(9, seed: 1), validation: points(9, seed: 1))
    }
    #expect(
      error?.description
        == "EarlyStopping: expected a metric that the run has (loss, val_loss, val_acc), found \"vall_loss\"; "
        + "did you mean \"val_loss\" or \"loss\"?")
    #expect(!recorder.hooks.contains("batchStart 0"))
  }

  @Test func loggedValuesBecomeMetrics() throws {
    final class Net: Module, Classifier, TrainStep, ValidationStep {
      let fc = Linear(2, 2)
      func callAsFunction(_ x: Tensor) -> Tensor { fc(x) }
      func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0) }
      func trainingStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
        let y = self(batch.input)
        context.log("index", Double(context.batchIndex))
        context.log("both", Double(context.batchIndex), onStep: true, onEpoch: true)
        context.log("train_acc", Accuracy(y, batch.target), onStep: false, onEpoch: true, progressBar: true)
        return ["loss": loss(y, batch.target)]
      }
      func validationStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
        context.log("val_f1", F1Score(classes: 2, self(batch.input), batch.target))
        context.log("val_first", batch.input[0, 0])
        return [:]
      }
    }
    let (net, loader) = (Net(), points(9, seed: 1))
    let trainer = Trainer(
      maxEpochs: 1, callbacks: [EarlyStopping(monitor: "val_f1", mode: .max)], enableProgressBar: false)
    let metrics = try trainer.fit(net, train: loader, validation: loader).metrics
    // Batches of 4, 4 and 1 samples with the indices 0, 1, 2.
    #expect(metrics["index"] == 2 && metrics["both_step"] == 2)
    #expect(metrics["both_epoch"] == 6.0 / 9)
    let x = cat(loader.batches.map(\.input))
    let t = cat(loader.batches.map(\.target))
    #expect(metrics["train_acc"] == Accuracy(net(x), t).value)
    #expect(metrics["val_f1"] == F1Score(classes: 2, net(x), t).value)
    #expect(trainer.progressBarMetrics["train_acc"] == metrics["train_acc"])
    #expect(metrics["val_first"] != nil)
  }
}
