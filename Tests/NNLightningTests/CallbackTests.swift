import Foundation
import NNCore
import NNData
import NNFiles
import NNLayers
import TestSupport
import Testing

import NNLightning

/// A small image classifier with a backbone and a head.
private final class TinyNet: Module, Classifier, TrainStep, ValidationStep {
  let backbone = Sequential(
    Conv2d(3, 4, kernelSize: 3, padding: 1), BatchNorm2d(4), ReLU(), MaxPool2d(kernelSize: 4), Flatten())
  let head = Linear(4 * 8 * 8, 10)
  func callAsFunction(_ x: Tensor) -> Tensor { head(backbone(x)) }
  func configureOptimizers() -> any Optimizer {
    SGD([ParameterGroup(backbone.parameters()), ParameterGroup(head.parameters())], learningRate: 0.1)
  }
}

private func shapes(_ count: Int, shuffle: Bool = true) -> DataLoader<Sample> {
  DataLoader(SyntheticShapes(count: count), batchSize: 8, shuffle: shuffle, generator: Generator(seed: 1))
}

/// Keeps all that is logged.
private final class Memory: Logger {
  var rows: [(metrics: Metrics, step: Int)] = []
  override func log(_ metrics: Metrics, step: Int, epoch: Int) { rows.append((metrics, step)) }
}

