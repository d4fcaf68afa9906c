import Foundation
import NNCore
import NNFiles
import TestSupport
import Testing

/// `nn` on images that have several labels, from the table to predictions.
@Suite struct MultiLabelToolTests {
  /// Images with the labels of two drawn classes, of both, and of none: told apart by shape and size.
  private func write(_ folder: URL) throws -> (data: ImageFolders, table: String) {
    let data = ImageFolders(folder, "photos")
    let files = try data.write(["circle", "square", "plain"], count: 20)
    let labels = ["circle": "round|shape", "square": "shape", "plain": ""]
    let rows = files.map { file in "\(file),\(labels[String(file.prefix { $0 != "/" })] ?? "")" }
    try data.write(Array((["file,labels"] + rows).joined(separator: "\n").utf8), to: "labels.csv")
    return (data, data.path + "/labels.csv")
  }

  @Test func severalLabelsFromTableToPredictions() throws {
    try withTemporaryFolder { folder in
      let (data, table) = try write(folder)
      let run = folder.path + "/run"
      let finetune = [
        "finetune", "--labels", table, "--multi-label", "--arch", "shapesnet", "--epochs", "6",
        "--batch-size", "8",
      ]
      let trained = try nn(finetune + ["--output", run, "--balance", "weights"])
      try #require(trained.status == 0, "\(trained.output)")
      #expect(counts("shape", in: trained.output) == [32, 4, 4], "\(trained.output)")
      #expect(
        counts("round", in: trained.output) == [16, 2, 2]
          && counts("no label", in: trained.output) == [16, 2, 2])
      #expect(
        trained.output.contains("48 images") && trained.output.contains("6 images"), "\(trained.output)")
      #expect(trained.output.contains("Frozen features: everything up to"), "\(trained.output)")
      #expect(trained.output.contains("Labels are named from these probabilities on"))
      let log = try String(contentsOfFile: run + "/log.csv", encoding: .utf8)
      #expect(log.contains("val_f1") && log.contains("val_map") && !log.contains("val_acc"))
      func value(_ name: String, _ output: String) -> Double? {
        Double((output.components(separatedBy: "'\(name)': ").last ?? "").prefix { !",}".contains($0) })
      }
      // Two drawn shapes and another one: far above chance (1/3 and 2/3 of the images).
      #expect(try #require(value("test_map", trained.output)) > 0.7, "\(trained.output)")
      let tested = try nn(["test", run])
      for name in ["test_f1", "test_map", "test_loss"] {
        #expect(value(name, tested.output) == value(name, trained.output), "\(tested.output)")
      }
      let report = try nn(["report", run])
      #expect(report.status == 0 && report.output.contains(" mAP"), "\(report.output)")

      // Every label from its threshold on, so from 0 on all of them, and from 1 on none.
      let image = data.path + "/circle/0.png"
      let all = try nn(["predict", run, image, "--threshold", "0", "--format", "csv"])
      #expect(all.output.split(separator: "\n").count == 3, "\(all.output)")
      let sum = all.output.split(separator: "\n").dropFirst().compactMap {
        Double($0.split(separator: ",")[2])
      }
      #expect(sum.allSatisfy { (0...1).contains($0) })
      let none = try nn(["predict", run, image, "--threshold", "1"])
      #expect(none.status == 0 && none.output.contains("  no label"), "\(none.output)")
      #expect(
        try nn(["predict", run, image, "--threshold", "0", "--top", "1"]).output.split(separator: "\n").count
          == 2)
      #expect(try nn(["predict", run, image]).status == 0)

      let saved = try StateDict(contentsOf: run + "/model.safetensors")
      let text = try #require(saved.metadata["model"])
      #expect(text.contains("\"thresholds\":[") && text.contains("swift-nn model 3"), "\(text)")
      let resumed = try nn(["finetune", "--resume", "--output", run, "--epochs", "7"])
      #expect(resumed.status == 0, "\(resumed.output)")
    }
  }

  @Test func mistakesAreNamed() throws {
    try withTemporaryFolder { folder in
      let (data, table) = try write(folder)
      let output = ["--arch", "shapesnet", "--epochs", "1", "--output", folder.path + "/run"]
      let single = try nn(["finetune", "--labels", table] + output)
      #expect(
        single.status == 1 && single.output.contains("expected a label for \"plain/0.png\""),
        "\(single.output)")
      let folders = try nn(["finetune", "--data", data.path, "--multi-label"] + output)
      #expect(
        folders.output.contains(
          "multiLabel: expected a table (--labels) or shards, found folders of classes"),
        "\(folders.output)")
      let search = try nn(["finetune", "--labels", table, "--multi-label", "--search"] + output)
      #expect(
        search.status == 1 && search.output.contains("expected images of one label each"), "\(search.output)")
      for answer in [single, folders, search] {
        #expect(answer.output.split(separator: "\n").count == 1, "\(answer.output)")
      }
      let run = folder.path + "/single"
      try #require(
        try nn([
          "finetune", "--data", data.path, "--arch", "shapesnet", "--epochs", "1", "--output", run,
        ]).status == 0)
      let predicted = try nn(["predict", run, data.path + "/circle/0.png", "--threshold", "0.5"])
      #expect(predicted.status == 1 && predicted.output.contains("expected a model of several labels"))
    }
  }
}
