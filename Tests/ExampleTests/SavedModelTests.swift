import Foundation
import NNCore
import NNData
import NNLayers
import NNModels
import TestSupport
import Testing

/// A saved model is the trained function, whoever uses it.
@Suite struct SavedModelTests {
  private func finetune(_ data: ImageFolders, _ options: [String]) throws -> Command {
    try nn(["finetune", "--data", data.path, "--epochs", "2", "--batch-size", "8"] + options)
  }

  private func number(_ name: String, in output: String) -> Double? {
    let rest = output.components(separatedBy: "'\(name)': ").last ?? ""
    return Double(rest.prefix { !",}".contains($0) })
  }

  /// Weights that separate images somewhat, without training: drawn.
  private func writeWeights(_ arch: String, to path: String) throws {
    try withDefaultGenerator(Generator(seed: 1)) { try makeModel(arch) }.stateDict().write(pth: path)
  }

  /// What the exported file says is what the training did.
  @Test func anExportCarriesThePreprocessingOfTheTraining() throws {
    try withTemporaryFolder { folder in
      let (data, run, onnx) = (ImageFolders(folder, "photos"), folder.path + "/run", folder.path + "/m.onnx")
      try data.write(["circle", "square"], size: (48, 64))
      let weights = folder.path + "/weights.pth"
      try writeWeights("squeezenet1_1", to: weights)
      let trained = try finetune(
        data, ["--arch", "squeezenet1_1", "--weights", weights, "--output", run])
      try #require(trained.status == 0, "\(trained.output)")
      try #require(try nn(["export", run, "--output", onnx]).status == 0)
      let file = try ONNXFile(onnx)
      #expect(file.inputs.map(\.shape) == [["batch", "3", "224", "224"]])
      #expect(file.metadata["image_size"] == "224" && file.metadata["classes"] == "[\"circle\",\"square\"]")
      #expect(file.metadata["mean"] == "[0.485,0.456,0.406]" && file.metadata["std"] == "[0.229,0.224,0.225]")
      let preprocessing = try #require(file.metadata["preprocessing"])
      #expect(preprocessing.contains("\"resize\":256") && preprocessing.contains("\"fit\":\"shorterSide\""))
      // A checkpoint is a model, too.
      let last = folder.path + "/last.onnx"
      let exported = try nn(["export", run + "/last.safetensors", "--output", last])
      #expect(exported.status == 0 && exported.output.contains("squeezenet1_1"), "\(exported.output)")
    }
  }

  /// GoogLeNet's official file brings its images to another normalisation, which is no weight.
  @Test func whatIsNotInTheStateDictIsSavedToo() throws {
    try withTemporaryFolder { folder in
      let (data, run) = (ImageFolders(folder, "photos"), folder.path + "/run")
      try data.write(["a", "b"], count: 5)
      let weights = folder.path + "/googlenet-1378be20.pth"
      try writeWeights("googlenet", to: weights)
      let trained = try finetune(data, ["--arch", "googlenet", "--weights", weights, "--output", run])
      try #require(trained.status == 0, "\(trained.output)")
      for source in [[], ["--checkpoint", run + "/best.safetensors"]] {
        let tested = try nn(["test", run] + source)
        #expect(tested.status == 0, "\(tested.output)")
        #expect(number("test_loss", in: tested.output) == number("test_loss", in: trained.output))
      }
    }
  }

