import Foundation
import TestSupport
import Testing

/// `nn` in several processes.
@Suite(.serialized) struct ProcessToolTests {
  private static let environment = [
    "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_btl": "self,vader",
    "OMPI_MCA_oob_tcp_if_include": "lo", "OMPI_MCA_odls_base_sigkill_timeout": "2",
  ]

  private func run(_ arguments: [String]) throws -> Command {
    try Command(arguments, environment: Self.environment)
  }

  private static let small = ["--limit-train", "64", "--batch-size", "32", "--epochs", "1", "--seed", "3"]

  /// Started by itself and by a launcher: one speaks and writes, and both do the same.
  @Test func trainsInTwoProcesses() throws {
    try withTemporaryFolder { folder in
      var models: [Data] = []
      for isLaunched in [false, true] {
        let path = folder.path + "/\(isLaunched)"
        let train = [product("nn"), "train", "--output", path] + Self.small
        let command = isLaunched ? ["mpirun", "-n", "2"] + train : train + ["--processes", "2"]
        let trained = try run(command)
        try #require(trained.status == 0, "\(trained.output)")
        #expect(trained.output.components(separatedBy: "'test_acc':").count == 2, "\(trained.output)")
        models.append(try Data(contentsOf: URL(fileURLWithPath: path + "/model.safetensors")))
      }
      #expect(models[0] == models[1])

      let tested = try run(["mpirun", "-n", "2", product("nn"), "test", folder.path + "/true"])
      #expect(tested.status == 0, "\(tested.output)")
      #expect(tested.output.components(separatedBy: "'test_acc':").count == 2, "\(tested.output)")

      // The folder is taken: the first one says so for all.
      let again = try run(
        ["mpirun", "-n", "2", product("nn"), "train", "--output", folder.path + "/true"] + Self.small)
      #expect(again.status != 0)
      #expect(again.output.components(separatedBy: "rank 0: ").count == 2, "\(again.output)")
    }
  }

  @Test func refusesProcessesOfProcesses() throws {
    let refused = try run(["mpirun", "-n", "2", product("nn"), "train", "--processes", "2"])
    #expect(refused.status != 0)
    #expect(
      refused.output.contains("processes: expected one process that starts others, found one of 2"),
      "\(refused.output)")
    for wrong in ["0", "x"] {
      #expect(try run([product("nn"), "train", "--processes", wrong]).status == 64)
    }
  }
}
