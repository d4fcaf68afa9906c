import Foundation
import NNCore
import NNData
import TestSupport
import Testing

/// Random changes of training images from the command line, and what is averaged over an image and its mirror image.
@Suite struct AugmentToolTests {
  private func finetune(_ data: ImageFolders, _ run: String, _ options: [String]) throws -> Command {
    try nn(
      ["finetune", "--data", data.path, "--arch", "shapesnet", "--epochs", "2", "--batch-size", "8"]
        + ["--output", run] + options)
  }

  private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

  /// Every option changes what is drawn, in the same way each time.
  @Test func eachOptionIsSeenOnTheSheet() throws {
    try withTemporaryFolder { folder in
      let data = ImageFolders(folder, "photos")
      try data.write(["circle", "square"], count: 5)
      let sheet = folder.path + "/sheet.png"
      func preview(_ options: [String]) throws -> (output: String, sheet: Data) {
        let command = try nn(
          [
            "preview", "--data", data.path, "--arch", "shapesnet", "--sheet", sheet, "--images", "4",
            "--versions", "3",
          ]
            + options)
        #expect(command.status == 0, "\(command.output)")
        return (command.output, try bytes(sheet))
      }
      var sheets: Set<Data> = []
      for (options, words) in [
        ([], "ImageClassification(crop: 32"), (["--augment", "light"], "RandomResizedCrop"),
        (["--augment", "strong"], "ColorJitter"),
        (["--augment", "randaugment"], "RandAugment"),
        (["--augment", "trivialaugment"], "TrivialAugmentWide"),
        (["--erase", "1"], "RandomErasing"), (["--mixup", "1"], "MixUp"), (["--cutmix", "1"], "CutMix"),
        (["--mixup", "1", "--cutmix", "1", "--seed", "3"], "MixUp(classes: 2, alpha: 1.0) or CutMix"),
      ] as [([String], String)] {
        let drawn = try preview(options)
        let line = drawn.output.split(separator: "\n").first { $0.hasPrefix("Training images go through: ") }
        #expect(line?.contains(words) == true, "\(drawn.output)")
        #expect(try preview(options).sheet == drawn.sheet)
        sheets.insert(drawn.sheet)
      }
      #expect(sheets.count == 9)
      let size = try Image(contentsOfFile: sheet)
      // Four rows of a plain image and three versions, and a gap around each.
      #expect(size.width == 4 + 4 * (64 + 4) && size.height > 4 * 64)
    }
  }

  /// A frozen network sees so many versions of each image, and says so.
  @Test func versionsOfImagesAreKept() throws {
    try withTemporaryFolder { folder in
      let data = ImageFolders(folder, "photos")
      try data.write(["circle", "square"], count: 12)
      var models: Set<Data> = []
      for (name, options, words) in [
        ("plain", [], "is computed once per image and kept"),
        (
          "light", ["--augment", "light", "--views", "3"],
          "once for each of 3 random versions of an image and kept"
        ),
        ("mixup", ["--mixup", "0.4"], "mixes their samples"),
        ("smoothing", ["--label-smoothing", "0.2"], "is computed once per image and kept"),
      ] as [(String, [String], String)] {
        let run = try finetune(data, "\(folder.path)/\(name)", options)
        #expect(run.status == 0 && run.output.contains(words), "\(run.output)")
        models.insert(try bytes("\(folder.path)/\(name)/model.safetensors"))
        // What is tested is not changed at random.
        let tested = try nn(["test", "\(folder.path)/\(name)"])
        let losses = [run, tested].map { $0.output.components(separatedBy: "'test_loss': ").last }
        #expect(losses[0] == losses[1], "\(tested.output)")
      }
      #expect(models.count == 4)
      let folds = try finetune(
        data, folder.path + "/folds", ["--augment", "strong", "--mixup", "1", "--folds", "2"])
      #expect(folds.status == 0 && folds.output.contains("2 folds: val_acc"), "\(folds.output)")
    }
  }

  @Test func anImageAndItsMirrorImageAreAveraged() throws {
    try withTemporaryFolder { folder in
      let data = ImageFolders(folder, "photos")
      let files = try data.write(["circle", "square"], count: 12)
      let run = folder.path + "/run"
      try #require(try finetune(data, run, []).status == 0)
      let (image, mirrored) = ("\(data.path)/\(files[0])", folder.path + "/mirrored.png")
      try RandomHorizontalFlip(p: 1)(Image(contentsOfFile: image)).writePNG(toFile: mirrored)
      func probabilities(_ file: String, _ options: [String]) throws -> [Substring] {
        let command = try nn(["predict", run, file, "--format", "csv", "--top", "2"] + options)
        #expect(command.status == 0, "\(command.output)")
        return command.output.split(separator: "\n").dropFirst().map { $0.split(separator: ",")[2] }
      }
      #expect(try probabilities(image, []) != probabilities(mirrored, []))
      #expect(try probabilities(image, ["--tta"]) == probabilities(mirrored, ["--tta"]))
      let (plain, averaged) = (try nn(["test", run]), try nn(["test", run, "--tta"]))
      #expect(averaged.status == 0 && averaged.output != plain.output, "\(averaged.output)")
    }
  }

  @Test(arguments: [
    (["--augment", "much"], "'much' is invalid for '--augment", Int32(64)),
    (["--erase", "2"], "erase: expected a number in 0...1, found 2.0", 1),
    (["--mixup", "0"], "mixup: expected a number above 0, found 0.0", 1),
    (["--label-smoothing", "1"], "labelSmoothing: expected a number in 0..<1, found 1.0", 1),
    (["--views", "0"], "views: expected a number in 1...1000, found 0", 1),
  ])
  func mistakesAreNamed(options: [String], message: String, status: Int32) throws {
    let answer = try nn(["preview", "--data", "/none", "--arch", "shapesnet"] + options)
    #expect(answer.status == status && answer.output.contains(message), "\(answer.output)")
  }
}