@Suite struct CallbackTests {
  @Test func earlyStoppingSeesDivergenceAndGivesTheBestWeightsBack() throws {
    final class Net: Module, Classifier, TrainStep, ValidationStep {
      let fc = Linear(2, 2)
      var losses = [3.0, 2, 2.5, 90, 1]
      var weights: [Tensor] = []
      func callAsFunction(_ x: Tensor) -> Tensor { fc(x) }
      func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.1) }
      func validationEnd(_ outputs: [StepOutput]) -> StepOutput {
        weights.append(fc.weight.value.detach())
        return ["val_loss": Tensor(losses.removeFirst())]
      }
    }
    let net = Net()
    let stopping = EarlyStopping(patience: 9, divergenceThreshold: 50, restoresBestWeights: true)
    let trainer = Trainer(callbacks: [stopping], enableProgressBar: false, sanityValidationSteps: 0)
    let result = try trainer.fit(net, train: points(9, seed: 1), validation: points(9, seed: 1))
    #expect(result.epochs == 4 && result.stopReason == .requested("val_loss is 90.0000, worse than 50.0"))
    #expect(net.fc.weight.value.isEqual(to: net.weights[1]) && !net.weights[1].isEqual(to: net.weights[3]))
  }

  @Test func earlyStoppingWithoutValidationWatchesEpochs() throws {
    final class Net: Module, Classifier, TrainStep {
      let fc = Linear(2, 2)
      func callAsFunction(_ x: Tensor) -> Tensor { fc(x) }
      func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0) }
    }
    let trainer = Trainer(callbacks: [EarlyStopping(monitor: .loss, patience: 2)], enableProgressBar: false)
    #expect(try trainer.fit(Net(), train: points(9, seed: 1)).epochs == 3)
  }

  @Test func watchersWaitForValidationsThatAreNotInEveryEpoch() throws {
    try withTemporaryFolder { folder in
      let checkpoint = ModelCheckpoint(directory: folder.path)
      let stopping = EarlyStopping(patience: 5)
      let trainer = Trainer(
        maxEpochs: 4, callbacks: [stopping, checkpoint], enableProgressBar: false,
        validationInterval: .epochs(2))
      let result = try trainer.fit(LinearNet(), train: points(9, seed: 1), validation: points(9, seed: 2))
      #expect(result.isComplete && stopping.best != nil)
      #expect(try [2, 4].contains(Checkpoint(contentsOf: #require(result.bestCheckpoint)).epoch))
    }
  }

  @Test func withoutValidationItsMetricsCannotBeWatched() {
    let trainer = Trainer(callbacks: [EarlyStopping()], enableProgressBar: false, limitValidationBatches: 0)
    #expect(throws: TrainerError.unknownMetric("val_loss", watcher: "EarlyStopping", known: ["loss"])) {
      try trainer.fit(LinearNet(), train: points(9, seed: 1), validation: points(9, seed: 2))
    }
  }

  @Test func accumulationFollowsItsSchedule() throws {
    let trainer = Trainer(
      maxEpochs: 3, callbacks: [GradientAccumulationScheduler([0: 1, 2: 3])], enableProgressBar: false)
    #expect(try trainer.fit(LinearNet(), train: points(9, seed: 1)).steps == 7)
  }

  @Test func learningRatesAreLoggedByGroup() throws {
    let memory = Memory()
    let trainer = Trainer(
      maxSteps: 2, callbacks: [LearningRateMonitor()], loggers: [memory], enableProgressBar: false,
      logInterval: 1)
    try trainer.fit(TinyNet(), train: shapes(16))
    let rates = memory.rows.filter { $0.metrics.names.contains("lr-SGD/pg1") }
    #expect(rates.map(\.step) == [1, 2])
    #expect(rates[0].metrics == ["lr-SGD/pg1": 0.1, "lr-SGD/pg2": 0.1])
  }

  @Test func throughputIsMeasured() throws {
    let memory = Memory()
    let trainer = Trainer(
      maxEpochs: 1, callbacks: [ThroughputMonitor()], loggers: [memory], enableProgressBar: false,
      logInterval: 2)
    try trainer.fit(TinyNet(), train: shapes(32))
    let measured = memory.rows.compactMap { $0.metrics["samples_per_second"] }
    #expect(measured.count == 2 && measured.allSatisfy { $0 > 0 })
  }

  @Test func theBackboneIsFrozenAndThenTrainedWithItsOwnRate() throws {
    final class Watch: Callback {
      var seen: [(isFrozen: Bool, rates: [Double], weight: Tensor)] = []
      override func onTrainBatchStart(_ trainer: Trainer, _ model: Module, batchIndex: Int) {
        guard let net = model as? TinyNet, let first = net.backbone[0] as? Conv2d else { return }
        seen.append(
          (net.backbone.isFrozen, trainer.optimizer?.learningRates ?? [], first.weight.value.detach()))
      }
    }
    let (net, watch) = (TinyNet(), Watch())
    let trainer = Trainer(
      maxEpochs: 6,
      callbacks: [BackboneFinetuning(net.backbone, unfreezeAtEpoch: 2, initialRatio: 0.25), watch],
      enableProgressBar: false)
    try trainer.fit(net, train: shapes(8))
    #expect(watch.seen.map(\.isFrozen) == [true, true, false, false, false, false])
    #expect(watch.seen.map { $0.rates[0] } == [0.1, 0.1, 0.025, 0.05, 0.1, 0.1])
    #expect(watch.seen[2].weight.isEqual(to: watch.seen[0].weight))
    #expect(!watch.seen[3].weight.isEqual(to: watch.seen[2].weight))
  }

  @Test func theAverageOfStepsIsValidatedAndKept() throws {
    final class Watch: Callback {
      var trained: [StateDict] = []
      var validated: StateDict = [:]
      override func onTrainBatchEnd(
        _ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int
      ) { trained.append(model.stateDict()) }
      override func onValidationBatchEnd(
        _ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int
      ) { validated = model.stateDict() }
    }
    let (net, watch) = (LinearNet(), Watch())
    let trainer = Trainer(
      maxEpochs: 1, callbacks: [ExponentialMovingAverage(decay: 0.5), watch], enableProgressBar: false)
    try trainer.fit(net, train: points(9, seed: 1), validation: points(9, seed: 1))
    func weight(_ place: Int) throws -> Tensor { try #require(watch.trained[place]["fc.weight"]) }
    // Shares of the new weights: all of them, then 1 - 2/11, then 1 - 3/12.
    var expected = try weight(0)
    expected = expected + (try weight(1) - expected) * (1 - 2.0 / 11)
    expected = expected + (try weight(2) - expected) * (1 - 3.0 / 12)
    #expect(net.fc.weight.value.isClose(to: expected, absoluteTolerance: 1e-6))
    #expect(try #require(watch.validated["fc.weight"]).isEqual(to: net.fc.weight.value))
  }

  @Test func stochasticWeightAveragingAveragesEpochsAndBatchNorms() throws {
    final class Watch: Callback {
      var epochs: [Tensor] = []
      var rates: [Double] = []
      override func onTrainEpochEnd(_ trainer: Trainer, _ model: Module) {
        guard let net = model as? TinyNet else { return }
        epochs.append(net.head.weight.value.detach())
        rates.append(trainer.optimizer?.learningRates[0] ?? 0)
      }
    }
    let (net, watch) = (TinyNet(), Watch())
    let averaging = StochasticWeightAveraging(startEpoch: 1, learningRate: 0.02, annealingEpochs: 2)
    try Trainer(maxEpochs: 3, callbacks: [averaging, watch], enableProgressBar: false)
      .fit(net, train: shapes(16))
    #expect(abs(watch.rates[1] - 0.06) < 1e-12 && abs(watch.rates[2] - 0.02) < 1e-12)
    let mean = (watch.epochs[1] + watch.epochs[2]) / 2
    #expect(net.head.weight.value.isClose(to: mean, absoluteTolerance: 1e-6))
    let norm = try #require(net.backbone[1] as? BatchNorm2d)
    #expect(norm.batchesTracked?.value.item() == 2)
    // The mean of the two batches' means is the mean over both, as they are of one size.
    let data = SyntheticShapes(count: 16)
    let all = try Tensor.collate((0..<16).map { data[$0].input })
    let first = try #require(net.backbone[0] as? Conv2d)
    let expected = noGrad { first(all).mean([0, 2, 3]) }
    #expect(try #require(norm.runningMean).value.isClose(to: expected, absoluteTolerance: 1e-5))
  }

  @Test(arguments: ["ema", "swa", "backbone"])
  func callbacksSurviveAResumedFit(kind: String) throws {
    try withTemporaryFolder { folder in
      func run(_ stops: [Int?]) throws -> StateDict {
        let directory = folder.path + "/\(stops.count)"
        var net = TinyNet()
        for stop in stops {
          net = withDefaultGenerator(Generator(seed: 6)) { TinyNet() }
          let callback: Callback =
            switch kind {
            case "ema": ExponentialMovingAverage(decay: 0.9)
            case "swa": StochasticWeightAveraging(startEpoch: 0, learningRate: 0.01)
            default: BackboneFinetuning(net.backbone, unfreezeAtEpoch: 1)
            }
          let trainer = Trainer(
            maxEpochs: 3, maxSteps: stop,
            callbacks: [callback, ModelCheckpoint(directory: directory, everySteps: 1)],
            enableProgressBar: false)
          try trainer.fit(net, train: shapes(24), validation: shapes(8, shuffle: false), resume: .last)
        }
        return net.stateDict()
      }
      let (whole, parts) = (try run([nil]), try run([2, 3, 4, 6, 8, nil]))
      for (key, value) in whole { #expect(try value.isEqual(to: #require(parts[key])), "\(key)") }
    }
  }

  @Test func theLearningRateFinderLeavesNoTrace() throws {
    try withTemporaryFolder { folder in
      func run(_ callbacks: [Callback]) throws -> StateDict {
        try withDefaultGenerator(Generator(seed: 2)) {
          let net = TinyNet()
          try Trainer(maxSteps: 3, callbacks: callbacks, enableProgressBar: false).fit(net, train: shapes(32))
          return net.stateDict()
        }
      }
      let plot = folder.path + "/rates.svg"
      let finder = LearningRateFinder(minimum: 1e-5, maximum: 10, steps: 40, plot: plot, updates: false)
      let (with, without) = (try run([finder]), try run([]))
      for (key, value) in without { #expect(try value.isEqual(to: #require(with[key])), "\(key)") }
      let rate = try #require(finder.suggestion)
      #expect(rate > 1e-5 && rate < 10 && finder.tried.count > 10)
      let drawn = try String(contentsOfFile: plot, encoding: .utf8)
      #expect(drawn.hasPrefix("<svg") && drawn.contains("<polyline") && drawn.contains("<circle"))
    }
  }

  @Test func theFoundRateIsUsed() throws {
    let finder = LearningRateFinder(minimum: 1e-4, maximum: 1, steps: 20)
    let trainer = Trainer(maxSteps: 1, callbacks: [finder], enableProgressBar: false)
    try trainer.fit(TinyNet(), train: shapes(32))
    let rate = try #require(finder.suggestion)
    #expect(trainer.optimizer?.learningRates == [rate, rate])
  }

  /// A linear network whose schedule sets the rates from the first ones at every step or epoch.
  private final class Scheduled: Module, Classifier, TrainStep {
    let interval: ScheduledRate.Interval
    let fc = Linear(3 * 32 * 32, 10)
    init(_ interval: ScheduledRate.Interval) { self.interval = interval }
    func callAsFunction(_ x: Tensor) -> Tensor { fc(x.flatten(from: 1)) }
    func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.08) }
    func configureSchedulers(for optimizer: any Optimizer) -> [ScheduledRate] {
      [ScheduledRate(LambdaLR(optimizer) { pow(0.5, Double($0)) }, interval: interval)]
    }
  }

  /// The rate of each step.
  private final class Rates: Callback {
    var rates: [Double] = []
    override func onBeforeOptimizerStep(_ trainer: Trainer, _ model: Module, optimizer: any Optimizer) {
      rates.append(optimizer.learningRates[0])
    }
  }

  @Test(arguments: [
    (ScheduledRate.Interval.step, [0.08, 0.04], 0.02), (.epoch, [0.08, 0.08], 0.04),
  ])
  func averagingPutsTheSchedulesToRest(
    interval: ScheduledRate.Interval, before: [Double], start: Double
  ) throws {
    try withTemporaryFolder { folder in
      func run(_ stops: [Int?]) throws -> [Double] {
        let rates = Rates()
        for stop in stops {
          let averaging = StochasticWeightAveraging(startEpoch: 1, learningRate: 0.01, annealingEpochs: 2)
          try Trainer(
            maxEpochs: 4, maxSteps: stop,
            callbacks: [
              averaging, rates,
              ModelCheckpoint(directory: folder.path + "/\(stops.count)", monitor: nil, everySteps: 1),
            ], enableProgressBar: false
          ).fit(Scheduled(interval), train: shapes(16), resume: .last)
        }
        return rates.rates
      }
      let whole = try run([nil])
      // Half of the way from the last rate of the schedule, and then all of it.
      let half = (start + 0.01) / 2
      let expected = before + [half, half, 0.01, 0.01, 0.01, 0.01]
      #expect(whole.count == 8 && zip(whole, expected).allSatisfy { abs($0 - $1) < 1e-12 }, "\(whole)")
      #expect(try run([3, 5, nil]) == whole)
    }
  }

  @Test func schedulesStartFromTheRateThatWasFound() throws {
    let (finder, rates) = (LearningRateFinder(minimum: 1e-4, maximum: 1, steps: 20), Rates())
    let trainer = Trainer(maxSteps: 3, callbacks: [finder, rates], enableProgressBar: false)
    let net = Scheduled(.step)
    try trainer.fit(net, train: shapes(32))
    let found = try #require(finder.suggestion)
    #expect(found != 0.08 && rates.rates == [found, found / 2, found / 4])
    #expect(trainer.schedules.count == 1 && trainer.optimizer?.learningRates == [found / 8])
  }

  @Test func theBatchSizeIsDoubledAndKeptByAResumedFit() throws {
    try withTemporaryFolder { folder in
      func run(_ stops: [Int?]) throws -> (StateDict, [BatchSizeFinder]) {
        var (state, finders): (StateDict, [BatchSizeFinder]) = ([:], [])
        for stop in stops {
          let net = withDefaultGenerator(Generator(seed: 6)) { TinyNet() }
          // No gain is asked for and no more than 16 allowed: the search does not depend on the machine's speed.
          let finder = BatchSizeFinder(steps: 1, maximum: 16, memoryLimit: .max, minimumGain: 0)
          finders.append(finder)
          let trainer = Trainer(
            maxEpochs: 2, maxSteps: stop,
            callbacks: [
              finder,
              ModelCheckpoint(directory: folder.path + "/\(stops.count)", monitor: nil, everySteps: 1),
            ], enableProgressBar: false)
          try trainer.fit(net, train: shapes(64), resume: .last)
          #expect(trainer.progress.batchSize != nil)
          state = net.stateDict()
        }
        return (state, finders)
      }
      let (_, finders) = try run([1, nil])
      #expect(finders[0].trials.first?.batchSize == 8 && finders[0].batchSize != nil)
      #expect(finders[1].trials.isEmpty)
      let list = points(9, seed: 1)
      #expect(throws: TrainerError.fixedBatchSize) {
        try Trainer(callbacks: [BatchSizeFinder()], enableProgressBar: false).fit(LinearNet(), train: list)
      }
    }
  }

  @Test func aFitThatACallbackEndedStaysEnded() throws {
    try withTemporaryFolder { folder in
      final class Net: Module, Classifier, TrainStep {
        let fc = Linear(2, 2)
        func callAsFunction(_ x: Tensor) -> Tensor { fc(x) }
        func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0) }
      }
      func fit() throws -> FitResult {
        try Trainer(
          callbacks: [
            EarlyStopping(monitor: .loss, patience: 2), ModelCheckpoint(directory: folder.path, monitor: nil),
          ], enableProgressBar: false
        ).fit(Net(), train: points(9, seed: 1), resume: .last)
      }
      let (first, second) = (try fit(), try fit())
      #expect(first.epochs == 3 && second.epochs == 3 && second.stopReason == first.stopReason)
    }
  }

  /// The first batch takes longer than the timer allows; what is under way is finished.
  @Test(arguments: [(ScheduledRate.Interval.step, 1), (.epoch, 3)])
  func theTimerEndsAFitAtAStepOrAnEpoch(interval: ScheduledRate.Interval, steps: Int) throws {
    let timer = RunTimer(duration: .nanoseconds(1), interval: interval)
    let trainer = Trainer(maxEpochs: 2, callbacks: [timer], enableProgressBar: false)
    let result = try trainer.fit(LinearNet(), train: points(9, seed: 1), validation: points(9, seed: 2))
    #expect(result.steps == steps && result.epochs == 1)
    #expect(result.stopReason == .requested("RunTimer: 1e-09 seconds are over"))
    #expect(timer.remaining == 0 && timer.elapsed(.fit) > timer.elapsed(.validate))
    #expect((timer.elapsed(.validate) > 0) == (interval == .epoch) && timer.elapsed(.test) == 0)
    try trainer.test(LinearNet(), points(9, seed: 2))
    #expect(timer.elapsed(.test) > 0 && timer.elapsed(.predict) == 0)
    // `minEpochs` goes before a callback's wish.
    let longer = Trainer(maxEpochs: 3, minEpochs: 2, callbacks: [timer], enableProgressBar: false)
    #expect(try longer.fit(LinearNet(), train: points(9, seed: 1)).epochs == 2)
  }

  @Test func theTimerCountsTheRunsThatAreResumed() throws {
    try withTemporaryFolder { folder in
      func run(_ steps: Int, _ duration: Duration?) throws -> (RunTimer, FitResult) {
        let timer = RunTimer(duration: duration)
        let trainer = Trainer(
          maxSteps: steps, callbacks: [timer, ModelCheckpoint(directory: folder.path, everySteps: 1)],
          enableProgressBar: false)
        let result = try trainer.fit(
          LinearNet(), train: points(9, seed: 1), validation: points(9, seed: 2), resume: .last)
        return (timer, result)
      }
      let (first, _) = try run(4, nil)
      #expect(first.remaining == nil && first.elapsed(.validate) > 0)
      // All that the next run may take is what the first took up to its checkpoint: the next step is beyond that.
      let saved = try Checkpoint(contentsOf: folder.path + "/last.safetensors").progress.seconds
      let (second, result) = try run(9, .seconds(saved))
      #expect(result.steps == 5 && "\(result.stopReason)".hasPrefix("RunTimer: "))
      #expect(saved > 0 && second.elapsed(.fit) > saved)
      #expect(second.elapsed(.validate) == first.elapsed(.validate))
    }
  }

  @Test func theProfilerTimesLayersBothWays() throws {
    try withTemporaryFolder { folder in
      let profiler = Profiler(skip: 1, steps: 2, trace: folder.path + "/trace.json")
      try Trainer(maxEpochs: 1, callbacks: [profiler], enableProgressBar: false)
        .fit(TinyNet(), train: shapes(32))
      let convolution = try #require(profiler.layers.first { $0.name == "backbone.0" })
      #expect(convolution.calls == 2 && convolution.forward > 0 && convolution.backward > 0)
      #expect(profiler.stepSeconds > convolution.forward + convolution.backward)
      #expect(profiler.table.contains("backbone.0") && profiler.table.contains("Conv2d"))
      let slices = try traceSlices(folder.path + "/trace.json")
      #expect(slices.filter { $0.name == "backbone.0" }.count == 4)
      #expect(slices.filter { $0.name == "training step" }.count == 2)
    }
  }

  /// The complete events of a trace, after a look at everything that Perfetto's and Chrome's readers ask of one:
  /// https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
  private func traceSlices(_ path: String) throws -> [TraceEvent] {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    let events = try JSONDecoder().decode([String: [TraceEvent]].self, from: data)
    #expect(Array(events.keys) == ["traceEvents"])
    let all = try #require(events["traceEvents"])
    let known: Set = ["name", "cat", "ph", "ts", "dur", "pid", "tid", "args"]
    let raw = try JSONDecoder().decode([String: [[String: JSONValue]]].self, from: data)
    #expect(raw["traceEvents"]?.allSatisfy { known.isSuperset(of: $0.keys) } == true)
    let names = all.filter { $0.ph == "M" }
    #expect(names.allSatisfy { $0.name == "thread_name" && $0.args?["name"] != nil && $0.dur == nil })
    let slices = Array(all.drop { $0.ph == "M" })
    #expect(slices.allSatisfy { $0.ph == "X" && $0.cat != nil && $0.ts >= 0 && ($0.dur ?? -1) >= 0 })
    #expect(zip(slices, slices.dropFirst()).allSatisfy { $0.ts <= $1.ts })
    #expect(slices.first?.ts == 0 && Set(all.map(\.pid)) == [1])
    for (track, events) in Dictionary(grouping: slices, by: \.tid) {
      let name = names.filter { $0.tid == track }.compactMap { $0.args?["name"] }
      #expect(name.count == 1 && events.allSatisfy { $0.cat == name[0] })
      // An event that ends behind the one it began in is dropped by Perfetto.
      var open: [Int] = []
      for event in events {
        while let last = open.last, last <= event.start { open.removeLast() }
        #expect((open.last ?? .max) >= event.end, "\(event.name) on track \(track)")
        open.append(event.end)
      }
    }
    return slices
  }

  /// What each event must have, and what it may.
  private struct TraceEvent: Decodable {
    var name: String
    var cat: String?
    var ph: String
    var ts: Double
    var dur: Double?
    var pid: Int
    var tid: Int
    var args: [String: String]?
    /// Nanoseconds.
    var start: Int { Int((ts * 1e3).rounded()) }
    var end: Int { start + Int(((dur ?? 0) * 1e3).rounded()) }
  }

  /// The backward times of branches that share an input overlap.
  @Test func theTraceOfBranchesIsOneThatPerfettoTakes() throws {
    final class Branches: Module, Classifier, TrainStep {
      let stem = Linear(2, 4)
      let left = Sequential(Linear(4, 4), ReLU())
      let right = Sequential(Linear(4, 4), Linear(4, 4))
      let head = Linear(4, 2)
      func callAsFunction(_ x: Tensor) -> Tensor {
        let y = stem(x)
        let parts = (left(y), right(y), left(y))
        return head(parts.0 * parts.1 + parts.2 + y)
      }
      func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.1) }
    }
    try withTemporaryFolder { folder in
      let profiler = Profiler(skip: 0, steps: 3, trace: folder.path + "/a \"trace\".json")
      try Trainer(maxEpochs: 1, callbacks: [profiler], enableProgressBar: false)
        .fit(Branches(), train: points(9, seed: 1))
      let slices = try traceSlices(folder.path + "/a \"trace\".json")
      #expect(slices.filter { $0.name == "left.0" && $0.cat == "forward" }.count == 6)
      #expect(Set(slices.compactMap(\.cat)) == ["trainer", "forward", "backward"])
      #expect(Set(slices.filter { $0.cat == "backward" }.map(\.tid)).count > 1)
    }
  }
}
