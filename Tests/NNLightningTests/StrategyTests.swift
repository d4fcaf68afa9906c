import Foundation
import NNCore
import NNData
import NNLayers
import NNLightning
import TestSupport
import Testing

/// Two Trainers on two threads beside one that has the batches of both.
@Suite struct StrategyTests {
  private final class Net: Module, Classifier, TrainStep, ValidationStep, TestStep {
    let first = Linear(2, 8)
    let drop: Dropout
    let last = Linear(8, 2)
    var monitor: MetricKey = .validationLoss
    var interval = ScheduledRate.Interval.epoch

    init(dropout: Double = 0) { drop = Dropout(dropout) }

    func callAsFunction(_ x: Tensor) -> Tensor { last(drop(first(x).tanh())) }
    func trainingStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
      let y = self(batch.input)
      context.log("train_f1", F1Score(classes: 2, y, batch.target), onStep: false, onEpoch: true)
      return ["loss": loss(y, batch.target)]
    }
    func validationStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
      let y = self(batch.input)
      context.log("val_f1", F1Score(classes: 2, y, batch.target))
      return ["val_loss": loss(y, batch.target), "val_acc": accuracy(y, batch.target)]
    }
    func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.5) }
    func configureSchedulers(for optimizer: any Optimizer) -> [ScheduledRate] {
      [
        ScheduledRate(
          ReduceLROnPlateau(optimizer, patience: 1, threshold: 0.05), interval: interval, monitor: monitor)
      ]
    }
  }

  private struct Outcome: Sendable {
    var weights: [Float]
    var metrics: Metrics
    var rates: [Double]
    var steps: Int
    var reason: StopReason
    var files: [String]
  }

  private struct Settings: Sendable {
    var accumulate = 1
    var clip: GradientClip?
    var epochs = 3
    var steps: Int?
    var dropout = 0.0
    var plateauOnSteps = false
    var seed = 1
    var resume = Resume.never
    /// Of the run; none without.
    var folder: String?
    /// The step behind which a callback wishes to stop.
    var stop: Int?
    /// The step behind which a callback presses Ctrl-C.
    var interrupt: Int?
    /// The step in which a callback throws.
    var failure: Int?
    var startBatchSize = 8
  }

  /// Wishes to stop, or throws.
  private final class Trouble: Callback {
    let settings: Settings
    init(_ settings: Settings) { self.settings = settings }
    struct Failed: Error {}

    override func onTrainBatchEnd(_ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int) {
      if trainer.globalStep == settings.stop { trainer.stop("enough") }
      if trainer.globalStep == settings.interrupt { kill(getpid(), SIGINT) }
    }
    override func onBeforeZeroGrad(_ trainer: Trainer, _ model: Module, optimizer: any Optimizer) throws {
      if trainer.globalStep == settings.failure { throw Failed() }
    }
  }

  private static func data(_ count: Int, seed: Int) -> TensorDataset {
    let x = Tensor.randn([count, 2], generator: Generator(seed: seed))
    return TensorDataset(x, (x.sum(1) .> 0).to(.int64))
  }

  /// Trains and tests; batches are those of all processes together.
  private static func fit(_ settings: Settings, _ strategy: some Strategy) throws -> Outcome {
    try withDefaultGenerator(Generator(seed: settings.seed)) {
      let net = Net(dropout: settings.dropout)
      if settings.plateauOnSteps { (net.monitor, net.interval) = (.loss, .step) }
      // Batches of 8 and a last one of 5; for the others a last one of 1, of which one process has no part.
      let train = DataLoader(
        data(45, seed: 1), batchSize: settings.startBatchSize, shuffle: true, generator: Generator(seed: 5))
      let validation = DataLoader(data(33, seed: 2), batchSize: 8)
      var callbacks: [Callback] = [Trouble(settings)]
      var loggers: [Logger] = []
      if let folder = settings.folder {
        callbacks.append(ModelCheckpoint(directory: folder, everyEpochs: 0))
        loggers = [CSVLogger(folder + "/log.csv"), RunReport(folder + "/report.html")]
      }
      let trainer = Trainer(
        maxEpochs: settings.steps == nil ? settings.epochs : nil, maxSteps: settings.steps,
        strategy: strategy,
        callbacks: callbacks, loggers: loggers, enableProgressBar: false,
        accumulateGradBatches: settings.accumulate, gradientClip: settings.clip, logInterval: 1)
      let result = try trainer.fit(net, train: train, validation: validation, resume: settings.resume)
      try trainer.test(net, validation)
      let files = settings.folder.flatMap { try? FileManager.default.contentsOfDirectory(atPath: $0) }
      return Outcome(
        weights: net.parameters().flatMap { $0.value.array(of: Float.self) },
        metrics: trainer.callbackMetrics, rates: trainer.optimizer?.learningRates ?? [], steps: result.steps,
        reason: result.stopReason, files: files?.sorted() ?? [])
    }
  }

  private static func together(_ settings: @escaping @Sendable (_ rank: Int) -> Settings) throws -> [Outcome]
  {
    try Meeting.run(2) { try fit(settings($0.rank), $0) }.map { try $0.get() }
  }

  private func expectEqual(_ a: Outcome, _ b: Outcome, tolerance: Double) {
    for (x, y) in zip(a.weights, b.weights) { #expect(abs(Double(x) - Double(y)) <= tolerance) }
    #expect(a.metrics.names == b.metrics.names)
    for (name, value) in a.metrics where name != "loss" {
      #expect(abs(value - (b.metrics[name] ?? .nan)) <= tolerance, "\(name)")
    }
    #expect(a.rates == b.rates && a.steps == b.steps && a.reason == b.reason)
  }

  @Test(arguments: [1, 2], [nil, GradientClip.norm(0.1), .value(0.05)])
  func trainsAsOneProcessWithTheJointBatches(accumulate: Int, clip: GradientClip?) throws {
    let settings = Settings(accumulate: accumulate, clip: clip, epochs: 6)
    let joint = try Self.fit(settings, SingleProcess())
    // Weights of another seed count for nothing: the first process's are those of all.
    let both = try Self.together { rank in
      var settings = settings
      settings.seed += rank
      return settings
    }
    #expect(both[0].weights == both[1].weights)
    for one in both { expectEqual(joint, one, tolerance: 2e-5) }
  }

  @Test func theFirstProcessWrites() throws {
    try withTemporaryFolder { folder in
      let path = folder.path
      let both = try Self.together { rank in
        let own = "\(path)/\(rank)"
        try? FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
        return Settings(folder: own)
      }
      #expect(both[0].files == ["best.safetensors", "last.safetensors", "log.csv", "report.html"])
      #expect(both[1].files.isEmpty)
      // The table is that of one process, save for the losses of single batches.
      let alone = try Self.fit(Settings(folder: "\(path)/alone"), SingleProcess())
      #expect(alone.files == both[0].files)
      func rows(_ run: String) throws -> [Substring] {
        try String(contentsOfFile: "\(path)/\(run)/log.csv", encoding: .utf8).split(separator: "\n")
      }
      #expect(try rows("0").count == rows("alone").count)
    }
  }

  @Test(arguments: [0, 1]) func aStopOfOneIsThatOfAll(rank: Int) throws {
    let both = try Self.together { own in Settings(stop: own == rank ? 4 : nil) }
    for one in both { #expect(one.steps == 4 && one.reason == .requested("enough")) }
    #expect(both[0].weights == both[1].weights)
  }

  /// The threads look for the signal at different times. In a process of its own, since others in it would see it, too.
  @Test func aSignalEndsAllAtOneStep() async {
    await #expect(processExitsWith: .success) {
      let both = try Self.together { Settings(epochs: 100_000, interrupt: $0 == 1 ? 4 : nil) }
      #expect(both.allSatisfy { $0.reason == .interrupted })
      #expect(both[0].steps == both[1].steps && both[0].weights == both[1].weights)
    }
  }

  /// The loss of a step is that of a process's own batch; a schedule that watches it goes by the first process's.
  @Test func schedulesStayTogether() throws {
    let both = try Self.together { _ in Settings(epochs: 5, plateauOnSteps: true) }
    #expect(both[0].rates == both[1].rates && both[0].rates[0] < 0.5)
    #expect(both[0].weights == both[1].weights)
  }

  @Test(arguments: [0, 1]) func anErrorOfOneEndsAll(rank: Int) {
    let both = Meeting.run(2) { strategy in
      try Self.fit(Settings(failure: strategy.rank == rank ? 3 : nil), strategy)
    }
    #expect(throws: Trouble.Failed.self) { try both[rank].get() }
    #expect {
      try both[1 - rank].get()
    } throws: {
      "\($0)".hasPrefix("rank \(rank): ")
    }
  }

  /// In the middle of an epoch, with masks that each process draws for itself.
  @Test func resumesExactly() throws {
    try withTemporaryFolder { folder in
      let path = folder.path
      @Sendable func settings(_ rank: Int, steps: Int, resume: Resume) -> Settings {
        Settings(
          steps: steps, dropout: 0.5, seed: 1 + rank, resume: resume,
          folder: rank == 0 ? path : path + "/other")
      }
      let whole = try Self.together { rank in
        Settings(steps: 16, dropout: 0.5, seed: 1 + rank)
      }
      _ = try Self.together { settings($0, steps: 9, resume: .last) }
      let resumed = try Self.together { settings($0, steps: 16, resume: .from(path + "/last.safetensors")) }
      for (a, b) in zip(whole, resumed) {
        #expect(a.weights == b.weights)
        #expect(a.metrics == b.metrics)
      }
      // Alone, nobody knows what the second process had done of the epoch.
      #expect {
        try Self.fit(settings(0, steps: 17, resume: .last), SingleProcess())
      } throws: {
        "\($0)".contains("processes: expected 1, found 2 in the middle of an epoch")
      }
    }
  }

  /// Each process computes the features of its share, and gets those of the others where shares change; results are those
  /// of processes that compute everything.
  @Test(arguments: [false, true]) func frozenFeaturesAreOfOnesOwnShare(shuffle: Bool) throws {
    func run(_ caching: FeatureCaching) throws -> [(weights: [Float], reads: Int)] {
      try Meeting.run(2) { strategy in
        try withDefaultGenerator(Generator(seed: 3)) {
          let images = CountedImages(count: 40)
          let net = FrozenNet()
          net.backbone.forEach { $0.freeze() }
          let trainer = Trainer(
            maxEpochs: 3, strategy: strategy, enableProgressBar: false, cacheFrozenFeatures: caching)
          try trainer.fit(net, train: DataLoader(images, batchSize: 8, shuffle: shuffle))
          let weights = net.stateDict().flatMap { $0.value.to(.float32).array(of: Float.self) }
          return (weights: weights, reads: images.reads)
        }
      }.map { try $0.get() }
    }
    for (plain, cached) in zip(try run(.off), try run(.memory)) {
      #expect(plain.weights == cached.weights)
      #expect(plain.reads == 60 && cached.reads == 20)
    }
  }

  @Test func unequalSharesAreRefused() throws {
    let both = Meeting.run(2) { strategy in
      try Self.fit(Settings(startBatchSize: strategy.rank == 0 ? 8 : 16), strategy)
    }
    for one in both {
      #expect(throws: TrainerError.unequalShares(batches: [6, 3])) { try one.get() }
    }
  }

  @Test func modelsThatStepByThemselvesAreRefused() throws {
    final class Own: Module, Classifier, TrainStep {
      let fc = Linear(2, 2)
      let automaticOptimization = false
      func callAsFunction(_ x: Tensor) -> Tensor { fc(x) }
      func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.5) }
    }
    for one in Meeting.run(
      2,
      { strategy in
        try Trainer(strategy: strategy, enableProgressBar: false).fit(Own(), train: points(9, seed: 1)).steps
      })
    {
      #expect(throws: TrainerError.stepsByItself(processes: 2)) { try one.get() }
    }
  }
}
