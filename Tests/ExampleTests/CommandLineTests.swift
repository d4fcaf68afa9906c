import Foundation
import NNLightning
import TestSupport
import Testing

/// The examples as someone who mistypes meets them.
@Suite struct CommandLineTests {
  private func run(_ program: String, _ arguments: String...) throws -> Command {
    try Command([product(program)] + arguments)
  }

  @Test(arguments: ["FineTuneExample", "TrainFromScratchExample", "PretrainExample", "PredictExample"])
  func helpExplainsTheOptions(program: String) throws {
    let help = try run(program, "--help")
    #expect(help.status == 0)
    #expect(help.output.contains("OVERVIEW: ") && help.output.contains("OPTIONS:"))
  }

  @Test func anUnknownOptionIsNamed() throws {
    let result = try run("FineTuneExample", "--epoch", "3")
    #expect(result.status != 0)
    #expect(result.output.contains("--epoch"))
  }

  @Test func anUnknownHeadIsNamed() throws {
    let result = try run("FineTuneExample", "--head", "logits")
    #expect(result.status != 0 && result.output.contains("logits"), "\(result.output)")
    #expect(result.output.contains("normalized-outputs"), "\(result.output)")
  }

  @Test(arguments: [
    (["--epochs", "0"], "--epochs: expected a number of at least 1, found 0"),
    (["--learning-rate=-1"], "--learning-rate: expected a number above 0, found -1.0"),
    (["--dataset", "imagenet"], "imagenet"),
  ])
  func badValuesAreRefusedInOneLine(arguments: [String], message: String) throws {
    let result = try Command([product("TrainFromScratchExample")] + arguments)
    #expect(result.status != 0)
    #expect(result.output.contains(message), "\(result.output)")
  }

  /// The environment decides where weights come from, and the message says which file to put where.
  @Test func weightsThatCannotBeHadAreNamed() throws {
    try withTemporaryFolder { folder in
      let hub = ["NN_HUB_DIR": folder.path, "TORCH_HOME": folder.path + "/torch", "NN_HUB_MIRROR": ""]
      let program = [product("PredictExample"), "--arch", "densenet121", "a.jpg"]
      let file = folder.path + "/densenet121-a639ec97.pth"
      let offline = try Command(program, environment: hub.merging(["NN_HUB_OFFLINE": "1"]) { $1 })
      #expect(offline.status != 0)
      #expect(offline.output.contains("\(file): expected the weights there"), "\(offline.output)")
      #expect(offline.output.contains(folder.path + "/torch/hub/checkpoints"), "\(offline.output)")

      let server = try TinyServer { _, _ in TinyServer.Answer(Array("other bytes".utf8)) }
      defer { server.stop() }
      let mirror = hub.merging(["NN_HUB_MIRROR": server.url("mirror"), "NN_HUB_OFFLINE": "0"]) { $1 }
      let refused = try Command(program, environment: mirror)
      #expect(refused.status != 0)
      #expect(refused.output.contains("expected SHA-256 a639ec97"), "\(refused.output)")
      #expect(server.requests.map { $0["path"] } == ["/mirror/densenet121-a639ec97.pth"])
      for result in [offline, refused] {
        #expect(result.output.split(separator: "\n").count == 1, "\(result.output)")
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    }
  }

  @Test func missingAndDamagedFilesAreNamed() throws {
    try withTemporaryFolder { folder in
      let missing = try run(
        "PredictExample", "--arch", "squeezenet1_0", "--weights", folder.path + "/no.pth", "a.jpg")
      #expect(missing.status != 0)
      #expect(missing.output.contains("no.pth"), "\(missing.output)")

      let damaged = folder.path + "/weights.safetensors"
      try Data("not a weight file".utf8).write(to: URL(fileURLWithPath: damaged))
      let refused = try run("PredictExample", "--arch", "squeezenet1_0", "--weights", damaged, "a.jpg")
      #expect(refused.status != 0)
      #expect(refused.output.contains("weights.safetensors"), "\(refused.output)")

      let batches = folder.appendingPathComponent("cifar-10-batches-bin")
      try FileManager.default.createDirectory(at: batches, withIntermediateDirectories: true)
      for name in [
        "data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch",
      ] {
        try Data(count: 1_000).write(to: batches.appendingPathComponent(name + ".bin"))
      }
      let truncated = try run("TrainFromScratchExample", "--dataset", "cifar10", "--root", folder.path)
      #expect(truncated.status != 0)
      #expect(truncated.output.contains(".bin"), "\(truncated.output)")
      #expect(truncated.output.split(separator: "\n").count == 1, "\(truncated.output)")
    }
  }

  @Test(arguments: [[String](), ["--test-every-epoch"]])
  func firstInterruptFinishesTheStepAndSaves(extra: [String]) throws {
    try withTemporaryFolder { folder in
      let process = Process()
      process.executableURL = URL(fileURLWithPath: product("TrainFromScratchExample"))
      process.arguments =
        ["--dataset", "shapes", "--limit-train", "64", "--epochs", "100000", "--learning-rate", "1e-9"]
        + ["--output", folder.path + "/run"] + extra
      let output = Pipe()
      process.standardOutput = output
      process.standardError = FileHandle.nullDevice
      try process.run()
      let last = folder.path + "/run/last.safetensors"
      // One epoch is through when its checkpoint is there.
      let deadline = Date().addingTimeInterval(60)
      while !FileManager.default.fileExists(atPath: last), process.isRunning, Date() < deadline {
        Thread.sleep(forTimeInterval: 0.05)
      }
      process.interrupt()
      let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
      process.waitUntilExit()
      #expect(process.terminationReason == .exit && process.terminationStatus == 0, "\(text)")
      #expect(text.contains("{'loss':"), "\(text)")
      #expect(try Checkpoint(contentsOf: last).globalStep > 0)
    }
  }

  @Test func theOfflineStoryRunsAndFineTuningWins() throws {
    try withTemporaryFolder { folder in
      let metrics = folder.path + "/metrics.json"
      let run = try run("FineTuneExample", "--dataset", "shapes", "--metrics", metrics)
      #expect(run.status == 0, "\(run.output)")
      let table = run.output.split(separator: "\n").suffix(3).map {
        $0.split(separator: " ").map(String.init)
      }
      let accuracies = table.map { $0.dropLast(2).last.flatMap(Double.init) ?? 0 }
      // From scratch, frozen, and with moving statistics.
      #expect(
        accuracies.count == 3 && accuracies[1] > accuracies[0] && accuracies[2] > accuracies[0],
        "\(run.output)")
    }
  }
}
