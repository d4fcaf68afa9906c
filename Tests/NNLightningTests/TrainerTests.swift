import Foundation
import NNCUDA
import NNCore
import NNData
import NNLayers
import TestSupport
import Testing

import NNLightning

@Suite struct TrainerTests {
  @Test func fitLearnsAndReportsItsMetrics() throws {
    let net = withDefaultGenerator(Generator(seed: 0)) { LinearNet() }
    let trainer = Trainer(maxEpochs: 40, enableProgressBar: false)
    let result = try trainer.fit(net, train: points(101, seed: 1), validation: points(40, seed: 2))
    try trainer.test(net, points(40, seed: 3))
    #expect(result.steps == 120)
    #expect(result.stopReason == .maxEpochs(40))
    #expect(trainer.callbackMetrics.names == ["loss", "val_loss", "val_acc", "test_loss", "test_acc"])
    #expect(try #require(trainer.callbackMetrics["test_acc"]) >= 0.8, "\(trainer.callbackMetrics)")
    #expect(try #require(trainer.callbackMetrics["loss"]) < 0.4)
  }

  @Test func metricsOfAnEpochAreMeansOverSamples() throws {
    let net = LinearNet()
    let loader = points(31, seed: 4)
    let metrics = try Trainer(enableProgressBar: false).test(net, loader)
    let x = cat(loader.batches.map(\.input))
    let t = cat(loader.batches.map(\.target))
    let whole = noGrad { (crossEntropy(net(x), t).item(), accuracy(net(x), t).item()) }
    #expect(abs(try #require(metrics["test_loss"]) - whole.0) < 1e-6)
    #expect(abs(try #require(metrics["test_acc"]) - whole.1) < 1e-6)
  }

  @Test func predictGivesProbabilitiesPerBatch() throws {
    let predictions = try Trainer(enableProgressBar: false).predict(LinearNet(), points(9, seed: 1))
    #expect(predictions.map(\.shape) == [[4, 2], [4, 2], [1, 2]])
    #expect(cat(predictions).sum(1).isClose(to: Tensor.ones(9)))
    #expect(predictions.allSatisfy { !$0.requiresGrad })
  }

  @Test func aMissingDeviceIsAnErrorBeforeThereIsATrainer() throws {
    #expect(Trainer(accelerator: .cpu, devices: 1).device == .cpu)
    guard let reason = CUDA.problem else {
      #expect(Trainer().device == .gpu() && "\(Trainer().device)" == "cuda:0")
      return
    }
    #expect(Trainer().device == .cpu)
    #expect(throws: AcceleratorError.missing("gpu", reason)) { try Trainer(accelerator: .gpu) }
    let message = "\(AcceleratorError.missing("gpu", reason))"
    #expect(message == "Trainer: expected the accelerator gpu, found none: \(reason)")
    #expect(!message.contains("\n"))
  }

