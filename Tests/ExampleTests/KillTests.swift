import Foundation
import TestSupport
import Testing

/// Trainings of the command line that are killed again and again and resumed, against ones that are left alone.
@Suite(.serialized) struct KillTests {
  /// What a run leaves behind, without what measures time.
  private struct Outcome: Equatable {
    var model: Data
    var table: [[Substring]]
    var split: Data
    var events: [EventReader.Scalar]
    var files: [String]

    private static let timed: Set<Substring> = ["samples_per_second", "batches_per_second", "loading_share"]

    init(_ run: String) throws {
      func data(_ name: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: "\(run)/\(name)"))
      }
      model = try data("model.safetensors")
      split = try data("split.csv")
      let rows = try String(decoding: data("log.csv"), as: UTF8.self).split(separator: "\n").map {
        $0.split(separator: ",", omittingEmptySubsequences: false)
      }
      let kept = rows[0].indices.filter { !Self.timed.contains(rows[0][$0]) }
      table = rows.map { row in kept.map { row[$0] } }
      let boards = try FileManager.default.contentsOfDirectory(atPath: "\(run)/tensorboard")
      try #require(boards.count == 1, "\(boards)")
      events = try EventReader(data("tensorboard/\(boards[0])")).scalars
      for index in events.indices where Self.timed.contains(Substring(events[index].tag)) {
        events[index].value = nil
      }
      // The event file's name has time and process in it.
      files = try FileManager.default.subpathsOfDirectory(atPath: run).filter {
        !$0.hasPrefix("tensorboard/event")
      }.sorted()
    }
  }

  private enum Moment: CaseIterable { case anywhere, writing, early, late }

  private static let commands = [
    "train": [
      "train", "--dataset", "folder", "--root", "photos", "--arch", "shapesnet", "--image-size", "32",
      "--epochs", "6",
      "--batch-size", "8", "--ema", "0.9",
    ],
    "finetune": [
      "finetune", "--data", "photos", "--arch", "shapesnet", "--epochs", "12", "--batch-size", "8",
    ],
    "finetune with features on disk": [
      "finetune", "--data", "photos", "--arch", "shapesnet", "--epochs", "12", "--batch-size", "8", "--cache",
      "features",
    ],
  ]

  @Test(arguments: commands.keys.sorted())
  func aKilledRunLeavesWhatAnUninterruptedOneDoes(_ name: String) throws {
    let command = try #require(Self.commands[name])
    try withTemporaryFolder { folder in
      let path = folder.path
      try ImageFolders(folder, "photos").write(["a", "b", "c"], count: 16)
      let clock = ContinuousClock()
      let begin = clock.now
      let whole = try nn(command + ["--output", "whole"], in: folder)
      try #require(whole.status == 0, "\(whole.output)")
      let duration = (clock.now - begin) / .seconds(1)
      let expected = try Outcome("\(path)/whole")
      var (kills, round) = (0, 0)
      while kills < 16 {
        let run = "run\(round)"
        var interrupted = 0
        try? FileManager.default.removeItem(atPath: "\(path)/features")
        for moment in Moment.allCases.shuffled().prefix(3) {
          let process = Process()
          process.executableURL = URL(fileURLWithPath: product("nn"))
          process.arguments = command + ["--output", run] + (interrupted > 0 ? ["--resume"] : [])
          process.currentDirectoryURL = folder
          process.standardOutput = FileHandle.nullDevice
          process.standardError = FileHandle.nullDevice
          try process.run()
          Self.wait(moment, duration, process, "\(path)/\(run)")
          if process.isRunning {
            kill(process.processIdentifier, SIGKILL)
            interrupted += 1
          }
          process.waitUntilExit()
          if process.terminationReason == .exit { break }
        }
        kills += interrupted
        let last = try nn(command + ["--output", run] + (interrupted > 0 ? ["--resume"] : []), in: folder)
        // A run that came to its end before it could be killed is there already.
        try #require(last.status == 0 || interrupted == 0, "\(last.output)")
        #expect(try Outcome("\(path)/\(run)") == expected, "\(run)")
        let features = (try? FileManager.default.subpathsOfDirectory(atPath: "\(path)/features")) ?? []
        #expect(
          features.allSatisfy { !$0.split(separator: "/").contains { $0.hasPrefix(".") } }, "\(features)")
        round += 1
      }
    }
  }

  /// Waits for the moment of the kill.
  private static func wait(_ moment: Moment, _ duration: Double, _ process: Process, _ run: String) {
    switch moment {
    case .anywhere: Thread.sleep(forTimeInterval: .random(in: 0...duration))
    case .early: Thread.sleep(forTimeInterval: .random(in: 0...duration * 0.3))
    case .late: Thread.sleep(forTimeInterval: .random(in: duration * 0.8...duration))
    case .writing:
      // Files that are being written have names that begin with a dot.
      func isWriting() -> Bool {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: run)) ?? []
        return names.contains { $0.hasPrefix(".") && $0 != ".run-lock" }
      }
      while process.isRunning, !isWriting() {}
    }
  }
}
