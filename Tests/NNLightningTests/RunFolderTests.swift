import Foundation
import NNCore
import NNFiles
import NNLayers
import TestSupport
import Testing

import NNLightning

/// Folders that runs write to: who may, and what they find there.
@Suite struct RunFolderTests {
  @Test func aLockIsForOneAtATime() throws {
    try withTemporaryFolder { folder in
      let path = folder.path + "/run"
      let lock = try RunLock(path)
      let error = #expect(throws: RunLockError.self) { _ = try RunLock(path + "/") }
      #expect(error == .held(folder: path + "/", process: Int(getpid())))
      #expect(error?.description.contains("in use by process \(getpid())") == true)
      lock.release()
      let next = try RunLock(path)
      next.release()
      #expect(try FileManager.default.contentsOfDirectory(atPath: path).isEmpty)
    }
  }

  @Test func aLockOfADeadProcessIsTakenOver() throws {
    try withTemporaryFolder { folder in
      let path = folder.path
      // Another process holds it, and is killed.
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/bash")
      process.arguments = [
        "-c", "exec 9<>\"$0\"; flock 9; echo $$ >&9; echo; exec sleep 60", path + "/" + RunLock.fileName,
      ]
      let output = Pipe()
      process.standardOutput = output
      try process.run()
      _ = output.fileHandleForReading.readData(ofLength: 1)
      #expect(throws: RunLockError.held(folder: path, process: Int(process.processIdentifier))) {
        _ = try RunLock(path)
      }
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      #expect(FileManager.default.fileExists(atPath: path + "/" + RunLock.fileName))
      try RunLock(path).release()
      #expect(try FileManager.default.contentsOfDirectory(atPath: path).isEmpty)
    }
  }

  @Test func onlyWhatNobodyWritesIsRemoved() throws {
    try withTemporaryFolder { folder in
      let path = folder.path + "/file"
      let left = folder.path + "/.file.abc.nn-tmp"
      try Data(count: 100).write(to: URL(fileURLWithPath: left))
      try Data(count: 7).write(to: URL(fileURLWithPath: folder.path + "/.mine.tmp"))
      try AtomicFile.write(path) { file in
        // The one under way stays, that of a dead writer goes.
        #expect(AtomicFile.removeLeftovers(in: folder.path) == (1, 100))
        try file.write([1, 2, 3])
      }
      #expect(AtomicFile.removeLeftovers(in: folder.path) == (0, 0))
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      #expect(names == [".mine.tmp", "file"])
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data([1, 2, 3]))
    }
  }

  @Test func eventsOfARunWithoutCheckpointAreNotDoubled() throws {
    try withTemporaryFolder { folder in
      func files() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      }
      func fit(_ logger: TensorBoardLogger) throws {
        try Trainer(maxEpochs: 1, loggers: [logger], enableProgressBar: false)
          .fit(LinearNet(), train: points(9, seed: 1))
      }
      // What a killed one leaves: its file, and the mark.
      let old = "events.out.tfevents.1.2.swift-nn"
      try Data("old".utf8).write(to: folder.appendingPathComponent(old))
      try Data().write(to: folder.appendingPathComponent(".unsaved." + old))
      let foreign = "events.out.tfevents.7.foreign"
      try Data("mine".utf8).write(to: folder.appendingPathComponent(foreign))
      try fit(TensorBoardLogger(folder.path))
      let first = try files()
      #expect(first.count == 2 && first.contains(foreign) && !first.contains(old), "\(first)")
      // A fit that ended is kept by the next one.
      try fit(TensorBoardLogger(folder.path))
      #expect(try files().count == 3)
    }
  }

  @Test(arguments: [
    ("best.safetensors", true), ("epoch=1-step=2.safetensors", true), ("ä 1.safetensors", true), ("", false),
    (".", false), ("..", false), ("../x", false), ("a/b", false), ("/\u{301}x", false),
    ("../\u{301}x", false), ("a\\b", false), ("...", true), (".\u{301}", true),
    ("a\u{1b}b", false), ("a\u{0}b", false), ("a\nb", false), (String(repeating: "x", count: 256), false),
  ])
  func namesAreLookedAtByteByByte(name: String, isPlain: Bool) {
    #expect(isPlainFileName(name) == isPlain)
  }

  @Test(arguments: [
    ("a/b", ["a", "b"]), ("./a//b/", ["a", "b"]), ("./", []), ("a/\u{301}b", ["a", "\u{301}b"]), ("", nil),
    ("/a", nil), ("/\u{301}a", nil), ("../\u{301}a", nil), ("a/..", nil), ("a/\u{0}", nil), ("a\\..\\b", nil),
    ("a/" + String(repeating: "x", count: 256), nil),
  ])
  func pathsLeadDownOrAreRefused(path: String, components: [String]?) {
    #expect(componentsBelow(path) == components)
  }

  @Test(arguments: ["../\u{301}x", "a/b", ".."])
  func namesInACheckpointLeadNowhereElse(name: String) throws {
    struct Kept: Codable {
      var file: String
      var score = 0.0
      var metrics: Metrics = [:]
    }
    struct Record: Codable { var kept: [Kept] }
    struct Place: Codable {
      var name: String
      var size = 0
    }
    let checkpoint = ModelCheckpoint(directory: "nowhere")
    #expect(throws: CheckpointError.self) {
      try checkpoint.loadState(CallbackState(Record(kept: [Kept(file: name)])))
    }
    #expect(throws: CheckpointError.self) {
      try TensorBoardLogger("nowhere").loadState(CallbackState(Place(name: name)))
    }
  }

  /// Metric names with everything that a file or a terminal might take for something else.
  @Test func namesOfMetricsAreEscaped() throws {
    try withTemporaryFolder { folder in
      let metrics: Metrics = ["a/../b": 1, "c,\u{301}d": 2, "e\"f": 3, "\u{1b}[2Jg\n": 4]
      func log(_ step: Int, resume: CallbackState? = nil) throws -> CallbackState? {
        let logger = CSVLogger(folder.path + "/log.csv")
        let trainer = Trainer(enableProgressBar: false)
        logger.setup(trainer, LinearNet(), stage: .fit)
        if let resume { try logger.loadState(resume) }
        try logger.onFitStart(trainer, LinearNet())
        try logger.log(metrics, step: step, epoch: 0)
        return try logger.state()
      }
      let state = try log(1)
      _ = try log(2, resume: state)
      let text = try String(contentsOfFile: folder.path + "/log.csv", encoding: .utf8)
      #expect(
        text
          == "step,epoch,a/../b,\"c,\u{301}d\",\"e\"\"f\",\\u{1b}[2Jg\\u{a}\n1,0,1.0,2.0,3.0,4.0\n2,0,1.0,2.0,3.0,4.0\n"
      )
      #expect(
        metrics.description
          == "{'a/../b': 1.0000, 'c,\u{301}d': 2.0000, 'e\"f': 3.0000, '\\u{1b}[2Jg\\u{a}': 4.0000}")
    }
  }

  @Test func theTestOfAResumedRunKnowsItsEpoch() throws {
    try withTemporaryFolder { folder in
      func run() throws -> String {
        let log = folder.path + "/log.csv"
        let trainer = Trainer(
          maxEpochs: 3, callbacks: [ModelCheckpoint(directory: folder.path, monitor: nil)],
          loggers: [CSVLogger(log)], enableProgressBar: false)
        let net = withDefaultGenerator(Generator(seed: 1)) { LinearNet() }
        try trainer.fit(net, train: points(9, seed: 1), resume: .last)
        try trainer.test(net, points(9, seed: 2))
        return try String(contentsOfFile: log, encoding: .utf8)
      }
      let first = try run()
      let last = first.split(separator: "\n").last ?? ""
      #expect(last.hasPrefix("9,2,"))
      #expect(try run() == first)
    }
  }
}
