import Foundation
import NNCore
import NNData
import NNFiles
import NNModels
import TestSupport
import Testing

/// The command line from training to prediction, and as someone who mistypes meets it.
@Suite struct ToolTests {
  private func nn(_ arguments: [String]) throws -> Command { try Command([product("nn")] + arguments) }

  private static let small = ["--limit-train", "64", "--batch-size", "32", "--epochs", "1", "--seed", "3"]

  @Test func aRunLeavesAFolderThatOtherCommandsUse() throws {
    try withTemporaryFolder { folder in
      let run = folder.path + "/run"
      let trained = try nn(["train", "--output", run] + Self.small)
      try #require(trained.status == 0, "\(trained.output)")
      #expect(trained.output.contains("'test_acc':"))
      let files = try FileManager.default.contentsOfDirectory(atPath: run).sorted()
      #expect(
        files == [
          "best.safetensors", "config.yaml", "last.safetensors", "log.csv", "model.safetensors",
          "report.html",
          "tensorboard",
        ])

      // The same configuration from the written file, in YAML or as JSON, gives the same weights.
      let again = folder.path + "/again"
      #expect(try nn(["train", "--config", run + "/config.yaml", "--output", again]).status == 0)
      let weights = try [run, again].map {
        try Data(contentsOf: URL(fileURLWithPath: $0 + "/model.safetensors"))
      }
      #expect(weights[0] == weights[1])

      let tested = try nn(["test", run])
      #expect(tested.status == 0 && tested.output.contains("'test_loss':"), "\(tested.output)")
      let metrics = trained.output.components(separatedBy: "'test_loss': ").last
      #expect(metrics == tested.output.components(separatedBy: "'test_loss': ").last)

      let picture = folder.path + "/picture.png"
      try SyntheticShapes(train: false, count: 1).image(at: 0).writePNG(toFile: picture)
      let predicted = try nn(["predict", run, picture, "--top", "2"])
      #expect(predicted.status == 0, "\(predicted.output)")
      #expect(predicted.output.split(separator: "\n").count == 3, "\(predicted.output)")

      let report = try nn(["report", run, again])
      #expect(report.status == 0)
      #expect(report.output.split(separator: "\n").count == 4 && report.output.contains("report.html"))

      // A complete run is tested once more; a longer one would be under a schedule for the shorter.
      let resumed = try nn(["train", "--resume", "--output", run + "/"])
      #expect(resumed.status == 0 && resumed.output.contains("step 2"), "\(resumed.output)")
      let longer = try nn(["train", "--resume", "--output", run, "--epochs", "2"])
      #expect(
        longer.status == 1
          && longer.output.contains("OneCycleLR: expected the schedule that the run began with"),
        "\(longer.output)")
    }
  }

  /// Photos in one folder per class, with and without a folder of their own for testing.
  @Test func aFolderOfImagesTrains() throws {
    try withTemporaryFolder { folder in
      let shapes = SyntheticShapes(count: 60)
      for part in ["train", "test"] {
        for index in 0..<shapes.count {
          let path = "\(folder.path)/\(part)/\(shapes.classes[shapes.targets[index]])"
          try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
          try shapes.image(at: index).writePNG(toFile: "\(path)/\(index).png")
        }
      }
      for root in [folder.path, folder.path + "/train"] {
        let trained = try nn(
          [
            "train", "--dataset", "folder", "--root", root, "--image-size", "32", "--output",
            folder.path + "/run",
          ]
            + Self.small)
        #expect(trained.status == 0 && trained.output.contains("'test_acc':"), "\(trained.output)")
        try? FileManager.default.removeItem(atPath: folder.path + "/run")
      }
      try FileManager.default.removeItem(atPath: "\(folder.path)/test/\(shapes.classes[0])")
      let answer = try nn(
        [
          "train", "--dataset", "folder", "--root", folder.path, "--image-size", "32", "--output",
          folder.path + "/told",
        ] + Self.small)
      #expect(
        answer.status == 0 && answer.output.contains("no test images of 1 of 10 classes: "),
        "\(answer.output)")
    }
  }

  /// A file with the name of official weights has their preprocessing.
  @Test func forgottenNormalisationOfOfficialWeightsIsSaid() throws {
    try withTemporaryFolder { folder in
      let file = folder.path + "/squeezenet1_1-b8a52dc0.safetensors"
      try squeezenet1_1().stateDict().write(safetensors: file)
      let official = folder.path + "/squeezenet1_1-b8a52dc0.pth"
      try FileManager.default.moveItem(atPath: file, toPath: official)
      let train = ["train", "--arch", "squeezenet1_1", "--weights", official, "--fast-dev-run"]
      let warning = "Warning: The training images are not normalised"
      for (options, isWarned) in [([], true), (["--normalize"], false)] {
        let run = try nn(train + options + Self.small)
        #expect(run.status == 0 && run.output.contains(warning) == isWarned, "\(run.output)")
      }
    }
  }

  /// `script` of util-linux makes a terminal.
  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script"), "needs script"))
  func theDashboardIsForTerminals() throws {
    try withTemporaryFolder { folder in
      let train = ["train", "--ui", "tui", "--output", folder.path + "/run"] + Self.small
      let line = "Epoch 1/1: 100%|"
      let piped = try nn(train)
      #expect(piped.status == 0 && piped.output.contains(line), "\(piped.output)")
      #expect(!piped.output.contains("\u{1b}"))
      try FileManager.default.removeItem(atPath: folder.path + "/run")
      let command = "stty rows 24 cols 80; TERM=xterm " + ([product("nn")] + train).joined(separator: " ")
      let shown = try Command(["script", "-qec", command, "/dev/null"])
      #expect(shown.status == 0 && shown.output.contains("⠒ loss   ● val_loss"), "\(shown.output)")
      #expect(!shown.output.contains(line) && shown.output.contains("ended: maxEpochs reached (1)"))
      // The test that follows has the progress bar again.
      #expect(shown.output.contains("Testing: 100%|"))
    }
  }

  @Test func inspectListsAWeightFile() throws {
    try withTemporaryFolder { folder in
      let path = folder.path + "/w.safetensors"
      let state: StateDict = ["a.weight": Tensor([[1.0, 2], [3, 6]]), "b": Tensor([1, 2, 3])]
      try state.write(safetensors: path, metadata: ["origin": "test"]) { entry in
        entry.key == "b" ? .int64 : .float16
      }
      let listed = try nn(["inspect", path])
      #expect(listed.status == 0, "\(listed.output)")
      let line = try #require(listed.output.split(separator: "\n").first { $0.hasPrefix("a.weight") })
      #expect(line.contains("F16") && line.contains("[2, 2]") && line.contains("8 B") && line.hasSuffix("6"))
      #expect(listed.output.contains("2 tensors, 7 elements, 32 B") && listed.output.contains("origin: test"))
    }
  }

  @Test func benchMeasures() throws {
    let measured = try nn(["bench", "shapesnet", "--image-size", "32", "--batch-size", "4", "--repeats", "1"])
    #expect(measured.status == 0 && measured.output.contains("training step"), "\(measured.output)")
  }

  @Test(arguments: [
    (["train", "--epoch", "1"], "--epoch", Int32(64)),
    (["train", "--epochs", "0"], "epochs: expected a number in 1...1000000, found 0", 1),
    (["train", "--dataset", "imagenette"], "one of the following", 64),
    (["train", "--dataset", "folder"], "imageSize: expected a size for images from a folder, found none", 1),
    (["train", "--arch", "resnet81", "--fast-dev-run"], "unknown network \"resnet81\"; nearest names: ", 1),
    (["train", "--config", "/none.yaml"], "/none.yaml: expected a configuration that can be read", 1),
    (["predict", "/none", "a.png"], "/none: cannot be read", 1),
    (["report", "/none"], "/none/config.yaml: expected a configuration", 1),
    (["inspect", "/none"], "/none: cannot be read", 1),
  ])
  func mistakesAreNamedInOneLine(arguments: [String], message: String, status: Int32) throws {
    let answer = try nn(arguments)
    #expect(answer.status == status && answer.output.contains(message), "\(answer.output)")
  }

  @Test func misspeltSettingsAreNamed() throws {
    try withTemporaryFolder { folder in
      let path = folder.path + "/c.json"
      try "{\"learningrate\": 0.1}".write(toFile: path, atomically: true, encoding: .utf8)
      let answer = try nn(["train", "--config", path])
      #expect(
        answer.status == 1 && answer.output.contains("did you mean \"learningRate\"?"), "\(answer.output)")
      try "epochs: many".write(toFile: path, atomically: true, encoding: .utf8)
      let wrong = try nn(["train", "--config", path])
      #expect(wrong.output.contains("epochs: expected a whole number, found many"), "\(wrong.output)")
      try "epochs: [".write(toFile: path, atomically: true, encoding: .utf8)
      let broken = try nn(["train", "--config", path])
      #expect(broken.output.contains("expected a configuration in YAML or JSON"), "\(broken.output)")
    }
  }

  @Test func helpAndCompletionAreThere() throws {
    for command in ["train", "finetune", "cache", "test", "predict", "report", "bench", "inspect"] {
      let help = try nn(["help", command])
      #expect(help.status == 0 && help.output.contains("OVERVIEW: "))
    }
    #expect(try nn(["--generate-completion-script", "bash"]).output.contains("complete"))
  }
}
