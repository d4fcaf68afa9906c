import NNCore
import Foundation
import NNFiles
import TestSupport
import Testing

/// Real processes, which `mpirun` starts.
@Suite(.serialized) struct MPITests {
  /// What a run leaves.
  private struct Outcome: Equatable {
    var weights: [Float]
    var metrics: String
    init(_ folder: URL) throws {
      weights = try StateDict(contentsOf: folder.path + "/final.safetensors").flatMap {
        $0.value.array(of: Float.self)
      }
      metrics = try String(contentsOf: folder.appendingPathComponent("metrics.txt"), encoding: .utf8)
    }
  }

  /// More processes than processors, as root, on this machine alone; only tests want that.
  private static let environment = [
    "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_btl": "self,vader",
    "OMPI_MCA_oob_tcp_if_include": "lo",
    "OMPI_MCA_odls_base_sigkill_timeout": "2", "NN_PROCESS_SILENCE": "5", "NN_THREADS": "1",
  ]

  private static func arguments(_ count: Int, _ folder: URL, _ options: [String]) -> [String] {
    (count > 1 ? ["mpirun", "-n", "\(count)"] : []) + [product("ProcessProbe"), folder.path] + options
  }

  private func run(_ count: Int, _ folder: URL, _ options: String...) throws -> Command {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return try Command(Self.arguments(count, folder, options), environment: Self.environment)
  }

  private func outcome(_ count: Int, _ folder: URL, _ options: String...) throws -> Outcome {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let run = try Command(Self.arguments(count, folder, options), environment: Self.environment)
    try #require(run.status == 0, "\(run.output)")
    // The first process speaks for all.
    #expect(run.output.components(separatedBy: "processes ").count == 2, "\(run.output)")
    return try Outcome(folder)
  }

  /// The last line that tells the cause; `mpirun` adds lines of its own.
  private func expectEnd(_ run: Command, _ cause: String) {
    #expect(run.status != 0)
    let lines = run.output.split(separator: "\n").filter { $0.contains(cause) }
    #expect(lines.count == 1, "\(run.output)")
  }

  /// 100 steps, the last batch of an epoch being a smaller one.
  @Test(arguments: [2, 3]) func trainsAsOneProcessAndTwiceTheSame(count: Int) throws {
    try withTemporaryFolder { folder in
      let alone = try outcome(1, folder.appendingPathComponent("alone"))
      let first = try outcome(count, folder.appendingPathComponent("first"))
      #expect(try outcome(count, folder.appendingPathComponent("second")) == first)
      #expect(DataParallelTests.difference(alone.weights, first.weights) < 1e-6)
    }
  }

  @Test func goesOnExactlyWhereAllWereKilled() throws {
    try withTemporaryFolder { folder in
      let whole = try outcome(2, folder.appendingPathComponent("whole"), "dropout=1", "steps=40")
      let killed = folder.appendingPathComponent("killed")
      // Of the death of one `mpirun` ends all.
      let end = try run(2, killed, "dropout=1", "steps=40", "every=3", "die=1:20")
      expectEnd(end, "process rank 1 with PID")
      #expect(try outcome(2, killed, "dropout=1", "steps=40", "resume=1") == whole)
    }
  }

  @Test(arguments: [
    (
      "shape=1",
      "rank 1: expected the model of rank 0 (a.weight [16, 6] float32), found a.weight [17, 6]"
    ),
    (
      "settings=2",
      "rank 2: expected the settings of rank 0 (optimizer SGD with learning rates [0.1])"
    ),
    (
      "data=1",
      "rank 1: expected the training data of rank 0 (90 elements of Points), found 89"
    ),
    ("fail=2:5", "rank 2: no luck"),
    ("crowd=0:5", "rank 0: "),
  ])
  func endsOfOneAreTold(option: String, cause: String) throws {
    try withTemporaryFolder { folder in expectEnd(try run(3, folder, option, "every=1"), cause) }
  }

  /// A process that is stopped gives no sign of life.
  @Test func aProcessThatHangsIsTold() throws {
    try withTemporaryFolder { folder in
      let clock = ContinuousClock()
      let start = clock.now
      expectEnd(try run(2, folder, "hang=1:7", "every=1"), "rank 1: expected a sign of life")
      #expect(clock.now - start < .seconds(30))
      // The last checkpoint is whole.
      _ = try outcome(2, folder, "resume=1", "steps=12")
    }
  }

  /// One process gets the signal, and all stop behind the same step.
  @Test func anInterruptedTrainingIsSaved() throws {
    try withTemporaryFolder { folder in
      let whole = try outcome(2, folder.appendingPathComponent("whole"), "steps=60")
      let stopped = folder.appendingPathComponent("stopped")
      let run = try run(2, stopped, "steps=60", "interrupt=1:7")
      #expect(run.status == 130, "\(run.output)")
      #expect(!FileManager.default.fileExists(atPath: stopped.path + "/final.safetensors"))
      #expect(try outcome(2, stopped, "steps=60", "resume=1") == whole)
    }
  }
}
