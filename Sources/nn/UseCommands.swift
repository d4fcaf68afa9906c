import ArgumentParser
import Foundation
import NNCore
import NNData
import NNLightning

struct TestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test", abstract: "Tests the best checkpoint of a run on its test images.")

  @Argument(help: "Folder of the run.")
  var folder: String
  @Option(help: "Checkpoint to test instead of the best one.")
  var checkpoint: String?

  func run() throws {
    let settings = try RunConfiguration(contentsOf: folder + "/config.yaml")
    try settings.check()
    let data = try RunData(settings)
    // All weights come from the checkpoint.
    let model = try RunModel(
      settings, classes: data.classes, batchesPerEpoch: data.batchesPerEpoch, loadsWeights: false)
    let path = checkpoint ?? folder + "/best.safetensors"
    let state = try Checkpoint(contentsOf: path).model
    do {
      try model.loadStateDict(state)
    } catch {
      throw CommandError("\(path): \(error)")
    }
    let trainer = Trainer()
    try trainer.test(model, data.test)
    print(trainer.callbackMetrics)
  }
}

struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Names what is in images (JPEG or PNG), with a model that nn train or nn finetune wrote.")

  @Argument(help: "Folder of a run, or its model.safetensors.")
  var model: String
  @Argument(help: "Image files.")
  var images: [String]
  @Option(help: "How many classes to name per image.")
  var top = 3

  func validate() throws {
    if images.isEmpty { throw ValidationError("expected at least one image file") }
    if top < 1 { throw ValidationError("--top: expected a number of at least 1, found \(top)") }
  }

  func run() throws {
    let saved = try SavedModel(contentsOf: model)
    for path in images {
      let probabilities = saved.probabilities(try Image(contentsOfFile: path))
      let order = probabilities.indices.sorted { (probabilities[$1], $0) < (probabilities[$0], $1) }
      print(path)
      for place in order.prefix(top) {
        print(String(format: "  %.3f  ", probabilities[place]) + saved.description.classes[place])
      }
    }
  }
}

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Sets runs beside each other: best and last metrics, and where the report is.")

  @Argument(help: "Folders of runs.")
  var runs: [String]

  func validate() throws {
    if runs.isEmpty { throw ValidationError("expected at least one folder of a run") }
  }

  func run() throws {
    let head = ["run", "arch", "steps", "best val_loss", "best val_acc", "test_acc", "report"]
    let rows = try runs.map { run in
      let settings = try RunConfiguration(contentsOf: run + "/config.yaml")
      let log = try RunLog(run + "/log.csv")
      func text(_ value: Double?) -> String { value.map { String(format: "%.4f", $0) } ?? "-" }
      let report = run + "/report.html"
      return [
        run, settings.arch, log.last("step").map { "\(Int($0))" } ?? "-", text(log.values("val_loss").min()),
        text(log.values("val_acc").max()), text(log.last("test_acc")),
        FileManager.default.fileExists(atPath: report) ? report : "-",
      ]
    }
    print(textTable(head, rows, rightAligned: [2, 3, 4, 5]))
  }
}

/// The table that a run logged.
private struct RunLog {
  private let head: [String]
  private let rows: [[String]]

  init(_ path: String) throws {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw CommandError("\(path): expected the log of a run, found none")
    }
    let lines = text.split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    head = lines.first ?? []
    rows = Array(lines.dropFirst())
  }

  func values(_ name: String) -> [Double] {
    guard let column = head.firstIndex(of: name) else { return [] }
    return rows.compactMap { column < $0.count ? Double($0[column]) : nil }
  }

  func last(_ name: String) -> Double? { values(name).last }
}
