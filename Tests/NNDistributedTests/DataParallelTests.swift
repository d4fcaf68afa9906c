import Foundation
import NNCore
import NNData
import NNDistributed
import NNLayers
import NNLightning
import TestSupport
import Testing

/// Trainers on threads beside one that has the batches of all.
@Suite struct DataParallelTests {
  private final class Net: Module, Classifier, TrainStep, ValidationStep, TestStep {
    let first = Linear(4, 12)
    let norm: BatchNorm1d?
    let drop: Dropout
    let last = Linear(12, 2)
    /// Has no part in the loss.
    let unused = Linear(3, 3)

    init(_ settings: Settings) {
      norm = settings.hasNorm ? BatchNorm1d(12) : nil
      drop = Dropout(settings.dropout)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
      var y = first(x)
      if let norm { y = norm(y) }
      return last(drop(y.tanh()))
    }
    func trainingStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
      let y = self(batch.input)
      context.log("train_f1", F1Score(classes: 2, y, batch.target), onStep: false, onEpoch: true)
      return ["loss": loss(y, batch.target)]
    }
    func configureOptimizers() -> any Optimizer {
      SGD(parameters(), learningRate: 0.2) {
        $0.momentum = 0.9
        $0.weightDecay = 1e-3
      }
    }
  }

  struct Settings: Sendable {
    var samples = 90
    var batch = 16
    var divides = true
    var accumulate = 1
    var clip: GradientClip?
    var steps = 40
    var dropout = 0.0
    var hasNorm = false
    var synchronized = false
    var bucketBytes = 64
    var compression = DataParallel.Compression.none
    var resume = Resume.never
    var folder: String?
    var seed = 1
  }

  struct Outcome: Sendable, Equatable {
    var weights: [Float]
    var metrics: Metrics
    var notes: [String] = []
  }

  static func data(_ count: Int) -> TensorDataset {
    let x = Tensor.randn([count, 4], generator: Generator(seed: count))
    return TensorDataset(x, (x.sum(1) .> 0).to(.int64))
  }

  private static func fit(_ settings: Settings, _ group: ProcessGroup? = nil) throws -> Outcome {
    try withDefaultGenerator(Generator(seed: settings.seed + 100 * (group?.rank ?? 0))) {
      let net = Net(settings)
      let parallel = group.map {
        DataParallel(
          $0, dividesBatches: settings.divides, bucketBytes: settings.bucketBytes,
          compression: settings.compression)
      }
      if settings.synchronized { #expect(parallel.map { $0.convertSyncBatchNorm(net) == 1 } ?? true) }
      let strategy: any Strategy = parallel ?? SingleProcess()
      let count = settings.divides ? 1 : group?.count ?? 1
      // The order comes from the default generator, which is another one in each.
      let train = DataLoader(data(settings.samples), batchSize: settings.batch / count, shuffle: true)
      let validation = DataLoader(data(33), batchSize: settings.batch / count)
      let trainer = Trainer(
        maxSteps: settings.steps, strategy: strategy,
        callbacks: settings.folder.map { [ModelCheckpoint(directory: $0, everyEpochs: 0)] } ?? [],
        enableProgressBar: false, accumulateGradBatches: settings.accumulate, gradientClip: settings.clip)
      try trainer.fit(net, train: train, validation: validation, resume: settings.resume)
      try trainer.test(net, validation)
      return Outcome(
        weights: net.stateDict().flatMap { $0.value.to(.float32).array(of: Float.self) },
        metrics: trainer.callbackMetrics, notes: trainer.notes)
    }
  }

  private static func together(_ count: Int, _ settings: Settings) throws -> [Outcome] {
    try NNDistributedTests.together(count) { try fit(settings, $0) }.map { try $0.get() }
  }

  /// Norm of the difference by the norm.
  static func difference(_ a: [Float], _ b: [Float]) -> Double {
    func norm(_ values: [Double]) -> Double { values.map { $0 * $0 }.reduce(0, +).squareRoot() }
    return norm(zip(a, b).map { Double($0) - Double($1) }) / norm(a.map(Double.init))
  }

  private func expectSame(_ joint: Outcome, _ all: [Outcome], within limit: Double) {
    for one in all {
      #expect(one.weights == all[0].weights)
      #expect(Self.difference(joint.weights, one.weights) <= limit)
      for (name, value) in joint.metrics where name != "loss" {
        #expect(abs(value - (one.metrics[name] ?? .nan)) <= limit * 10, "\(name)")
      }
    }
  }

  /// 90 samples in batches of 16 end in one of 10; 81 in one of 1, 83 in one of 3, of which three processes have no
  /// fair part.
  @Test(arguments: [2, 3], [90, 81, 83]) func trainsAsOneProcess(count: Int, samples: Int) throws {
    let settings = Settings(samples: samples, batch: 18)
    expectSame(try Self.fit(settings), try Self.together(count, settings), within: 2e-6)
  }

  @Test(arguments: [1, 3], [nil, GradientClip.norm(0.1), .value(0.05)])
  func trainsAsOneProcess(accumulate: Int, clip: GradientClip?) throws {
    let settings = Settings(accumulate: accumulate, clip: clip, bucketBytes: 1 << 20)
    expectSame(try Self.fit(settings), try Self.together(2, settings), within: 2e-6)
  }

  /// Each process has batches of its own, which make a step together.
  @Test(arguments: [2, 3]) func takesBatchesEach(count: Int) throws {
    var settings = Settings(batch: 18, divides: false)
    settings.samples = 95
    expectSame(try Self.fit(settings), try Self.together(count, settings), within: 2e-6)
  }

  @Test func synchronizedStatisticsAreThoseOfOneProcess() throws {
    // The last batch has 11 samples, of which one process has six.
    let settings = Settings(samples: 91, hasNorm: true, synchronized: true)
    expectSame(try Self.fit(settings), try Self.together(2, settings), within: 2e-5)
    var own = settings
    own.synchronized = false
    let apart = try Self.together(2, own)
    #expect(Self.difference(try Self.fit(own).weights, apart[0].weights) > 1e-3)
  }

  /// With batch normalisation a last sample that is alone is left out by all.
  @Test func aSingleLastSampleIsLeftOut() throws {
    let settings = Settings(samples: 81, hasNorm: true)
    let both = try Self.together(2, settings)
    #expect(both[0].weights == both[1].weights && both[0].notes.count == 1)
  }

  @Test func masksAreOfEachProcess() throws {
    let both = try Self.together(2, Settings(dropout: 0.5))
    #expect(both == (try Self.together(2, Settings(dropout: 0.5))))
    var other = Settings(dropout: 0.5)
    other.seed = 2
    #expect(try Self.together(2, other)[0].weights != both[0].weights)
  }

  @Test func halfGradientsTrainNearlyTheSame() throws {
    let exact = try Self.together(2, Settings())
    var settings = Settings()
    settings.compression = .bfloat16
    let half = try Self.together(2, settings)
    #expect(half[0].weights == half[1].weights && half[0].weights != exact[0].weights)
    #expect(Self.difference(exact[0].weights, half[0].weights) < 1e-2)
  }

  /// In the middle of an epoch, with masks that each process draws for itself.
  @Test(arguments: [2, 3]) func resumesExactly(count: Int) throws {
    try withTemporaryFolder { folder in
      var settings = Settings(steps: 20, dropout: 0.3)
      let whole = try Self.together(count, settings)
      settings.folder = folder.path
      settings.steps = 9
      _ = try Self.together(count, settings)
      (settings.steps, settings.resume) = (20, .last)
      let resumed = try Self.together(count, settings)
      #expect(
        whole.map(\.weights) == resumed.map(\.weights) && whole.map(\.metrics) == resumed.map(\.metrics))
    }
  }

  @Test func loadersOfOnesOwnAreRefused() throws {
    struct Own: BatchLoader {
      struct Iterator: BatchIterator { mutating func next() -> Sample? { nil } }
      var batchCount: Int? { 0 }
      func makeBatchIterator() -> any BatchIterator<Sample> { Iterator() }
    }
    let both = try NNDistributedTests.together(2) { group in
      try Trainer(strategy: .dataParallel(group), enableProgressBar: false).fit(
        Net(Settings()), train: Own()
      ).steps
    }
    for one in both { #expect(throws: DataParallelError.loaderOfOnesOwn("Own")) { try one.get() } }
  }

  @Test func otherModelsAreRefused() throws {
    let both = try NNDistributedTests.together(2) { group in
      try Self.fit(Settings(hasNorm: group.rank == 1), group)
    }
    for one in both {
      #expect {
        try one.get()
      } throws: {
        "\($0)".hasPrefix(
          "rank 1: expected the model of rank 0 (last.weight [2, 12] float32), found norm.weight")
      }
    }
  }
}
