import Foundation
import NNCore
import NNData
import NNFiles
import NNLayers
import NNModels
import TestSupport
import Testing

/// `nn finetune` on a small folder of images, from the folder to predictions.
@Suite struct FinetuneToolTests {
  private func nn(_ arguments: [String]) throws -> Command { try Command([product("nn")] + arguments) }

  /// Three of the drawn classes, in one folder each.
  private func writeImages(_ folder: String, count: Int = 120) throws {
    let shapes = SyntheticShapes(count: count)
    for index in 0..<count where shapes.targets[index] < 3 {
      let path = "\(folder)/\(shapes.classes[shapes.targets[index]])"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      try shapes.image(at: index).writePNG(toFile: "\(path)/\(index).png")
    }
  }

  /// An image of each class that is not in the folder.
  private func writeUnseen(_ folder: String) throws -> [(file: String, name: String)] {
    let shapes = SyntheticShapes(train: false, count: 60)
    return try (0..<3).compactMap { label in
      guard let index = shapes.targets.firstIndex(of: label) else { return nil }
      let file = "\(folder)/unseen\(label).png"
      try shapes.image(at: index).writePNG(toFile: file)
      return (file, shapes.classes[label])
    }
  }

  private func number(_ name: String, in output: String) -> Double? {
    let rest = output.components(separatedBy: "'\(name)': ").last ?? ""
    return Double(rest.prefix { !",}".contains($0) })
  }