  /// One's own run is a start for another: with new classes, and the preprocessing that it had.
  @Test func aRunIsTunedFurther() throws {
    try withTemporaryFolder { folder in
      let (first, second) = (ImageFolders(folder, "first"), ImageFolders(folder, "second"))
      try first.write(["a", "b"])
      try second.write(["x", "y", "z"])
      let weights = folder.path + "/weights.pth"
      try writeWeights("squeezenet1_1", to: weights)
      let run = folder.path + "/run"
      try #require(
        try finetune(first, ["--arch", "squeezenet1_1", "--weights", weights, "--output", run]).status == 0)
      let (named, direct) = (folder.path + "/named", folder.path + "/direct")
      let further = try finetune(second, ["--weights", run, "--output", named])
      #expect(further.status == 0, "\(further.output)")
      // The frozen backbone is that of the first file.
      let plain = try finetune(
        second, ["--arch", "squeezenet1_1", "--weights", weights, "--output", direct])
      #expect(number("test_loss", in: further.output) == number("test_loss", in: plain.output))
      let other = try finetune(
        second, ["--arch", "resnet18", "--weights", run, "--output", folder.path + "/other"])
      #expect(
        other.status == 1
          && other.output.contains("expected weights of resnet18, found a model of squeezenet1_1"),
        "\(other.output)")
    }
  }

  /// Files of the first format have no traits, and a preset or two flags as preprocessing.
  @Test func modelsOfTheFirstFormatAreRead() throws {
    try withTemporaryFolder { folder in
      let (path, picture) = (folder.path + "/model.safetensors", folder.path + "/p.png")
      try SyntheticShapes(count: 1).image(at: 0).writePNG(toFile: picture)
      func write(_ description: String) throws {
        try ShapesNet(classes: 2).stateDict().write(safetensors: path, metadata: ["model": description])
      }
      let start = "{\"format\":\"swift-nn model 1\",\"arch\":\"shapesnet\",\"classes\":[\"a\",\"b\"],"
      try write(start + "\"imageSize\":32,\"normalize\":true,\"libraryVersion\":\"0.1.0\"}")
      #expect(try nn(["predict", path, picture]).status == 0)
      for (rest, message) in [
        ("\"normalize\":true}", "expected a model that nn wrote"),
        (
          "\"imageSize\":0,\"normalize\":true,\"libraryVersion\":\"\"}",
          "expected a preprocessing with sizes in 1...10000"
        ),
        (
          "\"imageSize\":1099511627776,\"normalize\":true,\"libraryVersion\":\"\"}",
          "found resize 1099511627776"
        ),
      ] {
        try write(start + rest)
        let refused = try nn(["predict", path, picture])
        #expect(refused.status == 1 && refused.output.contains(message), "\(refused.output)")
        #expect(refused.output.split(separator: "\n").count == 1, "\(refused.output)")
      }
      try write("{\"format\":\"swift-nn model 9\"}")
      #expect(try nn(["predict", path, picture]).output.contains("a newer version wrote it"))
    }
  }

  // MARK: Prediction

  @Test func predictionsGoOnAfterABadFile() throws {
    try withTemporaryFolder { folder in
      let (data, run) = (ImageFolders(folder, "photos"), folder.path + "/run")
      let files = try data.write(["a", "b"], count: 4)
      try #require(
        try nn([
          "train", "--dataset", "folder", "--root", data.path, "--output", run, "--arch", "shapesnet",
          "--image-size", "32", "--epochs", "1",
        ]).status == 0)
      try data.write([1, 2, 3], to: "a/bad.png")
      try data.write([1, 2, 3], to: "a/.hidden.png")
      let output = { (options: [String]) in try nn(["predict", run] + options) }

      let whole = try output([data.path, "--top", "1", "--batch-size", "3"])
      #expect(whole.status == 1 && whole.output.contains("1 of 9 could not be named"), "\(whole.output)")
      #expect(!whole.output.contains(".hidden.png") && whole.output.contains("a/bad.png"))
      for file in files { #expect(whole.output.contains("\(data.path)/\(file)\n  "), "\(whole.output)") }

      let table = try output([data.path + "/b/*.png", "--format", "csv", "--top", "2"])
      let rows = table.output.split(separator: "\n")
      #expect(table.status == 0 && rows.count == 9 && rows[0] == "file,class,probability", "\(table.output)")

      let json = try output([data.path + "/" + files[0], "/none.png", "--format", "json"])
      #expect(json.status == 1)
      let start = try #require(json.output.firstIndex(of: "["))
      let text = json.output[start...(try #require(json.output.lastIndex(of: "]")))]
      let answers = try #require(
        try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]], "\(json.output)")
      #expect(answers.count == 2 && (answers[0]["predictions"] as? [[String: Any]])?.count == 2)
      #expect((answers[1]["error"] as? String)?.contains("no such file") == true)

      // One image alone and in a batch has the same probabilities.
      let single = try output([data.path + "/" + files[5], "--format", "csv"])
      let line = try #require(single.output.split(separator: "\n").last)
      let all = try output([data.path + "/b", "--format", "csv"])
      #expect(all.output.split(separator: "\n").contains(line), "\(all.output)")
    }
  }

  @Test(arguments: [
    (["--top", "0"], "--top: expected a number in 1..."), (["--batch-size", "0"], "--batch-size: expected"),
    (["--format", "xml"], "--format"),
  ])
  func mistakesAreNamed(options: [String], message: String) throws {
    let answer = try nn(["predict", "/none", "a.png"] + options)
    #expect(answer.status == 64 && answer.output.contains(message), "\(answer.output)")
  }

  /// A class called by an escape sequence cannot write to a terminal.
  @Test func namesFromOutsideAreShownEscaped() throws {
    try withTemporaryFolder { folder in
      let data = ImageFolders(folder, "photos")
      try data.write(["a\u{1b}]0;x\u{7}", "b"])
      let run = folder.path + "/run"
      let trained = try nn([
        "train", "--dataset", "folder", "--root", data.path, "--output", run, "--arch", "shapesnet",
        "--image-size", "32", "--epochs", "1",
      ])
      let named = try nn(["predict", run, data.path])
      for command in [trained, named] {
        #expect(command.status == 0 && !command.output.contains("\u{1b}"), "\(command.output)")
        #expect(command.output.contains("a\\u{1b}]0;x\\u{7}"))
      }
    }
  }
}
