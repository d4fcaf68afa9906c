import Foundation
import NNCore
import NNData
import TestSupport
import Testing

/// What `nn` makes of the folders that people have, and what it shows of it.
@Suite struct DataFolderTests {
  private static let quick = [
    "--arch", "shapesnet", "--image-size", "32", "--epochs", "1", "--batch-size", "16",
  ]

  private func train(_ data: ImageFolders, _ folder: URL, _ options: [String] = []) throws -> Command {
    try nn(
      ["train", "--dataset", "folder", "--root", data.path, "--output", folder.path + "/run"] + Self.quick
        + options)
  }

  /// Each class gives its share, and the table comes before the training.
  @Test func whatIsTrainedOnIsShownFirst() throws {
    try withTemporaryFolder { folder in
      let data = ImageFolders(folder, "photos")
      try data.write(["a b", "Ünï☃", "c"], count: 10)
      let run = try train(data, folder, ["--seed", "7"])
      try #require(run.status == 0, "\(run.output)")
      #expect(counts("Ünï☃", in: run.output) == [8, 1, 1] && counts("a b", in: run.output) == [8, 1, 1])
      #expect(run.output.contains("validation: cut out of \(data.path), 10 % of each class, seed 7"))
      let table = try #require(run.output.range(of: "3 classes"))
      let training = try #require(run.output.range(of: "Epoch 1/1"))
      #expect(table.upperBound < training.lowerBound)
    }
  }

  /// Folders named for their part are that part; nothing is cut out of what was laid out.
  @Test(arguments: [
    (["train", "val", "test"], [6, 3, 2]), (["train", "valid"], [6, 3]), (["Train", "validation"], [6, 3]),
    (["training", "test"], [5, 1, 2]), (["train"], [4, 1, 1]),
  ])
  func foldersOfPartsMeanWhatTheySay(parts: [String], expected: [Int]) throws {
    try withTemporaryFolder { folder in
      let data = ImageFolders(folder, "photos")
      for part in parts {
        let count = part.lowercased().hasPrefix("train") ? 6 : part.hasPrefix("val") ? 3 : 2
        try data.write(["cat", "dog"], count: count, below: part)
      }
      let run = try train(data, folder)
      #expect(run.status == 0 && counts("cat", in: run.output) == expected, "\(run.output)")
      let isTested = expected.count == 3
      #expect(run.output.contains("'test_acc'") == isTested)
      #expect(run.output.contains("no test images: the model is not tested") == !isTested)
    }
  }

  /// A class may be called as a part is.
  @Test func aClassCalledTrainIsAClass() throws {
    try withTemporaryFolder { folder in
      let data = ImageFolders(folder, "vehicles")
      try data.write(["car", "plane", "train"])
      let run = try train(data, folder)
      #expect(run.status == 0 && counts("train", in: run.output) == [6, 1, 1], "\(run.output)")
    }
  }

  @Test func foldersThatCannotBeTrainedOnAreRefused() throws {
    try withTemporaryFolder { folder in
      let single = ImageFolders(folder, "single")
      try single.write(["cat"])
      let twice = ImageFolders(folder, "twice")
      for part in ["train", "val", "valid"] { try twice.write(["cat", "dog"], count: 2, below: part) }
      let headless = ImageFolders(folder, "headless")
      for part in ["val", "test"] { try headless.write(["cat", "dog"], count: 2, below: part) }
      let unknown = ImageFolders(folder, "unknown")
      try unknown.write(["cat", "dog"], below: "train")
      try unknown.write(["cat", "wolf"], count: 2, below: "val")
      let hollow = ImageFolders(folder, "hollow")
      try hollow.write(["cat", "dog"], below: "train")
      try FileManager.default.createDirectory(
        atPath: hollow.path + "/val/cat", withIntermediateDirectories: true)
      let bare = ImageFolders(folder, "bare")
      try bare.write(["cat", "dog"])
      try FileManager.default.createDirectory(atPath: bare.path + "/zebra", withIntermediateDirectories: true)
      for (data, message) in [
        (single, "expected images of at least 2 classes, found one, cat"),
        (twice, "expected one folder for validation, found val and valid"),
        (headless, "expected a folder train beside test, val"),
        (unknown, "expected training images of every class, found none of wolf"),
        (hollow, "expected at least 1 image for validation"),
        (bare, "zebra: expected images of this class, found none"),
      ] {
        let run = try train(data, folder)
        #expect(run.status == 1 && run.output.contains(message), "\(run.output)")
        #expect(run.output.split(separator: "\n").count == 1, "\(run.output)")
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/run"))
      }
    }
  }

