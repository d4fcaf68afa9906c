import Foundation
import NNCore
import NNData
import NNFiles
import NNLayers
import TestSupport
import Testing

import NNLightning

/// Numbers in a checkpoint that arithmetic cannot bear are refused by name, with the range that holds.
@Suite struct CheckpointNumberTests {
  private final class ScheduledNet: Module, Classifier, TrainStep, ValidationStep {
    let fc = Linear(2, 2)
    func callAsFunction(_ x: Tensor) -> Tensor { fc(x) }
    func configureOptimizers() -> any Optimizer { Adam(parameters(), learningRate: 0.1) }
    func configureSchedulers(for optimizer: any Optimizer) -> [ScheduledRate] {
      [ScheduledRate(CosineAnnealingWarmRestarts(optimizer, firstPeriod: 3, periodFactor: 1_000_000))]
    }
    func trainingStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
      let scores = fc(batch.input)
      context.log("seen", Accuracy(scores, batch.target), onStep: false, onEpoch: true)
      return ["loss": crossEntropy(scores, batch.target)]
    }
  }

  private func fit(_ folder: URL, steps: Int, resume: Resume = .last) throws {
    let trainer = Trainer(
      maxEpochs: 2, maxSteps: steps,
      callbacks: [ModelCheckpoint(directory: folder.path, monitor: nil), EarlyStopping(patience: 9)],
      enableProgressBar: false)
    try trainer.fit(
      ScheduledNet(), train: pointLoader(12, batchSize: 4, seed: 1), validation: points(6, seed: 2),
      resume: resume)
  }

  /// A fit that was stopped in the middle of its first epoch, with other values in its checkpoint.
  private func resuming(_ change: (inout StateDict, inout [String: Any]) throws -> Void) throws {
    try withTemporaryFolder { folder in
      try fit(folder, steps: 2)
      let path = folder.appendingPathComponent("last.safetensors").path
      var state = try StateDict(contentsOf: path)
      let text = try #require(state.metadata["checkpoint"])
      var header = try #require(
        try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
      try change(&state, &header)
      let json = try JSONSerialization.data(withJSONObject: header)
      try state.write(
        safetensors: path, metadata: ["checkpoint": String(decoding: json, as: UTF8.self)])
      try fit(folder, steps: 5)
    }
  }

  /// Puts a value at a path of keys and places.
  private func set(_ path: ArraySlice<String>, _ value: Any, in object: Any) throws -> Any {
    guard let key = path.first else { return value }
    if var list = object as? [Any] {
      let place = try #require(Int(key))
      try #require(list.indices.contains(place))
      list[place] = try set(path.dropFirst(), value, in: list[place])
      return list
    }
    var table = try #require(object as? [String: Any])
    table[key] = try set(path.dropFirst(), value, in: table[key] ?? [:] as [String: Any])
    return table
  }

  private func expectRefusal(
    _ name: String, _ body: () throws -> Void, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(sourceLocation: sourceLocation) {
      try body()
    } throws: { error in
      let message = "\(error)"
      #expect(
        message.contains(name) && message.contains("expected") && !message.contains("\n"), "\(message)",
        sourceLocation: sourceLocation)
      return error is CheckpointError
    }
  }

  @Test func anUnchangedCheckpointGoesOn() throws { try resuming { _, _ in } }

  @Test(
    arguments: [
      ("progress.epoch", "epoch in 0...9007199254740992"), ("progress.batch", "batch in 0..."),
      ("progress.totalBatches", "totalBatches in 0..."), ("progress.globalStep", "globalStep in 0..."),
      ("progress.batchSize", "batchSize in 1..."), ("progress.seconds", "seconds in 0..."),
      ("schedulerCount", "schedulerCount in 0...1000"), ("outputs.batchSizes.0", "size of a batch in 0..."),
      ("loaders.train.position.epoch", "epoch of the loader train in 0..."),
      ("loaders.train.position.position", "position of the loader train in 0..."),
    ], [Int.max, -1, Int.min])
  func countersAreRefused(field: (path: String, name: String), value: Int) throws {
    expectRefusal(field.name) {
      try resuming { _, header in
        header = try #require(
          try set(field.path.split(separator: ".").map(String.init)[...], value, in: header)
            as? [String: Any])
      }
    }
  }

  @Test(arguments: [("lengths.0", "length of a schedule"), ("epochs", "epochs"), ("steps", "steps")])
  func plansOfSchedulesAreRefused(field: (path: String, name: String)) throws {
    expectRefusal(field.name) {
      try resuming { _, header in
        header = try #require(
          try set("schedulePlan.\(field.path)".split(separator: ".").map(String.init)[...], -1, in: header)
            as? [String: Any])
      }
    }
  }

  @Test(arguments: [
    #"{"topK":1,"correct":9223372036854775807,"total":9223372036854775807}"#,
    #"{"topK":2,"correct":1,"total":2}"#, #"{"topK":1,"correct":-1,"total":2}"#,
    #"{"topK":0,"correct":1,"total":2}"#,
  ])
  func metricsOfTheEpochAreRefused(state: String) throws {
    expectRefusal("seen") {
      try resuming { _, header in
        header = try #require(try set(["log", "0", "state"], state, in: header) as? [String: Any])
      }
    }
  }

  @Test(arguments: [
    "[[9223372036854775807,0],[0,0]]", "[[4611686018427387904,4611686018427387904],[0,0]]", "[[-1,0],[0,0]]",
    "[[1,0],[0]]", "[]",
  ])
  func countsThatNoSamplesGiveAreRefused(counts: String) {
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(ConfusionMatrix.self, from: Data(#"{"counts":\#(counts)}"#.utf8))
    }
  }

  @Test(
    arguments: [
      "optimizer.state.0.step", "schedulers.0.last_epoch", "schedulers.0.T_cur", "schedulers.0.T_i",
    ],
    [Double.infinity, -.infinity, .nan, 1e18, -2, 0.5])
  func countersOfOptimizersAndSchedulesAreRefused(key: String, value: Double) throws {
    expectRefusal(key.split(separator: ".").last.map(String.init) ?? "") {
      try resuming { state, _ in
        try #require(state[key] != nil)
        state[key] = Tensor(value)
      }
    }
  }

  @Test func theGreatestCountersAreBorne() throws {
    try resuming { state, header in
      let greatest = 1 << 53
      header = try #require(
        try set(["progress", "totalBatches"], greatest, in: header) as? [String: Any])
      header = try #require(
        try set(["loaders", "train", "position", "epoch"], greatest, in: header) as? [String: Any])
      state["optimizer.state.0.step"] = Tensor(greatest)
      state["schedulers.0.last_epoch"] = Tensor(greatest)
      state["schedulers.0.T_cur"] = Tensor(greatest - 2)
      state["schedulers.0.T_i"] = Tensor(greatest - 1)
    }
  }

  // MARK: Callbacks

  private struct Wait: Codable { var wait: Int }
  private struct Place: Codable {
    var name = "events"
    var size: Int
  }

  @Test(arguments: [Int.max, Int.min, -2])
  func countersOfCallbacksAreRefused(value: Int) throws {
    let net = LinearNet()
    let callbacks: [(name: String, callback: Callback)] = [
      ("rows of CSVLogger", CSVLogger("nowhere")), ("bytes of JSONLinesLogger", JSONLinesLogger("nowhere")),
      ("epoch of BackboneFinetuning", BackboneFinetuning(net, unfreezeAtEpoch: 1)),
      ("phase of FinetuningPhases in -1...0", FinetuningPhases([.init("a", epochs: 1, training: [net])])),
      ("time of RunTimer", RunTimer()),
    ]
    for (name, callback) in callbacks {
      expectRefusal(name) { try callback.loadState(CallbackState(value)) }
    }
    expectRefusal("wait of EarlyStopping") {
      try EarlyStopping().loadState(CallbackState(Wait(wait: value)))
    }
    expectRefusal("bytes of an event file") {
      try TensorBoardLogger("nowhere").loadState(CallbackState(Place(size: value)))
    }
  }

  @Test func statesOfAnotherKindAreQuotedInTheError() throws {
    let state = try CallbackState("a\u{7f}b\u{9b}" + String(repeating: "x", count: 999))
    expectRefusal(#"a\u{7F}b\u{9b}xx"#) { try EarlyStopping().loadState(state) }
  }

  @Test(arguments: [Int.max, -1])
  func countersOfAveragesAreRefused(updates: Int) throws {
    let (average, net) = (ExponentialMovingAverage(), LinearNet())
    var checkpoint = Checkpoint(model: net.stateDict())
    checkpoint.callbacks[average.stateKey] = try CallbackState(
      ["updates": updates], tensors: net.stateDict())
    expectRefusal("updates of an average") {
      try average.onLoadCheckpoint(Trainer(enableProgressBar: false), net, checkpoint: checkpoint)
    }
  }

  @Test(arguments: [[0.1, 0.2], [-1], [Double.infinity]])
  func ratesOfAveragesAreRefused(rates: [Double]) throws {
    final class Probe: Callback {
      let rates: [Double]
      init(_ rates: [Double]) { self.rates = rates }
      override func onSaveCheckpoint(_ trainer: Trainer, _ model: Module, checkpoint: inout Checkpoint) throws
      {
        for key in checkpoint.callbacks.keys where key.hasSuffix(" rates") {
          checkpoint.callbacks[key] = try CallbackState(rates)
        }
      }
    }
    try withTemporaryFolder { folder in
      func fit(_ epochs: Int) throws {
        try Trainer(
          maxEpochs: epochs,
          callbacks: [
            StochasticWeightAveraging(startEpoch: 0, learningRate: 0.1), Probe(rates),
            ModelCheckpoint(directory: folder.path, monitor: nil),
          ], enableProgressBar: false
        ).fit(LinearNet(), train: points(9, seed: 1), resume: .last)
      }
      try fit(1)
      expectRefusal("1 learning rates of at least 0") { try fit(2) }
    }
  }

  /// Values that no axis can hold are left out of a plot.
  @Test func aReportWithTheGreatestNumbersIsDrawn() throws {
    struct Series: Codable {
      var name = "loss"
      var steps = [0, Int.max, Int.min, 5]
      var bits = [1e308, -1e308, Double.nan, 1].map(\.bitPattern)
    }
    struct History: Codable { var series = [Series()] }
    try withTemporaryFolder { folder in
      let report = RunReport(folder.path + "/report.html")
      try report.loadState(CallbackState(History()))
      let trainer = Trainer(enableProgressBar: false)
      try report.onTrainStart(trainer, LinearNet())
      #expect(FileManager.default.fileExists(atPath: folder.path + "/report.html"))
    }
  }
}
