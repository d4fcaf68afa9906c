import Foundation
import NNData
import TestSupport
import Testing

/// `nn` with images in archives and shards.
@Suite struct ArchiveToolTests {
  private static let quick = [
    "--arch", "shapesnet", "--image-size", "32", "--epochs", "1", "--batch-size", "8",
  ]

  private func train(_ folder: URL, _ options: [String]) throws -> Command {
    try nn(
      ["train", "--output", folder.path + "/run-\(UUID())", "--dataset", "folder"] + options + Self.quick)
  }

  /// The same as folders give, in all that is printed.
  @Test(arguments: ["photos.zip", "photos.tar", "photos.tar.gz"])
  func archivesTrainAsFoldersDo(_ name: String) throws {
    try withTemporaryFolder { folder in
      let data = ImageFolders(folder, "photos")
      let files = try data.write(["circle", "square"], count: 10)
      var content: [(name: String, content: [UInt8])] = []
      for file in files.shuffled() {
        content.append(
          ("photos/" + file, try bytes(data.path + "/" + file)))
      }
      let tar = storedTar(content.map { TarEntry(bytes: Array($0.name.utf8), content: $0.content) })
      let bytes =
        name.hasSuffix(".zip") ? storedZip(content) : name.hasSuffix(".gz") ? storedGzip(tar) : Data(tar)
      let archive = folder.path + "/" + name
      try bytes.write(to: URL(fileURLWithPath: archive))

      let packed = try train(folder, ["--root", archive, "--skip-damaged"])
      #expect(packed.status == 0 && counts("circle", in: packed.output) == [8, 1, 1], "\(packed.output)")
      let again = try nn(["check", archive])
      #expect(again.status == 0 && again.output.contains("20 images, nothing found"), "\(again.output)")
    }
  }

  @Test func shardsTrainAndPredict() throws {
    try withTemporaryFolder { folder in
      let shapes = SyntheticShapes(count: 200)
      func shard(_ path: String, _ indices: Range<Int>) throws {
        let entries = indices.filter { shapes.targets[$0] < 2 }.flatMap { index in
          [
            TarEntry(bytes: Array("\(index).png".utf8), content: shapes.image(at: index).pngData()),
            TarEntry(
              "\(index).json", content: "{\"label\": \"\(shapes.classes[shapes.targets[index]])\"}"),
          ]
        }
        let url = URL(fileURLWithPath: folder.path + "/" + path)
        try FileManager.default.createDirectory(
          at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(storedTar(entries)).write(to: url)
      }
      try shard("shards/s-000.tar", 0..<70)
      try shard("shards/s-001.tar", 70..<140)
      let pattern = folder.path + "/shards/s-{000..001}.tar"
      let run = folder.path + "/run"
      let trained = try nn(
        ["finetune", "--data", pattern, "--arch", "shapesnet", "--epochs", "1", "--output", run])
      #expect(trained.status == 0 && trained.output.contains("2 classes"), "\(trained.output)")
      let split = try String(contentsOfFile: run + "/split.csv", encoding: .utf8)
      #expect(split.contains("s-001.tar/"))
      let resumed = try nn(["finetune", "--resume", "--output", run, "--epochs", "2"])
      #expect(
        resumed.status == 0 && !resumed.output.contains("new since")
          && !resumed.output.contains("missing since"), "\(resumed.output)")
      let predicted = try nn(["predict", run, folder.path + "/shards/s-000.tar", "--top", "1"])
      #expect(predicted.status == 0 && predicted.output.contains("s-000.tar/"), "\(predicted.output)")

      try shard("parts/train-000.tar", 0..<80)
      try shard("parts/val-000.tar", 80..<140)
      let parts = try train(folder, ["--root", folder.path + "/parts"])
      #expect(parts.status == 0 && parts.output.contains("validation: "), "\(parts.output)")
      #expect(parts.output.contains("parts, 1 shard"), "\(parts.output)")

      try shard("parts/more.tar", 140..<160)
      let mixed = try train(folder, ["--root", folder.path + "/parts"])
      #expect(
        mixed.status == 1 && mixed.output.contains("in the names of all shards or of none, found more.tar"),
        "\(mixed.output)")
      #expect(mixed.output.split(separator: "\n").count == 1, "\(mixed.output)")
    }
  }

  /// Published data sets by name, from files that are there: nothing is downloaded.
  @Test func publishedDataSetsTrain() throws {
    try withTemporaryFolder { folder in
      let data = ImageFolders(folder, "data")
      let files = try data.write(["circle", "square"], count: 10, below: "dtd/dtd/images")
      let photos = try files.map { file in
        (name: file.replacing("dtd/dtd/images", with: "2750"), content: try bytes(data.path + "/" + file))
      }
      try data.write([UInt8](storedZip(photos)), to: "eurosat/EuroSAT.zip")
      func train(_ name: String) throws -> Command {
        try nn(
          ["train", "--output", folder.path + "/run-\(name)", "--dataset", name, "--root", data.path]
            + Self.quick)
      }
      let cut = try train("eurosat")
      #expect(cut.status == 0 && counts("2 classes", in: cut.output) == [16, 2, 2], "\(cut.output)")
      for (part, range) in [("train", 0..<6), ("val", 6..<8), ("test", 8..<10)] {
        let lines = ["circle", "square"].flatMap { name in range.map { "\(name)/\($0).png\n" } }
        try data.write(Array(lines.joined().utf8), to: "dtd/dtd/labels/\(part)1.txt")
      }
      let given = try train("dtd")
      #expect(given.status == 0 && counts("2 classes", in: given.output) == [12, 4, 4], "\(given.output)")
      #expect(given.output.contains("validation: dtd, validation images"), "\(given.output)")
      let missing = try train("fer2013")
      #expect(
        missing.status == 1 && missing.output.contains("from Kaggle, not downloaded"), "\(missing.output)")
      let wrong = try train("eurosatt")
      #expect(wrong.status != 0 && wrong.output.contains("eurosat"), "\(wrong.output)")
    }
  }

  private func bytes(_ path: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  @Test func whatIsNoArchiveIsRefused() throws {
    try withTemporaryFolder { folder in
      let path = folder.path + "/photos.zip"
      try Data("PK\u{3}\u{4}".utf8).write(to: URL(fileURLWithPath: path))
      let refused = try train(folder, ["--root", path])
      #expect(refused.status == 1 && refused.output.contains("photos.zip: expected"), "\(refused.output)")
      #expect(refused.output.split(separator: "\n").count == 1, "\(refused.output)")
    }
  }
}
