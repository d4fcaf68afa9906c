import Foundation
import NNCore
import TestSupport
import Testing

/// What `nn` makes of few images and of classes of unequal size.
@Suite struct FewImagesTests {
  /// One class of many images and one of few.
  private func unbalanced(_ folder: URL) throws -> ImageFolders {
    let data = ImageFolders(folder, "photos")
    try data.write(["many"], count: 30)
    try data.write(["unused", "few"], count: 6)
    try FileManager.default.removeItem(atPath: data.path + "/unused")
    return data
  }

  private func finetune(_ data: ImageFolders, _ run: String, _ options: [String]) throws -> Command {
    try nn(
      ["finetune", "--data", data.path, "--arch", "shapesnet", "--epochs", "3", "--batch-size", "8"]
        + ["--output", run] + options)
  }

  private func weights(_ run: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: run + "/model.safetensors"))
  }

  @Test func classesOfUnequalSizeAreToldAndMadeUpFor() throws {
    try withTemporaryFolder { folder in
      let data = try unbalanced(folder)
      var models: Set<Data> = []
      for balance in ["none", "weights", "sampling"] {
        let run = folder.path + "/" + balance
        let trained = try finetune(data, run, ["--balance", balance])
        try #require(trained.status == 0, "\(trained.output)")
        let isTold = trained.output.contains("unbalanced: classes have from 4 to 24 training images")
        #expect(isTold == (balance == "none"), "\(trained.output)")
        #expect(trained.output.contains("Frozen features: everything up to"), "\(trained.output)")
        models.insert(try weights(run))
        // The loss of the test is that of the training, weighted or not.
        let tested = try nn(["test", run])
        let losses = [trained, tested].map { $0.output.components(separatedBy: "'test_loss': ").last }
        #expect(losses[0] == losses[1], "\(tested.output)")
      }
      #expect(models.count == 3)
      let wrong = try finetune(data, folder.path + "/wrong", ["--balance", "both"])
      #expect(
        wrong.status == 64 && wrong.output.contains("'both' is invalid for '--balance"), "\(wrong.output)")
    }
  }

  @Test func shotsOfEachClass() throws {
    try withTemporaryFolder { folder in
      let data = try unbalanced(folder)
      let run = try finetune(data, folder.path + "/run", ["--shots", "2"])
      #expect(run.status == 0 && counts("many", in: run.output) == [2, 3, 3], "\(run.output)")
      #expect(counts("few", in: run.output) == [2, 1, 1], "\(run.output)")
      #expect(run.output.contains("left out: 24 training images, as shots is 2"), "\(run.output)")
    }
  }

  /// Mean and spread of the head over the parts, before it is trained as without them.
  @Test func foldsTellHowFarASplitIsToBeTrusted() throws {
    try withTemporaryFolder { folder in
      let data = ImageFolders(folder, "photos")
      try data.write(["a", "b", "c"], count: 15)
      let run = folder.path + "/run"
      let folded = try finetune(data, run, ["--folds", "4", "--balance", "sampling"])
      try #require(folded.status == 0, "\(folded.output)")
      let line = try #require(
        folded.output.split(separator: "\n").first { $0.hasPrefix("4 folds: val_acc ") })
      let rows = try String(contentsOfFile: run + "/folds.csv", encoding: .utf8).split(separator: "\n").map {
        $0.split(separator: ",")
      }
      #expect(rows.count == 5 && rows[0] == ["fold", "images", "val_acc", "val_loss"])
      let values = rows.dropFirst().compactMap { Double($0[2]) }
      let images = rows.dropFirst().compactMap { Int($0[1]) }
      let mean = values.reduce(0, +) / 4
      let spread = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 3).squareRoot()
      #expect(line.contains(String(format: "val_acc %.4f ± %.4f,", mean, spread)), "\(folded.output)")
      // All but the test images.
      #expect(images.reduce(0, +) == 42 && Set(images).isSubset(of: [10, 11]), "\(images)")
      let plain = try finetune(data, folder.path + "/plain", ["--balance", "sampling"])
      #expect(try plain.status == 0 && weights(run) == weights(folder.path + "/plain"))
    }
  }

  @Test(arguments: [
    (["--folds", "1"], "--folds: expected a number in 2...100, found 1", Int32(64)),
    (["--folds", "3", "--resume"], "--folds comes before a run", 64),
    (["--shots", "0"], "shots: expected a number in 1...", 1),
  ])
  func mistakesAreNamed(options: [String], message: String, status: Int32) throws {
    try withTemporaryFolder { folder in
      let answer = try nn(["finetune", "--data", "/none", "--output", folder.path + "/run"] + options)
      #expect(answer.status == status && answer.output.contains(message), "\(answer.output)")
    }
  }
}
