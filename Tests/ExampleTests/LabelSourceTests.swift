import Foundation
import NNCore
import TestSupport
import Testing

/// Where `nn` takes labels from besides folders.
@Suite struct LabelSourceTests {
  private static let quick = [
    "--arch", "shapesnet", "--image-size", "32", "--epochs", "1", "--batch-size", "16",
  ]

  /// Images of two classes in one folder, named as people name them.
  private func flat(_ folder: URL, count: Int = 10) throws -> ImageFolders {
    let data = ImageFolders(folder, "photos")
    for file in try data.write(["red cat", "dog"], count: count) {
      let parts = file.split(separator: "/")
      try FileManager.default.moveItem(
        atPath: "\(data.path)/\(file)", toPath: "\(data.path)/\(parts[0])_\(parts[1])")
    }
    for name in ["red cat", "dog"] { try FileManager.default.removeItem(atPath: "\(data.path)/\(name)") }
    return data
  }

  private func train(_ folder: URL, _ options: [String]) throws -> Command {
    try nn(["train", "--output", folder.path + "/run-\(UUID())"] + options + Self.quick)
  }

  @Test func jsonLinesTrain() throws {
    try withTemporaryFolder { folder in
      let data = try flat(folder)
      let lines = (0..<10).flatMap { number in
        ["red cat", "dog"].map {
          "{\"file_name\": \"\($0)_\(number).png\", \"kind\": \"\($0)\", \"size\": 9}"
        }
      }
      try data.write(Array(lines.joined(separator: "\n").utf8), to: "metadata.jsonl")
      let table = ["--labels", data.path + "/metadata.jsonl", "--label-column"]
      let run = try train(folder, table + ["kind"])
      #expect(run.status == 0 && counts("red cat", in: run.output) == [8, 1, 1], "\(run.output)")
      #expect(run.output.contains("not used: columns size of"), "\(run.output)")
      let wrong = try train(folder, table + ["kinds"])
      #expect(wrong.status == 1 && wrong.output.contains("did you mean \"kind\"?"), "\(wrong.output)")
      #expect(wrong.output.split(separator: "\n").count == 1, "\(wrong.output)")
    }
  }

  @Test func namesOfFilesTrain() throws {
    try withTemporaryFolder { folder in
      let data = try flat(folder)
      let images = ["--dataset", "folder", "--root", data.path, "--label-pattern"]
      let run = try train(folder, images + ["{label}_*.png"])
      #expect(run.status == 0 && counts("red cat", in: run.output) == [8, 1, 1], "\(run.output)")
      let some = try train(folder, images + ["{label}_?.png"])
      #expect(
        some.status == 1 && some.output.contains("expected images with names such as"), "\(some.output)")
      let none = try train(folder, images + ["*.png"])
      #expect(none.status == 1 && none.output.contains("expected {label} once"), "\(none.output)")
    }
  }

  /// Whatever is not of a chosen class takes no part.
  @Test func classesAreChosen() throws {
    try withTemporaryFolder { folder in
      let data = ImageFolders(folder, "photos")
      try data.write(["ant", "bee", "cow"])
      let images = ["--dataset", "folder", "--root", data.path, "--classes"]
      let run = try train(folder, images + ["cow, ant"])
      #expect(run.status == 0 && run.output.contains("2 classes"), "\(run.output)")
      #expect(counts("ant", in: run.output) == [6, 1, 1] && counts("bee", in: run.output) == nil)
      let wrong = try train(folder, images + ["cow,bees"])
      #expect(wrong.status == 1 && wrong.output.contains("found \"bee\""), "\(wrong.output)")
      #expect(wrong.output.split(separator: "\n").count == 1, "\(wrong.output)")
    }
  }
}
