import Foundation
import NNFiles
import TestSupport
import Testing

/// Heads that `nn finetune` solves or searches for, up to the models they become.
@Suite struct HeadToolTests {
  private func number(_ name: String, in output: String) -> Double? {
    let rest = output.components(separatedBy: "'\(name)': ").last ?? ""
    return Double(rest.prefix { !",}".contains($0) })
  }

  private func weights(_ run: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: run + "/model.safetensors"))
  }

  /// A solved head is a model like any other: it is tested, predicts and is exported.
  @Test(arguments: [
    (["--head", "logistic"], "regularization: 0.", ["norm", "linear"]),
    (["--head", "logistic", "--regularization", "0.5", "--balance", "weights"], "regularization: 0.5", []),
    (["--head", "ridge", "--features", "several"], "features: several", ["norm", "linear"]),
    (["--head", "neighbors", "--neighbors", "3"], "neighbors: 3", ["neighbors"]),
    (
      ["--head", "prototypes", "--shots", "4", "--augment", "light", "--views", "2"], "head: prototypes",
      ["norm", "linear"]
    ),
  ])
  func aSolvedHeadBecomesAModel(options: [String], setting: String, parts: [String]) throws {
    try withTemporaryFolder { folder in
      try ImageFolders(folder, "photos").write(["circle", "square", "star"], count: 16)
      let run = folder.path + "/run"
      let finetune = ["finetune", "--data", folder.path + "/photos", "--arch", "shapesnet", "--seed", "1"]
      let solved = try nn(finetune + options + ["--output", run])
      try #require(solved.status == 0, "\(solved.output)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: run).sorted().contains("model.safetensors"))
      let config = try String(contentsOfFile: run + "/config.yaml", encoding: .utf8)
      #expect(config.contains(setting), "\(config)")
      let keys = try StateDict(contentsOf: run + "/model.safetensors").keys
      for part in parts { #expect(keys.contains { $0.hasPrefix("head.\(part).") }, "\(keys)") }

      let tested = try nn(["test", run])
      #expect(tested.status == 0, "\(tested.output)")
      let found = try #require(number("test_acc", in: solved.output))
      #expect(number("test_acc", in: tested.output) == found, "\(tested.output) \(solved.output)")
      let photo = try #require(
        FileManager.default.enumerator(atPath: folder.path + "/photos")?.compactMap { $0 as? String }
          .first { $0.hasSuffix(".png") })
      let predicted = try nn(["predict", run, folder.path + "/photos/" + photo, "--format", "csv"])
      #expect(predicted.status == 0, "\(predicted.output)")
      let exported = try nn(["export", run, "--output", folder.path + "/model.onnx"])
      #expect(exported.status == 0, "\(exported.output)")

      // What was found is in the run's configuration: it gives the same model.
      let again = try nn(
        ["finetune", "--config", run + "/config.yaml", "--output", folder.path + "/again"])
      #expect(again.status == 0, "\(again.output)")
      #expect(try weights(run) == weights(folder.path + "/again"))
    }
  }

  @Test func aSearchTakesTheBestHead() throws {
    try withTemporaryFolder { folder in
      try ImageFolders(folder, "photos").write(["circle", "square", "star"], count: 16)
      let run = folder.path + "/run"
      let searched = try nn([
        "finetune", "--data", folder.path + "/photos", "--arch", "shapesnet", "--epochs", "2", "--search",
        "--output", run,
      ])
      try #require(searched.status == 0, "\(searched.output)")
      let csv = try String(contentsOfFile: run + "/search.csv", encoding: .utf8).split(separator: "\n")
      #expect(csv[0] == "head,optimizer,lr,decay,val_acc,val_loss,train_acc,features")
      for (start, count) in [("batchnorm,", 10), ("linear,", 10), ("logistic,", 12), ("ridge,", 8)] {
        #expect(csv.count { $0.hasPrefix(start) } == count, "\(start)")
      }
      #expect(csv.count { $0.contains(" neighbors,") } == 8 && csv.count { $0.hasPrefix("prototypes,") } == 2)
      #expect(searched.output.contains(" won: right about "), "\(searched.output)")
      #expect(searched.output.contains("of 100 cases, so this "), "\(searched.output)")
      #expect(FileManager.default.fileExists(atPath: run + "/search.svg"))
      let best = csv[1].split(separator: ",", omittingEmptySubsequences: false)
      let config = try String(contentsOfFile: run + "/config.yaml", encoding: .utf8)
      let head = best[0].split(separator: " ").last ?? ""
      #expect(config.contains("head: \(head)") && config.contains("features: \(best[7])"), "\(config)")
      #expect(try nn(["test", run]).status == 0)
      let again = folder.path + "/again"
      let repeated = try nn(["finetune", "--config", run + "/config.yaml", "--output", again])
      #expect(repeated.status == 0, "\(repeated.output)")
      #expect(try weights(run) == weights(again))
    }
  }

  @Test func partsOfTheImagesAreMeasuredOn() throws {
    try withTemporaryFolder { folder in
      try ImageFolders(folder, "photos").write(["circle", "square", "star"], count: 16)
      let limited = try nn([
        "finetune", "--data", folder.path + "/photos", "--arch", "shapesnet", "--head", "ridge",
        "--validation-share", "0.3", "--limit-validation", "5", "--limit-test", "4", "--folds", "3",
        "--output",
        folder.path + "/run",
      ])
      #expect(limited.status == 0, "\(limited.output)")
      #expect(limited.output.contains("validation images, as limitValidation is 5"), "\(limited.output)")
      #expect(limited.output.contains("test images, as limitTest is 4"), "\(limited.output)")
      #expect(limited.output.contains("3 folds: val_acc "), "\(limited.output)")
    }
  }

  @Test(arguments: [
    (["--head", "logistic", "--epochs", "3"], "epochs: expected a head that is trained, found logistic"),
    (["--head", "ridge", "--search"], "search: expected no --head, as all are tried, found ridge"),
    (["--head", "ridge", "--fast-dev-run"], "fast-dev-run: expected a head that is trained, found ridge"),
    (["--head", "prototypes", "--phases", "head:1"], "phases: expected a head that is trained"),
    (["--head", "neighbors", "--mixup", "0.2"], "head: expected one that is trained, as images are mixed"),
    (["--head", "ridge", "--lora", "4"], "lora: expected a head that is trained, found the head ridge"),
    (["--lora", "4", "--phases", "head:1"], "lora: expected a run without phases"),
    (["--lora", "4", "--search"], "search: expected a network that stays as it is, found --lora 4"),
    (["--lora", "0"], "lora: expected a number in 1...1024, found 0"),
    (["--regularization", "0.1"], "regularization: expected the head logistic or ridge, found auto"),
    (["--head", "ridge", "--neighbors", "3"], "neighbors: expected the head neighbors, found ridge"),
    (["--head", "ridge", "--regularization", "0"], "regularization: expected a number above 0, found 0.0"),
  ])
  func mistakesAreNamedInOneLine(options: [String], message: String) throws {
    try withTemporaryFolder { folder in
      let answer = try nn(
        ["finetune", "--data", "/none", "--arch", "shapesnet", "--output", folder.path + "/run"] + options)
      #expect(answer.status != 0 && answer.output.contains(message), "\(answer.output)")
      #expect(answer.output.split(separator: "\n").count == 1, "\(answer.output)")
    }
  }
}
