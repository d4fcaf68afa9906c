import Foundation
import NNCore
import NNData
import NNLayers
import NNModels
import TestSupport
import Testing

/// Runs that go wrong: what is said, and what stays.
@Suite struct RunSafetyTests {
  private func train(_ options: [String], _ data: ImageFolders, _ run: String) throws -> Command {
    try nn(
      [
        "train", "--dataset", "folder", "--root", data.path, "--output", run, "--arch", "shapesnet",
        "--image-size", "32", "--batch-size", "16",
      ] + options)
  }

  private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

  /// A learning rate far too high: the run ends where the numbers do.
  @Test func lossesThatAreNotFiniteEndTheRun() throws {
    try withTemporaryFolder { folder in
      let (data, run) = (ImageFolders(folder, "photos"), folder.path + "/run")
      try data.write(["a", "b"], count: 20)
      let options = ["--learning-rate", "1e30", "--schedule", "constant", "--epochs", "50"]
      let ended = try train(options, data, run)
      #expect(ended.status == 1 && ended.output.contains("finite"), "\(ended.output)")
      #expect(ended.output.contains("learning rate"), "\(ended.output)")
      #expect(!exists(run + "/model.safetensors"))
      // Not looked for by choice: still no NaN becomes a result.
      let unwatched = try train(
        options + ["--no-detect-anomaly", "--epochs", "4"], data, folder.path + "/unwatched")
      #expect(unwatched.status == 1 && unwatched.output.contains("finite"), "\(unwatched.output)")
      #expect(!exists(folder.path + "/unwatched/model.safetensors"))
    }
  }

  /// The result of a run is worth more than a folder's name.
  @Test func aRunIsNotOverwritten() throws {
    try withTemporaryFolder { folder in
      let (data, run) = (ImageFolders(folder, "photos"), folder.path + "/run")
      try data.write(["a", "b"])
      try #require(try train(["--epochs", "1"], data, run).status == 0)
      let model = try Data(contentsOf: URL(fileURLWithPath: run + "/model.safetensors"))
      for name in [run, run + "/"] {
        let again = try train(["--epochs", "1", "--seed", "5"], data, name)
        #expect(again.status == 1, "\(again.output)")
        #expect(
          again.output.contains("--resume") && again.output.contains("--output \(run)-2"), "\(again.output)")
      }
      #expect(try Data(contentsOf: URL(fileURLWithPath: run + "/model.safetensors")) == model)
    }
  }

  /// The model is written before the test, which may fail.
  @Test func aDamagedTestImageCostsTheTestAlone() throws {
    try withTemporaryFolder { folder in
      let (data, run) = (ImageFolders(folder, "photos"), folder.path + "/run")
      try data.write(["a", "b"], below: "train")
      let files = try data.write(["a", "b"], count: 3, below: "test")
      try data.write(
        Array(Data(contentsOf: URL(fileURLWithPath: data.path + "/" + files[1])).prefix(60)), to: files[1])
      let ended = try train(["--epochs", "1"], data, run)
      #expect(ended.status == 1 && ended.output.contains(files[1]), "\(ended.output)")
      #expect(exists(run + "/model.safetensors") && exists(run + "/report.html"))
      #expect(try nn(["predict", run, data.path + "/" + files[0]]).status == 0)
    }
  }

  /// A batch of one image in front of a batch normalisation.
  @Test func aLastBatchOfOneIsNoReasonToEnd() throws {
    try withTemporaryFolder { folder in
      let data = ImageFolders(folder, "photos")
      for part in ["train", "val"] { try data.write(["a", "b", "c"], count: 9, below: part) }
      let run = folder.path + "/run"
      let options = ["--batch-size", "13", "--arch", "resnet18", "--epochs", "1"]
      let trained = try train(options, data, run)
      #expect(trained.status == 0 && exists(run + "/model.safetensors"), "\(trained.output)")
      let resumed = try nn(["train", "--resume", "--output", run, "--epochs", "1"])
      #expect(resumed.status == 0, "\(resumed.output)")
    }
  }

  // MARK: Damaged images

  private func damagedFolder(_ folder: URL) throws -> ImageFolders {
    let data = ImageFolders(folder, "photos")
    let files = try data.write(["a", "b"], count: 12)
    let whole = try Data(contentsOf: URL(fileURLWithPath: data.path + "/" + files[0]))
    try data.write(Array(whole.prefix(whole.count / 2)), to: "a/cut.png")
    try data.write([], to: "a/empty.png")
    try data.write(Array("<html>not found</html>".utf8), to: "b/page.jpg")
    try data.write(Array(whole), to: "b/twin.png")
    return data
  }

  @Test func damagedImagesAreListedAtOnce() throws {
    try withTemporaryFolder { folder in
      let data = try damagedFolder(folder)
      let sheet = folder.path + "/sheet.png"
      let checked = try nn(["check", data.path, "--sheet", sheet])
      #expect(checked.status == 1, "\(checked.output)")
      for name in ["a/cut.png", "a/empty.png", "b/page.jpg", "b/twin.png"] {
        #expect(checked.output.contains(name), "\(checked.output)")
      }
      #expect(
        checked.output.contains("a/0.png"), "names the other one of two equal images: \(checked.output)")
      #expect(try Image(contentsOfFile: sheet).width > 0)
      let clean = ImageFolders(folder, "clean")
      try clean.write(["a", "b"])
      let nothing = try nn(["check", clean.path])
      #expect(nothing.status == 0 && nothing.output.contains("16 images"), "\(nothing.output)")
      #expect(try nn(["check", folder.path + "/none"]).status == 1)
    }
  }

  @Test func damagedImagesAreLeftOutOnRequest() throws {
    try withTemporaryFolder { folder in
      let data = try damagedFolder(folder)
      let stopped = try train(["--epochs", "1"], data, folder.path + "/stopped")
      #expect(stopped.status == 1, "\(stopped.output)")
      let run = folder.path + "/run"
      let trained = try train(["--epochs", "1", "--skip-damaged"], data, run)
      #expect(trained.status == 0 && trained.output.contains("3 damaged"), "\(trained.output)")
      #expect(trained.output.contains("a/cut.png"))
      let report = try String(contentsOfFile: run + "/report.html", encoding: .utf8)
      #expect(report.contains("a/cut.png") && report.contains("b/page.jpg"))
      let resumed = try nn(["train", "--resume", "--output", run, "--epochs", "1"])
      #expect(resumed.status == 0 && !resumed.output.contains("new since"), "\(resumed.output)")
    }
  }
}
