import Foundation
import NNCore
import NNData
import NNFiles
import NNLayers
import TestSupport
import Testing

import NNLightning

/// A training that is killed again and again against one that is left alone, with real processes.
@Suite(.serialized) struct ResumeTests {
  /// What a run of the probe leaves behind.
  private struct Outcome: Equatable {
    var weights: Data
    var table: String
    var lines: String
    /// Of TensorBoard's one event file, without the times.
    var events: [EventReader.Scalar]
    /// Unfinished files and marks that are left.
    var leftovers: [String]

    init(_ folder: URL) throws {
      let board = folder.appendingPathComponent("tensorboard")
      let files = try FileManager.default.contentsOfDirectory(atPath: board.path)
      try #require(files.count == 1, "\(files)")
      let reader = try EventReader(Data(contentsOf: board.appendingPathComponent(files[0])))
      events = reader.scalars
      leftovers = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
        $0.hasPrefix(".")
      }
      weights = try Data(contentsOf: folder.appendingPathComponent("final.safetensors"))
      table = try String(contentsOf: folder.appendingPathComponent("log.csv"), encoding: .utf8)
      lines = try String(contentsOf: folder.appendingPathComponent("log.jsonl"), encoding: .utf8)
    }
  }

  private func start(_ folder: URL, _ options: String...) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: product("ResumeProbe"))
    process.arguments = [folder.path] + options
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }

  private func reference(_ folder: URL) throws -> Outcome {
    let run = try Command([product("ResumeProbe"), folder.path])
    try #require(run.status == 0, "\(run.output)")
    return try Outcome(folder)
  }

  @Test func twentyKillsLeaveNoTrace() throws {
    try withTemporaryFolder { folder in
      let clock = ContinuousClock()
      let begin = clock.now
      let expected = try reference(folder.appendingPathComponent("reference"))
      let duration = (clock.now - begin) / .seconds(1)
      var generator = SystemRandomNumberGenerator()
      var (kills, round) = (0, 0)
      while kills < 20 {
        let run = folder.appendingPathComponent("run\(round)")
        var isRunning = true
        while isRunning {
          let process = try start(run, "workers=\(round % 3)")
          if kills < 20 {
            Thread.sleep(forTimeInterval: .random(in: 0...duration * 0.7, using: &generator))
            if process.isRunning {
              kill(process.processIdentifier, SIGKILL)
              kills += 1
            }
          }
          process.waitUntilExit()
          isRunning = process.terminationReason == .uncaughtSignal
          if !isRunning { try #require(process.terminationStatus == 0) }
        }
        #expect(try Outcome(run) == expected, "run \(round)")
        round += 1
      }
    }
  }

  /// Killed while the files of its first steps are written, before there is a checkpoint, and in the test.
  @Test(arguments: [(every: 1_000, latest: 0.3), (every: 1, latest: 1.1)])
  func killsAtTheEdgesLeaveNoTrace(every: Int, latest: Double) throws {
    try withTemporaryFolder { folder in
      let clock = ContinuousClock()
      let begin = clock.now
      let expected = try reference(folder.appendingPathComponent("reference"))
      let duration = (clock.now - begin) / .seconds(1)
      for round in 0..<6 {
        let run = folder.appendingPathComponent("run\(round)")
        for kills in 0..<3 {
          let process = try start(run, "every=\(every)")
          let part = latest * (Double(round) + Double(kills + 1) / 4) / 6
          Thread.sleep(forTimeInterval: duration * part)
          if process.isRunning { kill(process.processIdentifier, SIGKILL) }
          process.waitUntilExit()
        }
        let last = try Command([product("ResumeProbe"), run.path, "every=\(every)"])
        #expect(last.status == 0, "\(last.output)")
        #expect(try Outcome(run) == expected, "run \(round)")
      }
    }
  }

  @Test func aFolderOfAnotherNameIsTheSameRun() throws {
    try withTemporaryFolder { folder in
      let expected = try reference(folder.appendingPathComponent("reference"))
      let (run, moved) = (folder.path + "/run", folder.path + "/moved")
      // As it was given, with a slash, through the folder itself, and under another name.
      for (steps, name) in [(4, run), (9, run + "/"), (15, run + "/../run/.")] {
        #expect(try Command([product("ResumeProbe"), name, "steps=\(steps)"]).status == 0)
      }
      try FileManager.default.moveItem(atPath: run, toPath: moved)
      #expect(try Command([product("ResumeProbe"), moved]).status == 0)
      #expect(try Outcome(URL(fileURLWithPath: moved)) == expected)
    }
  }

  @Test func whatAKilledWriterLeftIsRemovedAndTold() throws {
    try withTemporaryFolder { folder in
      let run = folder.appendingPathComponent("run")
      // A writer that is killed in the middle leaves its file.
      var tries = 0
      func leftovers() -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: run.path)) ?? []).filter { $0.hasPrefix(".") }
      }
      while leftovers().isEmpty, tries < 200 {
        tries += 1
        let process = try start(run, "every=1", "epochs=1000")
        while process.isRunning, leftovers().isEmpty {}
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
      }
      try #require(!leftovers().isEmpty)
      let next = try Command([product("ResumeProbe"), run.path, "bar=1", "steps=1"])
      #expect(next.status == 0 && leftovers().isEmpty, "\(next.output)")
      #expect(next.output.components(separatedBy: "that a killed run left in").count == 2, "\(next.output)")
    }
  }

  /// Nobody reads what it writes any more: the step is finished and saved.
  @Test(arguments: ["stderr", "stdout and stderr"])
  func outputThatIsGoneIsNoReasonToLoseWork(what: String) throws {
    try withTemporaryFolder { folder in
      let expected = try reference(folder.appendingPathComponent("reference"))
      let run = folder.appendingPathComponent("run")
      let process = Process()
      process.executableURL = URL(fileURLWithPath: product("ResumeProbe"))
      process.arguments = [run.path, "bar=1", "pause=1", "every=1000"]
      let pipe = Pipe()
      process.standardError = pipe
      process.standardOutput = what == "stderr" ? FileHandle.nullDevice : pipe
      try process.run()
      try pipe.fileHandleForWriting.close()
      _ = try pipe.fileHandleForReading.read(upToCount: 1)
      try pipe.fileHandleForReading.close()
      process.waitUntilExit()
      #expect(process.terminationReason == .exit && process.terminationStatus == 0)
      let saved = try Checkpoint(contentsOf: run.path + "/last.safetensors")
      #expect(saved.globalStep > 0 && saved.epoch < 12, "stopped at step \(saved.globalStep)")
      #expect(try Command([product("ResumeProbe"), run.path]).status == 0)
      #expect(try Outcome(run) == expected)
    }
  }

  @Test func closingTheTerminalTwiceStillSaves() throws {
    try withTemporaryFolder { folder in
      let run = folder.appendingPathComponent("run")
      let process = try start(run, "pause=20", "every=1000")
      let log = run.appendingPathComponent("log.jsonl").path
      while process.isRunning, (try? String(contentsOfFile: log, encoding: .utf8))?.isEmpty ?? true {
        Thread.sleep(forTimeInterval: 0.002)
      }
      for _ in 0..<3 { kill(process.processIdentifier, SIGHUP) }
      process.waitUntilExit()
      #expect(process.terminationReason == .exit && process.terminationStatus == 0)
      #expect(try Checkpoint(contentsOf: run.path + "/last.safetensors").globalStep > 0)
    }
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func theFirstSignalSavesAndReturns(signal: Int32) throws {
    try withTemporaryFolder { folder in
      let expected = try reference(folder.appendingPathComponent("reference"))
      let run = folder.appendingPathComponent("run")
      let process = try start(run)
      let log = run.appendingPathComponent("log.jsonl").path
      while process.isRunning, (try? String(contentsOfFile: log, encoding: .utf8))?.isEmpty ?? true {
        Thread.sleep(forTimeInterval: 0.002)
      }
      kill(process.processIdentifier, signal)
      process.waitUntilExit()
      #expect(process.terminationReason == .exit && process.terminationStatus == 0)
      let saved = try Checkpoint(contentsOf: run.path + "/last.safetensors")
      #expect(saved.globalStep > 0 && saved.epoch < 12, "stopped at step \(saved.globalStep)")
      #expect(try Command([product("ResumeProbe"), run.path]).status == 0)
      #expect(try Outcome(run) == expected)
    }
  }

  @Test func anInterruptedValidationIsMadeAgain() throws {
    try withTemporaryFolder { folder in
      let expected = try reference(folder.appendingPathComponent("reference"))
      let run = folder.appendingPathComponent("run")
      // Each validation has three batches, behind two of the sanity check: in the middle of one, then in a last one.
      for batch in [4, 3, 12] {
        let command = try Command([product("ResumeProbe"), run.path, "interrupt=\(batch)", "workers=1"])
        #expect(command.status == 0 && command.output.contains("interrupted "), "\(command.output)")
        let saved = try Checkpoint(contentsOf: run.path + "/last.safetensors")
        #expect(saved.progress.isValidationPending)
      }
      #expect(try Command([product("ResumeProbe"), run.path]).status == 0)
      #expect(try Outcome(run) == expected)
    }
  }

  @Test func stoppingAtAStepGoesOnThere() throws {
    try withTemporaryFolder { folder in
      let expected = try reference(folder.appendingPathComponent("reference"))
      let run = folder.appendingPathComponent("run")
      // In the middle of epochs, at their ends, and with another number of workers each time.
      for (place, steps) in [1, 4, 5, 7, 10, 33].enumerated() {
        let command = try Command([
          product("ResumeProbe"), run.path, "steps=\(steps)", "workers=\(place % 3)",
        ])
        #expect(command.output.hasPrefix("maxSteps reached (\(steps)) \(steps) "), "\(command.output)")
      }
      #expect(try Command([product("ResumeProbe"), run.path]).status == 0)
      #expect(try Outcome(run) == expected)
    }
  }

  @Test func aFullDiskLeavesTheFormerCheckpoint() throws {
    try withTemporaryFolder { folder in
      let run = folder.appendingPathComponent("run").path
      #expect(try Command([product("ResumeProbe"), run, "steps=4"]).status == 0)
      let before = try Data(contentsOf: URL(fileURLWithPath: run + "/last.safetensors"))
      // No file may grow beyond a few blocks; writing more fails as on a full disk.
      let limited = try Command([
        "bash", "-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$1\"", product("ResumeProbe"), run,
      ])
      #expect(limited.status == 1)
      #expect(limited.output.contains(".safetensors: cannot be written: "), "\(limited.output)")
      #expect(limited.output.split(separator: "\n").count == 1, "\(limited.output)")
      #expect(try Data(contentsOf: URL(fileURLWithPath: run + "/last.safetensors")) == before)
      let hidden = try FileManager.default.contentsOfDirectory(atPath: run).filter { $0.hasPrefix(".") }
      #expect(hidden.isEmpty, "left behind: \(hidden)")
    }
  }
}

