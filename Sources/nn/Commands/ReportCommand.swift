import ArgumentParser
import Foundation
import NNCore
import NNLightning

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Sets runs beside each other: images, best and last metrics, and where the report is.")

  @Argument(help: "Folders of runs.")
  var runs: [String]

  func validate() throws {
    if runs.isEmpty { throw ValidationError("expected at least one folder of a run") }
  }

  func run() throws {
    let head = [
      "run", "arch", "images", "steps", "best val_loss", "best val_acc", "test_acc", "report",
    ]
    let rows = try runs.map { name in
      let run = RunFolder(name)
      let settings = try RunConfiguration(contentsOf: run.config)
      let log = try RunLog(run.log)
      func text(_ value: Double?) -> String { value.map { String(format: "%.4f", $0) } ?? "-" }
      var images = "-"
      if FileManager.default.fileExists(atPath: run.split) {
        var files = try SplitFiles(kept: run.split, isMultiLabel: settings.multiLabel)
        do {
          try files.compareWithFolder(settings, ImageSource(settings.root))
        } catch {
          say("\(printable(run.path)): \(error)")
        }
        images = SplitPart.allCases.map { part in "\(files.files.count { $0.part == part })" }
          .joined(separator: "/")
        for note in files.notes { say("\(printable(run.path)): \(note)") }
      }
      return [
        printable(run.path), printable(settings.arch), images,
        log.last("step").map { String(format: "%.0f", $0) } ?? "-", text(log.values("val_loss").min()),
        text(log.values(settings.multiLabel ? "val_map" : "val_acc").max())
          + (settings.multiLabel ? " mAP" : ""),
        text(log.last(settings.multiLabel ? "test_map" : "test_acc")),
        FileManager.default.fileExists(atPath: run.report) ? printable(run.report) : "-",
      ]
    }
    print(textTable(head, rows, rightAligned: [2, 3, 4, 5, 6]))
  }
}

/// The table that a run logged.
private struct RunLog {
  private let head: [String]
  private let rows: [[String]]

  init(_ path: String) throws {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw CommandError("\(printable(path)): expected the log of a run, found none")
    }
    let lines = text.split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    head = lines.first ?? []
    rows = Array(lines.dropFirst())
  }

  /// The finite numbers of a column.
  func values(_ name: String) -> [Double] {
    guard let column = head.firstIndex(of: name) else { return [] }
    return rows.compactMap { column < $0.count ? Double($0[column]) : nil }.filter(\.isFinite)
  }

  func last(_ name: String) -> Double? { values(name).last }
}
