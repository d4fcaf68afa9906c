import Foundation
import NNCore
import NNData
import NNLayers
import TestSupport
import Testing

import NNLightning

/// Runs whose numbers go wrong.
@Suite struct AnomalyTests {
  /// Goes wrong at a step of its own choice.
  private final class Fragile: Module, Classifier, TrainStep, ValidationStep, TestStep {
    enum Fault: String, CaseIterable, CustomTestStringConvertible {
      case loss, infiniteLoss, gradient, weights
      var testDescription: String { rawValue }
    }
    let fc = Linear(2, 2)
    let extra = Parameter(Tensor.zeros([1]))
    let fault: Fault?
    let step: Int
    var losses: [Double] = []

    init(_ fault: Fault?, at step: Int) {
      self.fault = fault
      self.step = step
    }
    func callAsFunction(_ x: Tensor) -> Tensor { fc(x) }
    func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.1) }

    func trainingStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
      let loss = crossEntropy(self(batch.input), batch.target) + extra.value.sum() * 0
      guard context.globalStep == step else { return ["loss": loss] }
      return switch fault {
      case .loss: ["loss": loss * Double.nan]
      case .infiniteLoss: ["loss": loss + Double.infinity]
      // The slope of a root is infinite at 0, where its value is not.
      case .gradient: ["loss": loss + extra.value.sqrt().sum()]
      case .weights, nil: ["loss": loss]
      }
    }
    func validationEnd(_ outputs: [StepOutput]) -> StepOutput {
      losses.isEmpty ? outputs.weightedMean() : ["val_loss": Tensor(losses.removeFirst())]
    }
  }

  /// Writes NaN into the weights behind a step, as an optimizer that overflows.
  private final class Spoiler: Callback {
    override func onTrainBatchEnd(
      _ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int
    ) {
      guard let net = model as? Fragile, net.fault == .weights, trainer.globalStep == net.step else { return }
      net.fc.bias?.value = Tensor([Float.nan, 0])
    }
  }

  private func isFinite(_ path: String) throws -> Bool {
    try Checkpoint(contentsOf: path).model.allSatisfy {
      $0.value.array(of: Double.self).allSatisfy(\.isFinite)
    }
  }

  @Test(arguments: Fragile.Fault.allCases)
  private func itStopsAndKeepsTheLastGoodCheckpoint(fault: Fragile.Fault) throws {
    try withTemporaryFolder { folder in
      // Three batches an epoch: wrong in the second one of the third.
      let net = Fragile(fault, at: 7)
      let checkpoint = ModelCheckpoint(directory: folder.path, monitor: .loss)
      let averaging = ExponentialMovingAverage(decay: 0.5)
      let trainer = Trainer(
        maxEpochs: 5, callbacks: [Spoiler(), averaging, checkpoint], enableProgressBar: false)
      let error = #expect(throws: TrainerError.self) {
        try trainer.fit(net, train: points(9, seed: 1))
      }
      guard case .notFinite(let found)? = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      switch fault {
      case .loss: #expect("\(found.place)" == "loss(nan)")
      case .infiniteLoss: #expect(found.place == .loss(.infinity))
      case .gradient: #expect(found.place == .gradients(["extra"]))
      case .weights: #expect(found.place == .model(["fc.bias"]))
      }
      #expect(found.step == 7 && found.epoch == 2 && found.batch == 1 && found.learningRates == [0.1])
      let text = "\(found)"
      #expect(text.contains("step 7 (epoch 2, batch 1, learning rate 0.1)") && !text.contains("\n"))
      #expect(text.contains("try a lower learning rate") && text.contains("detectAnomaly: false"))
      let last = try Checkpoint(contentsOf: folder.path + "/last.safetensors")
      #expect(last.globalStep == 6 && last.epoch == 2)
      for file in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
        #expect(try isFinite(folder.path + "/" + file), "\(file)")
      }
      #expect(trainer.globalStep == 7)
      if fault != .weights {
        #expect(net.fc.weight.value.array(of: Double.self).allSatisfy { $0.isFinite })
      }
    }
  }

  @Test(arguments: Fragile.Fault.allCases)
  private func itCanBeSwitchedOff(fault: Fragile.Fault) throws {
    let trainer = Trainer(
      maxEpochs: 2, callbacks: [Spoiler()], enableProgressBar: false, detectAnomaly: false)
    let result = try trainer.fit(Fragile(fault, at: 1), train: points(9, seed: 1))
    #expect(result.steps == 6)
  }

  /// A rate that drives the weights out of all numbers is found where it happens, clipped or not.
  @Test(arguments: [nil, 1e30, .infinity] as [Double?])
  func aLearningRateOutOfAllReason(clip: Double?) throws {
    let net = LinearNet()
    final class Steep: Module, Classifier, TrainStep {
      let fc = Linear(2, 2)
      func callAsFunction(_ x: Tensor) -> Tensor { fc(x) }
      func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 1e38) }
      func loss(_ y: Tensor, _ t: Tensor) -> Tensor { (y * y).mean() }
    }
    _ = net
    let trainer = Trainer(
      maxEpochs: 50, enableProgressBar: false, gradientClip: clip.map { .norm($0) })
    let error = #expect(throws: TrainerError.self) { try trainer.fit(Steep(), train: points(9, seed: 1)) }
    guard case .notFinite(let found)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(found.step <= 3 && "\(found)".contains("learning rate 1e+38"))
  }

  @Test(arguments: [GradientClip.norm(1), .norm(.greatestFiniteMagnitude)])
  func clippingNamesTheCulpritAlone(clip: GradientClip) {
    let trainer = Trainer(maxEpochs: 1, enableProgressBar: false, gradientClip: clip)
    let error = #expect(throws: TrainerError.self) {
      try trainer.fit(Fragile(.gradient, at: 1), train: points(9, seed: 1))
    }
    #expect(
      error?.description.contains("in that of extra at step 1 ") == true, "\(String(describing: error))")
  }

  /// What cuts infinity to a number has a number to go on with.
  @Test func aValueClipRepairsInfinity() throws {
    let trainer = Trainer(maxEpochs: 1, enableProgressBar: false, gradientClip: .value(1))
    #expect(try trainer.fit(Fragile(.gradient, at: 1), train: points(9, seed: 1)).steps == 3)
  }

  @Test func brokenInputsAreNamed() throws {
    var batches = points(9, seed: 1).batches
    batches[1].input[2, 0] = Tensor(Float.nan)
    let error = #expect(throws: TrainerError.self) {
      try Trainer(maxEpochs: 1, enableProgressBar: false)
        .fit(LinearNet(), train: ListLoader(batches: batches))
    }
    guard case .notFinite(let found)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(found.brokenInputs == [2] && found.batch == 1 && "\(found)".contains("look at the data"))
  }

  @Test func infiniteBuffersAreAllowed() throws {
    final class Masked: Module, Classifier, TrainStep {
      let fc = Linear(2, 2)
      let mask = Buffer(Tensor([0, -Float.infinity]))
      func callAsFunction(_ x: Tensor) -> Tensor { fc(x) }
      func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.1) }
    }
    try withTemporaryFolder { folder in
      let trainer = Trainer(
        maxEpochs: 1, callbacks: [ModelCheckpoint(directory: folder.path, monitor: nil)],
        enableProgressBar: false)
      let result = try trainer.fit(Masked(), train: points(9, seed: 1))
      #expect(result.lastCheckpoint != nil)
    }
  }

  /// A validation that is no number is told and never the best one, whichever way is better.
  @Test(arguments: [
    (MonitorMode.min, [Double.infinity, 2, .nan, -.infinity, 3]), (.max, [.infinity, 1, .nan, 2, .infinity]),
  ])
  func anInfiniteValidationIsNeverTheBest(mode: MonitorMode, losses: [Double]) throws {
    try withTemporaryFolder { folder in
      let net = Fragile(nil, at: 0)
      net.losses = losses
      let checkpoint = ModelCheckpoint(directory: folder.path, mode: mode)
      let trainer = Trainer(
        maxEpochs: 5, callbacks: [checkpoint], enableProgressBar: false, sanityValidationSteps: 0)
      let loader = points(9, seed: 1)
      try trainer.fit(net, train: loader, validation: loader)
      #expect(checkpoint.bestScore == 2)
      let told = trainer.notes.filter { $0.contains("val_loss is") }
      #expect(told.count == 3 && told.allSatisfy { $0.hasPrefix("Warning: ") }, "\(trainer.notes)")
    }
  }

  /// Numbers that JSON does not have come back from a checkpoint as they were.
  @Test func everyNumberSurvivesACheckpoint() throws {
    struct Mine: Codable, Equatable {
      var numbers: [String: Double]
      var small: Float
    }
    final class Keeper: Callback {
      var mine = Mine(
        numbers: ["a": .infinity, "b": -.infinity, "c": -0.0, "d": .leastNonzeroMagnitude], small: -.infinity)
      override func state() throws -> CallbackState? { try CallbackState(mine) }
      override func loadState(_ state: CallbackState) throws { mine = try state.value() }
      override func onTrainBatchEnd(
        _ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int
      ) throws { try trainer.log(["mine": .nan]) }
    }
    struct Settings: Codable, Equatable { var bound = Double.infinity }
    final class Net: Module, Classifier, TrainStep, HasHyperparameters {
      let fc = Linear(2, 2)
      let hyperparameters = Settings()
      func callAsFunction(_ x: Tensor) -> Tensor { fc(x) }
      func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.1) }
      func trainingStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
        context.log("worst", Double.infinity, onStep: true, onEpoch: true)
        return ["loss": crossEntropy(self(batch.input), batch.target), "odd": Tensor(-Double.infinity)]
      }
    }
    try withTemporaryFolder { folder in
      func trainer(_ keeper: Keeper, steps: Int) -> Trainer {
        Trainer(
          maxSteps: steps,
          callbacks: [keeper, ModelCheckpoint(directory: folder.path + "/c", monitor: nil)],
          loggers: [
            CSVLogger(folder.path + "/log.csv"), JSONLinesLogger(folder.path + "/log.jsonl"),
            TensorBoardLogger(folder.path + "/board"), RunReport(folder.path + "/report.html"),
          ], enableProgressBar: false)
      }
      let first = trainer(Keeper(), steps: 2)
      try first.fit(Net(), train: points(9, seed: 1))
      let saved = try Checkpoint(contentsOf: folder.path + "/c/last.safetensors")
      #expect(saved.metrics["odd"] == -.infinity && saved.metrics["worst_step"] == .infinity)
      #expect(saved.metrics["loss"]?.isFinite == true && first.callbackMetrics["odd"] == -.infinity)
      #expect(try saved.hyperparameters(as: Settings.self) == Settings())
      let keeper = Keeper()
      let expected = keeper.mine
      keeper.mine = Mine(numbers: [:], small: 0)
      try trainer(keeper, steps: 4).fit(Net(), train: points(9, seed: 1), resume: .last)
      #expect(keeper.mine == expected && keeper.mine.numbers["c"]?.sign == .minus)
    }
  }
}