/// Checkpoints as files from elsewhere.
@Suite struct CheckpointTests {
  private final class WideNet: Module, Classifier, TrainStep {
    let fc = Linear(2, 3)
    let extra = Linear(3, 2)
    func callAsFunction(_ x: Tensor) -> Tensor { extra(fc(x)) }
    func configureOptimizers() -> any Optimizer { Adam(parameters()) }
  }

  private func saved(in folder: URL) throws -> String {
    let checkpoint = ModelCheckpoint(directory: folder.path, monitor: nil)
    let trainer = Trainer(maxEpochs: 1, callbacks: [checkpoint], enableProgressBar: false)
    try trainer.fit(LinearNet(), train: pointLoader(12, batchSize: 4, seed: 1))
    return try #require(checkpoint.lastPath)
  }

  @Test func aCheckpointOfAnotherModelIsRefusedWithTheDifferences() throws {
    try withTemporaryFolder { folder in
      let path = try saved(in: folder)
      let net = WideNet()
      let before = net.stateDict()
      let error = #expect(throws: CheckpointError.self) {
        try Trainer(enableProgressBar: false).fit(
          net, train: pointLoader(12, batchSize: 4, seed: 1), resume: .from(path))
      }
      let text = try #require(error?.description)
      #expect(text.hasPrefix("\(path): expected a checkpoint of this model and set-up"))
      #expect(text.contains("missing (extra.weight; extra.bias)"), "\(text)")
      #expect(text.contains("fc.weight: expected [3, 2], found [2, 2]") && text.contains("Adam"), "\(text)")
      for (key, value) in net.stateDict() { #expect(try value.isEqual(to: #require(before[key]))) }
    }
  }