  @Test func aClassWithoutTestImagesIsTold() throws {
    try withTemporaryFolder { folder in
      let data = ImageFolders(folder, "photos")
      try data.write(["cat", "dog"], below: "train")
      try data.write(["cat"], count: 2, below: "test")
      let run = try train(data, folder)
      #expect(
        run.status == 0 && run.output.contains("no test images of 1 of 2 classes: dog"), "\(run.output)")
    }
  }

  /// What systems and editors leave in folders is no image and no class.
  @Test func hiddenAndSystemFilesAreLeftOutAndTold() throws {
    try withTemporaryFolder { folder in
      let data = ImageFolders(folder, "photos")
      try data.write(["cat", "dog"])
      for file in [
        ".ipynb_checkpoints/0-checkpoint.png", ".DS_Store", "cat/._0.png", "cat/Thumbs.db", "dog/notes.txt",
        "__MACOSX/cat/._0.png",
      ] { try data.write([1, 2, 3], to: file) }
      try FileManager.default.createSymbolicLink(
        atPath: data.path + "/dog/gone.png", withDestinationPath: "/nonexistent/x.png")
      let run = try train(data, folder)
      #expect(run.status == 0 && counts("cat", in: run.output) == [6, 1, 1], "\(run.output)")
      #expect(counts("dog", in: run.output) == [6, 1, 1] && run.output.contains("2 classes"))
      #expect(run.output.contains("left out: ") && run.output.contains("._0.png"), "\(run.output)")
      #expect(run.output.contains("gone.png"), "\(run.output)")
    }
  }

  /// A table of names and labels does as well as folders, with a column for the part or without.
  @Test func aTableOfLabelsTrains() throws {
    try withTemporaryFolder { folder in
      let data = ImageFolders(folder, "photos")
      let files = try data.write(["a", "b"], count: 10)
      func table(_ rows: [String]) throws {
        try data.write(Array(rows.joined(separator: "\r\n").utf8), to: "labels.csv")
      }
      try table(["filename,label"] + files.map { "\($0),\"is \($0.first!), really\"" })
      let labels = ["--labels", data.path + "/labels.csv"]
      let run = try nn(["train", "--output", folder.path + "/run"] + labels + Self.quick)
      #expect(run.status == 0 && counts("is a, really", in: run.output) == [8, 1, 1], "\(run.output)")
      try table(
        ["label,split,file"]
          + files.enumerated().map {
            "\($1.first!),\($0 % 10 < 6 ? "train" : $0 % 10 < 8 ? "val" : "test"),\($1)"
          })
      let split = try nn(["train", "--output", folder.path + "/split"] + labels + Self.quick)
      #expect(split.status == 0 && counts("b", in: split.output) == [6, 2, 2], "\(split.output)")
      try table(["file,label", "a/0.png,a", "none.png,b"])
      let missing = try nn(["train", "--output", folder.path + "/missing"] + labels + Self.quick)
      #expect(missing.status == 1 && missing.output.contains("none.png"), "\(missing.output)")
      #expect(missing.output.split(separator: "\n").count == 1, "\(missing.output)")
    }
  }

  // MARK: The run's own split

  /// An image that was trained on is not tested under another name, whatever is added or taken away.
  @Test func aRunKeepsItsSplit() throws {
    try withTemporaryFolder { folder in
      let (data, run) = (ImageFolders(folder, "photos"), folder.path + "/run")
      try data.write(["a", "b"], count: 20)
      let trained = try train(data, folder)
      try #require(trained.status == 0, "\(trained.output)")
      let tested = try nn(["test", run])
      #expect(tested.status == 0 && counts("a", in: tested.output) == [16, 2, 2], "\(tested.output)")
      let split = try String(contentsOfFile: run + "/split.csv", encoding: .utf8).split(separator: "\n")
      let trainedOn = try #require(split.first { $0.hasPrefix("a/") && $0.hasSuffix(",train") })
      let image = String(trainedOn.prefix { $0 != "," })
      try FileManager.default.copyItem(atPath: "\(data.path)/\(image)", toPath: data.path + "/a/00copy.png")
      try data.write(["c"], count: 2)
      let grown = try nn(["test", run])
      #expect(grown.status == 0 && counts("a", in: grown.output) == [16, 2, 2], "\(grown.output)")
      #expect(
        grown.output.contains("new since the run began, in no part: 3: a/00copy.png"), "\(grown.output)")
      #expect(metrics(grown) == metrics(tested))

      try FileManager.default.removeItem(atPath: "\(data.path)/\(image)")
      let shrunk = try nn(["test", run])
      #expect(shrunk.output.contains("missing since the run began: 1: \(image)"), "\(shrunk.output)")
      #expect(metrics(shrunk) == metrics(tested))
      let report = try nn(["report", run])
      #expect(report.output.contains("31/4/4") && report.output.contains("missing since"), "\(report.output)")

      try FileManager.default.removeItem(atPath: run + "/split.csv")
      let lost = try nn(["test", run])
      #expect(lost.status == 1 && lost.output.contains("expected the split of the run"), "\(lost.output)")
    }
  }

  private func metrics(_ command: Command) -> String? {
    command.output.components(separatedBy: "'test_loss': ").last
  }

  /// The resumed run goes on with the images that it began with.
  @Test func aResumedRunKeepsItsSplit() throws {
    try withTemporaryFolder { folder in
      let (data, run) = (ImageFolders(folder, "photos"), folder.path + "/run")
      try data.write(["a", "b"], count: 20)
      let options = ["--schedule", "constant"]
      try #require(try train(data, folder, options + ["--epochs", "2"]).status == 0)
      try data.write(["a"], count: 5, first: 20)
      let resumed = try nn(["train", "--resume", "--output", run, "--epochs", "4"])
      #expect(resumed.status == 0 && counts("a", in: resumed.output) == [16, 2, 2], "\(resumed.output)")
      #expect(resumed.output.contains("new since the run began, in no part: 5: "), "\(resumed.output)")
    }
  }
}