  @Test func severalDevicesOfOneProcessAreRefusedWhereTheTrainerIsMade() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Trainer(devices: 2)
    }
    let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
    #expect(message.contains("Trainer: expected devices: 1, one for each process, got 2"))
  }

  @Test func validationEndCanBeOverridden() throws {
    final class Net: Module, Classifier, TrainStep, ValidationStep {
      let fc = Linear(2, 2)
      func callAsFunction(_ x: Tensor) -> Tensor { fc(x) }
      func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.5) }
      func validationEnd(_ outputs: [StepOutput]) -> StepOutput { ["batches": Tensor(Double(outputs.count))] }
    }
    let trainer = Trainer(enableProgressBar: false)
    #expect(try trainer.validate(Net(), points(9, seed: 1)) == ["batches": 3])
  }

  @Test func customBatchesAndStepsNeedNoWrapping() throws {
    final class Mean: Module, TrainStep {
      let value = Parameter(Tensor.zeros([]))
      func trainingStep(_ batch: [Double], context: StepContext) throws -> StepOutput {
        let errors = batch.map { (value.value - $0).square() }
        var output: StepOutput = ["loss": errors.dropFirst().reduce(errors[0], +)]
        output.batchSize = batch.count
        return output
      }
      func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.1) }
    }
    let model = Mean()
    let loader = ListLoader(batches: [[1.0, 3.0], [2.0]])
    try Trainer(maxEpochs: 30, enableProgressBar: false).fit(model, train: loader)
    #expect(abs(model.value.value.item() - 2) < 0.01)
  }

  @Test func aStepWithoutLossIsRefused() {
    final class Net: Module, TrainStep {
      let fc = Linear(2, 2)
      func trainingStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
        ["error": fc(batch.input).sum()]
      }
      func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.5) }
    }
    #expect(throws: TrainerError.noLoss(names: ["error"])) {
      try Trainer(enableProgressBar: false).fit(Net(), train: points(9, seed: 1))
    }
  }

  @Test func earlyStoppingWaitsForItsPatience() throws {
    final class Net: Module, Classifier, TrainStep, ValidationStep {
      let fc = Linear(2, 2)
      var losses = [3.0, 2, 2.5, 2.4, 2.3, 1]
      func callAsFunction(_ x: Tensor) -> Tensor { fc(x) }
      func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0) }
      func validationEnd(_ outputs: [StepOutput]) -> StepOutput { ["val_loss": Tensor(losses.removeFirst())] }
    }
    let stopping = EarlyStopping(monitor: "val_loss", patience: 3)
    let trainer = Trainer(
      maxEpochs: 6, callbacks: [stopping], enableProgressBar: false, sanityValidationSteps: 0)
    let result = try trainer.fit(Net(), train: points(9, seed: 1), validation: points(9, seed: 1))
    #expect(result.epochs == 5)
    #expect(result.stopReason == .requested("val_loss did not improve on 2.0000 for 3 epochs"))
    #expect(stopping.best == 2)
  }

  @Test func bestAndLastCheckpointsAreWrittenAndRead() throws {
    try withTemporaryFolder { folder in
      let checkpoint = ModelCheckpoint(directory: folder.path + "/run")
      let net = LinearNet()
      let trainer = Trainer(maxEpochs: 3, callbacks: [checkpoint], enableProgressBar: false)
      try trainer.fit(net, train: points(31, seed: 1), validation: points(31, seed: 2))
      let last = try Checkpoint(contentsOf: #require(checkpoint.lastPath))
      #expect(last.epoch == 3 && last.globalStep == 9)
      #expect(last.metrics == trainer.callbackMetrics)
      let copy = LinearNet()
      try copy.loadStateDict(last.model)
      #expect(copy.fc.weight.value.isEqual(to: net.fc.weight.value))
      let best = try Checkpoint(contentsOf: #require(checkpoint.bestPath))
      #expect(best.metrics["val_loss"] == checkpoint.bestScore)
      let files = try FileManager.default.contentsOfDirectory(atPath: checkpoint.directory).sorted()
      #expect(files == ["best.safetensors", "last.safetensors"])
    }
  }

  @Test func aFolderThatCannotBeMadeIsRefusedBeforeTheFirstStep() throws {
    let recorder = Recorder()
    let checkpoint = ModelCheckpoint(directory: "/dev/null/run", monitor: .loss)
    let trainer = Trainer(callbacks: [recorder, checkpoint], enableProgressBar: false)
    #expect(throws: TrainerError.unwritableFolder("/dev/null/run")) {
      try trainer.fit(LinearNet(), train: points(9, seed: 1))
    }
    #expect(recorder.hooks == ["setup fit", "exception", "teardown fit"])
  }

  @Test func aFileOfAnotherKindIsNoCheckpoint() throws {
    try withTemporaryFolder { folder in
      let path = folder.path + "/weights.safetensors"
      try LinearNet().stateDict().write(safetensors: path)
      #expect(throws: CheckpointError.notACheckpoint(path)) { try Checkpoint(contentsOf: path) }
    }
  }
}