  @Test func aTruncatedCheckpointIsRefused() throws {
    try withTemporaryFolder { folder in
      let path = try saved(in: folder)
      let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      for share in [0.0, 0.3, 0.9, 0.999] {
        try bytes.prefix(Int(Double(bytes.count) * share)).write(to: URL(fileURLWithPath: path))
        #expect(throws: FileError.self) {
          try Trainer(enableProgressBar: false).fit(
            LinearNet(), train: pointLoader(12, batchSize: 4, seed: 1), resume: .from(path))
        }
      }
    }
  }

  @Test func lessDataThanTheCheckpointHadIsRefused() throws {
    try withTemporaryFolder { folder in
      let checkpoint = ModelCheckpoint(directory: folder.path, monitor: nil)
      func trainer(_ steps: Int?) -> Trainer {
        Trainer(maxEpochs: 1, maxSteps: steps, callbacks: [checkpoint], enableProgressBar: false)
      }
      let loader = ListLoader(batches: points(9, seed: 1).batches)
      try trainer(2).fit(LinearNet(), train: loader)
      let less = ListLoader(batches: Array(loader.batches.prefix(2)))
      let error = #expect(throws: CheckpointError.self) {
        try trainer(nil).fit(LinearNet(), train: less, resume: .last)
      }
      #expect(error?.description.contains("expected fewer than 2 batches done, found 2") == true)
    }
  }

  @Test func resumingNeedsSomethingToResumeFrom() throws {
    #expect(throws: TrainerError.nothingToResumeFrom) {
      try Trainer(enableProgressBar: false).fit(LinearNet(), train: points(9, seed: 1), resume: .last)
    }
    try withTemporaryFolder { folder in
      let trainer = Trainer(
        maxEpochs: 1, callbacks: [ModelCheckpoint(directory: folder.path, monitor: nil)],
        enableProgressBar: false)
      let steps = try trainer.fit(LinearNet(), train: points(9, seed: 1), resume: .last).steps
      #expect(steps == 3)
      #expect(throws: FileError.self) {
        try trainer.fit(LinearNet(), train: points(9, seed: 1), resume: .from(folder.path + "/none"))
      }
    }
  }

  @Test func theBestFewAreKeptAndForeignFilesStay() throws {
    final class Net: Module, Classifier, TrainStep, ValidationStep {
      let fc = Linear(2, 2)
      var scores = [0.1, 0.5, 0.3, .nan, 0.4, 0.6]
      func callAsFunction(_ x: Tensor) -> Tensor { fc(x) }
      func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.1) }
      func validationEnd(_ outputs: [StepOutput]) -> StepOutput { ["val_acc": Tensor(scores.removeFirst())] }
    }
    try withTemporaryFolder { folder in
      let foreign = folder.appendingPathComponent("epoch=9-step=9.safetensors")
      try Data("mine".utf8).write(to: foreign)
      let checkpoint = ModelCheckpoint(
        directory: folder.path, monitor: .validationAccuracy, mode: .max, saveTopK: 2, savesLast: false)
      let trainer = Trainer(
        maxEpochs: 6, callbacks: [checkpoint], enableProgressBar: false, sanityValidationSteps: 0)
      let loader = points(9, seed: 1)
      let result = try trainer.fit(Net(), train: loader, validation: loader)
      #expect(
        checkpoint.topPaths.map { ($0 as NSString).lastPathComponent } == [
          "epoch=5-step=18.safetensors", "epoch=1-step=6.safetensors",
        ])
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [
          "epoch=1-step=6.safetensors", "epoch=5-step=18.safetensors", "epoch=9-step=9.safetensors",
        ])
      #expect(result.bestMetrics?["val_acc"] == 0.6 && result.lastCheckpoint == nil)
      #expect(try Checkpoint(contentsOf: #require(result.bestCheckpoint)).metrics["val_acc"] == 0.6)
    }
  }

  @Test(
    "A checkpoint written behind a fit that ended in the middle of an epoch goes on exactly",
    arguments: [0, 2])
  func afterTheFit(workers: Int) throws {
    final class Net: Module, Classifier, TrainStep {
      let (fc, drop) = (Linear(2, 2), Dropout(0.5))
      func callAsFunction(_ x: Tensor) -> Tensor { fc(drop(x)) }
      func configureOptimizers() -> any Optimizer {
        SGD(parameters(), learningRate: 0.1) { $0.momentum = 0.9 }
      }
    }
    func fit(_ steps: Int?, _ resume: Resume = .never) throws -> (Trainer, Net) {
      let x = Tensor.randn([20, 2], generator: Generator(seed: 3))
      let data = TensorDataset(x, (x.sum([1]) .> 0).to(.int64))
      let trainer = Trainer(maxEpochs: 2, maxSteps: steps, accelerator: .cpu, enableProgressBar: false)
      let net = Net()
      try trainer.fit(
        net, train: DataLoader(data, batchSize: 4, shuffle: true, workers: workers), resume: resume)
      return (trainer, net)
    }
    try withTemporaryFolder { folder in
      let file = folder.path + "/a.safetensors"
      try withDefaultGenerator(Generator(seed: 1)) {
        let (trainer, _) = try fit(7)
        _ = Tensor.rand([3])
        try trainer.saveCheckpoint(to: file)
      }
      let (whole, expected) = try withDefaultGenerator(Generator(seed: 1)) { try fit(nil) }
      let (resumed, found) = try withDefaultGenerator(Generator(seed: 5)) { try fit(nil, .from(file)) }
      #expect(found.fc.weight.value.array(of: Float.self) == expected.fc.weight.value.array(of: Float.self))
      #expect(resumed.callbackMetrics == whole.callbackMetrics && resumed.globalStep == 10)
    }
  }

  @Test func hyperparametersAndVersionTravel() throws {
    struct Settings: Codable, Equatable { var width: Int }
    final class Net: Module, Classifier, TrainStep, HasHyperparameters {
      let fc = Linear(2, 2)
      let hyperparameters = Settings(width: 7)
      func callAsFunction(_ x: Tensor) -> Tensor { fc(x) }
      func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.1) }
    }
    try withTemporaryFolder { folder in
      let trainer = Trainer(maxEpochs: 1, enableProgressBar: false)
      try trainer.fit(Net(), train: points(9, seed: 1))
      try trainer.saveCheckpoint(to: folder.path + "/a.safetensors")
      let read = try Checkpoint(contentsOf: folder.path + "/a.safetensors")
      #expect(try read.hyperparameters(as: Settings.self) == Settings(width: 7))
      #expect(read.libraryVersion == libraryVersion && read.epoch == 1)
      #expect(throws: CheckpointError.self) { try read.hyperparameters(as: [Int].self) }
    }
  }
}