  private func weights(_ run: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: run + "/model.safetensors"))
  }

  @Test func aFolderOfImagesBecomesAModelThatNamesItsClasses() throws {
    try withTemporaryFolder { folder in
      let (data, run) = (folder.path + "/photos", folder.path + "/run")
      try writeImages(data, count: 300)
      let finetune = [
        "finetune", "--data", data, "--arch", "shapesnet", "--head", "batchnorm", "--batch-size", "16",
        "--epochs", "8", "--seed", "1",
      ]
      let trained = try nn(finetune + ["--output", run])
      try #require(trained.status == 0, "\(trained.output)")
      #expect(
        trained.output.contains("Frozen features: everything up to") && !trained.output.contains("Warning"))
      #expect(try #require(number("test_acc", in: trained.output)) >= 0.75, "\(trained.output)")
      let files = try FileManager.default.contentsOfDirectory(atPath: run).sorted()
      #expect(
        files == [
          "best.safetensors", "config.yaml", "last.safetensors", "log.csv", "model.safetensors",
          "report.html", "split.csv", "tensorboard",
        ])

      let unseen = try writeUnseen(folder.path)
      let predicted = try nn(["predict", run, "--top", "1"] + unseen.map(\.file))
      #expect(predicted.status == 0, "\(predicted.output)")
      let lines = predicted.output.split(separator: "\n").map(String.init)
      let hits = unseen.enumerated().filter { lines[2 * $0.offset + 1].hasSuffix("  " + $0.element.name) }
      #expect(lines.count == 6 && hits.count >= 2, "\(predicted.output)")

      // Without kept features: the same bits.
      let plain = try nn(finetune + ["--output", folder.path + "/plain", "--cache", "off"])
      #expect(plain.status == 0 && !plain.output.contains("Frozen features"), "\(plain.output)")
      let isEqual = try weights(run) == weights(folder.path + "/plain")
      #expect(isEqual)

      // The weights are in the run: nothing else is needed.
      let tested = try nn(["test", run])
      #expect(number("test_acc", in: tested.output) == number("test_acc", in: trained.output))
      let resumed = try nn(["finetune", "--resume", "--output", run, "--epochs", "9"])
      #expect(resumed.status == 0 && resumed.output.contains("maxEpochs reached (9)"), "\(resumed.output)")
    }
  }

  /// A run that ended within the first phase goes on through all of them.
  @Test func phasesResume() throws {
    try withTemporaryFolder { folder in
      try writeImages(folder.path + "/photos")
      let finetune = [
        "finetune", "--data", folder.path + "/photos", "--arch", "shapesnet", "--batch-size", "8", "--phases",
        "head:2,last:1,all:1@0.001",
      ]
      let whole = try nn(finetune + ["--output", folder.path + "/whole"])
      try #require(whole.status == 0, "\(whole.output)")
      for line in ["Phase 1 of 3, head", "Phase 2 of 3, last", "Phase 3 of 3, all"] {
        #expect(whole.output.contains(line), "\(whole.output)")
      }
      let run = folder.path + "/parts"
      for plan in ["head:1", "head:2,last:1,all:1@0.001"] {
        let part = try nn(
          Array(finetune[..<(finetune.count - 1)]) + [plan, "--output", run]
            + (plan == "head:1" ? [] : ["--resume"]))
        #expect(part.status == 0, "\(part.output)")
      }
      let isEqual = try weights(run) == weights(folder.path + "/whole")
      #expect(isEqual)
    }
  }

  /// A network of torchvision with its preset, features on disk, and what is kept there.
  @Test func featuresAreKeptForLaterRunsAndListed() throws {
    try withTemporaryFolder { folder in
      try writeImages(folder.path + "/photos", count: 60)
      let file = folder.path + "/weights.safetensors"
      try withDefaultGenerator(Generator(seed: 1)) { squeezenet1_1() }.stateDict().write(safetensors: file)
      let cache = folder.path + "/features"
      func finetune(_ run: String) throws -> Command {
        try nn([
          "finetune", "--data", folder.path + "/photos", "--arch", "squeezenet1_1", "--weights", file,
          "--cache", cache, "--epochs", "2", "--output", folder.path + "/" + run,
        ])
      }
      let first = try finetune("first")
      try #require(first.status == 0, "\(first.output)")
      let second = try finetune("second")
      // The images of the test too, which is made with the weights of the best checkpoint.
      let count = SyntheticShapes(count: 60).targets.filter { $0 < 3 }.count
      #expect(second.status == 0 && second.output.contains("\(count) of \(count) found"), "\(second.output)")
      #expect(try weights(folder.path + "/first") == weights(folder.path + "/second"))

      let saved = try StateDict(contentsOf: folder.path + "/first/model.safetensors")
      let text = try #require(saved.metadata["model"])
      #expect(text.contains("\"resize\":256") && text.contains("\"crop\":224"), "\(text)")
      #expect(saved["head.norm.weight"]?.shape == [512] && saved["head.linear.weight"]?.shape == [3, 512])
      let predicted = try nn(
        ["predict", folder.path + "/first"] + writeUnseen(folder.path).map(\.file))
      #expect(predicted.status == 0 && predicted.output.split(separator: "\n").count == 12)

      let listed = try nn(["cache", "list", cache])
      #expect(
        listed.status == 0 && listed.output.contains("1 entries") && listed.output.contains("ImageFolder"),
        "\(listed.output)")
      let young = try nn(["cache", "clear", cache, "--older-than", "1"])
      #expect(young.output.contains("Deleted 0 entries"), "\(young.output)")
      let cleared = try nn(["cache", "clear", cache])
      #expect(cleared.output.contains("Deleted 1 entries"), "\(cleared.output)")
      #expect(try nn(["cache", "list", cache]).output.contains("0 entries, 0 B"))
    }
  }

  @Test(arguments: [
    ([], "expected the images: --data FOLDER, --labels TABLE, or --dataset", Int32(64)),
    (["--data", "/none", "--arch", "shapesnet"], "/none", 1),
    (["--data", "/none", "--dataset", "cifar10"], "--data is --dataset folder --root", 64),
    (["--data", "/none", "--phases", "head:1", "--epochs", "2"], "--phases says the number of epochs", 64),
    (["--data", "/none", "--phases", "head:1,tail:2"], "head, last or all, found \"tail:2\"", 1),
    (["--data", "/none", "--phases", "head:0"], "found \"head:0\"", 1),
    (["--data", "/none", "--head", "big"], "The value 'big' is invalid for '--head <head>'", 64),
    (["--data", "/none", "--batch-size", "1"], "batchSize: expected a number of at least 2, found 1", 1),
    (["--data", "/none", "--resume", "--search"], "--search comes before a run", 64),
  ])
  func mistakesAreNamedInOneLine(arguments: [String], message: String, status: Int32) throws {
    try withTemporaryFolder { folder in
      let answer = try nn(["finetune", "--output", folder.path + "/run"] + arguments)
      #expect(answer.status == status && answer.output.contains(message), "\(answer.output)")
      if status == 1 { #expect(answer.output.split(separator: "\n").count == 1, "\(answer.output)") }
    }
  }

  @Test func aCacheThatIsNotThereIsSaid() throws {
    let answer = try nn(["cache", "list", "/none"])
    #expect(answer.status == 1 && answer.output.contains("/none: expected a folder of cached features"))
  }
}
