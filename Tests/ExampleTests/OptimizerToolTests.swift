import Foundation
import NNCore
import NNFiles
import NNModels
import TestSupport
import Testing

/// Options of `nn train` and `nn finetune` that say how weights change.
@Suite struct OptimizerToolTests {
  private func losses(_ run: String) throws -> [Substring] {
    try String(contentsOfFile: run + "/log.csv", encoding: .utf8).split(separator: "\n")
  }

  private func rates(_ run: String) throws -> [Double] {
    let rows = try losses(run).map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    let column = try #require(rows.first?.firstIndex { $0.hasPrefix("lr-") })
    return rows.dropFirst().compactMap { Double($0[column]) }
  }

  /// Each takes its settings, and goes on as if nothing had been when it is resumed.
  @Test(arguments: [
    ["--optimizer", "lion", "--learning-rate", "0.001"], ["--optimizer", "lamb", "--learning-rate", "0.01"],
    ["--optimizer", "adafactor", "--learning-rate", "0.02"],
    ["--optimizer", "muon", "--learning-rate", "0.01", "--schedule", "warmupcosine"],
    ["--optimizer", "adamw", "--spare-vectors", "--layer-decay", "0.7", "--schedule", "warmupcosine"],
  ])
  func optimizersTrainAndResume(options: [String]) throws {
    try withTemporaryFolder { folder in
      let train =
        [
          "train", "--limit-train", "96", "--limit-validation", "32", "--limit-test", "32", "--batch-size",
          "16",
          "--epochs", "3", "--schedule", "constant",
        ] + options
      let whole = try nn(train + ["--output", folder.path + "/whole"])
      try #require(whole.status == 0, "\(whole.output)")
      let run = folder.path + "/parts"
      let first = try nn(train + ["--output", run, "--epochs", "2"])
      #expect(first.status == 0, "\(first.output)")
      // A schedule of another length is another one.
      if options.contains("warmupcosine") {
        #expect(try nn(["train", "--resume", "--output", run, "--epochs", "3"]).status == 1)
        return
      }
      let second = try nn(["train", "--resume", "--output", run, "--epochs", "3"])
      #expect(second.status == 0, "\(second.output)")
      let (a, b) = (
        try Data(contentsOf: URL(fileURLWithPath: folder.path + "/whole/last.safetensors")).count,
        try Data(contentsOf: URL(fileURLWithPath: run + "/last.safetensors")).count
      )
      #expect(a > 0 && b > 0)
      let lines = try (losses(folder.path + "/whole").last, losses(run).last)
      #expect(lines.0 == lines.1, "\(lines)")
    }
  }

  /// Rates rise and fall within each phase, and a resumed run has those of a whole one.
  @Test func phasesHaveCoursesOfTheirOwn() throws {
    try withTemporaryFolder { folder in
      try ImageFolders(folder, "photos").write(["circle", "square", "star"], count: 16)
      let finetune = [
        "finetune", "--data", folder.path + "/photos", "--arch", "shapesnet", "--batch-size", "4",
        "--schedule",
        "onecycle", "--spare-vectors", "--optimizer", "muon", "--learning-rate", "0.01", "--phases",
      ]
      let whole = try nn(finetune + ["head:2,all:2", "--output", folder.path + "/whole"])
      try #require(whole.status == 0, "\(whole.output)")
      let found = try rates(folder.path + "/whole")
      // Two hills.
      let tops = found.indices.dropFirst().dropLast().filter {
        found[$0] > found[$0 - 1] && found[$0] >= found[$0 + 1]
      }
      #expect(tops.count == 2, "\(found)")
      let run = folder.path + "/parts"
      #expect(try nn(finetune + ["head:1", "--output", run]).status == 0)
      let resumed = try nn(finetune + ["head:2,all:2", "--output", run, "--resume"])
      #expect(resumed.status == 0, "\(resumed.output)")
    }
  }

  /// The model has no more than the network's own weights; a checkpoint, whose changes are not added yet, says the same.
  @Test func loraIsMergedIntoTheModel() throws {
    try withTemporaryFolder { folder in
      try ImageFolders(folder, "photos").write(["circle", "square", "star"], count: 12)
      let file = folder.path + "/weights.safetensors"
      try withDefaultGenerator(Generator(seed: 1)) { mobilenet_v3_small() }.stateDict().write(
        safetensors: file)
      let run = folder.path + "/run"
      let finetune = [
        "finetune", "--data", folder.path + "/photos", "--arch", "mobilenet_v3_small", "--weights", file,
        "--epochs", "1", "--output",
      ]
      let trained = try nn(finetune + [run, "--lora", "4"])
      try #require(trained.status == 0, "\(trained.output)")
      let state = try StateDict(contentsOf: run + "/model.safetensors")
      #expect(!state.keys.contains { $0.contains("lora") })
      let start = try #require(StateDict(contentsOf: file)["classifier.0.weight"])
      #expect(try !#require(state["backbone.classifier.0.weight"]).isEqual(to: start))
      let checkpoint = try StateDict(contentsOf: run + "/last.safetensors")
      #expect(checkpoint.keys.contains { $0.hasSuffix("classifier.0.lora.lora_A") }, "\(checkpoint.keys)")
      let photo = folder.path + "/photos/star/3.png"
      let (model, last) = try (
        nn(["predict", run, photo, "--format", "csv"]),
        nn(["predict", run + "/best.safetensors", photo, "--format", "csv"])
      )
      #expect(model.status == 0 && model.output == last.output, "\(model.output) \(last.output)")
      #expect(try nn(["test", run]).status == 0)
      #expect(try nn(["export", run, "--output", folder.path + "/m.onnx"]).status == 0)

      let none = try nn([
        "finetune", "--data", folder.path + "/photos", "--arch", "shapesnet", "--lora", "4", "--output",
        folder.path + "/none",
      ])
      #expect(
        none.status == 1
          && none.output.contains("lora: expected a network with linear or attention layers below its head"),
        "\(none.output)")
    }
  }

  @Test(arguments: [
    (["--layer-decay", "0"], "layerDecay: expected a number above 0 and at most 1, found 0.0"),
    (["--optimizer", "best"], "The value 'best' is invalid for '--optimizer <optimizer>'"),
    (["--schedule", "warm"], "The value 'warm' is invalid for '--schedule <schedule>'"),
    (["--limit-test", "0"], "limitTest: expected a number in 1...2147483647, found 0"),
  ])
  func mistakesAreNamed(options: [String], message: String) throws {
    try withTemporaryFolder { folder in
      let answer = try nn(["train", "--output", folder.path + "/run"] + options)
      #expect(answer.status != 0 && answer.output.contains(message), "\(answer.output)")
    }
  }

  @Test func helpNamesEveryOptionInPlainWords() throws {
    let help = try nn(["finetune", "--help"]).output
    for option in [
      "--head", "--regularization", "--neighbors", "--features", "--limit-validation", "--limit-test",
      "--lora", "--optimizer", "--spare-vectors", "--layer-decay", "--schedule", "--search",
    ] {
      #expect(help.contains("  \(option)"), "\(option)")
    }
  }
}
