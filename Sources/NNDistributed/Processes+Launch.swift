import Foundation
import NNCore
import NNFiles

extension Processes {
  /// Becomes `mpirun`, which starts so many processes of this program on this machine, with its arguments. The processors are
  /// divided among them.
  ///
  /// - Parameter arguments: of the program, without its name.
  /// - Throws: ``LaunchError`` if that cannot be; otherwise it does not come back.
  public static func relaunch(_ count: Int, arguments: [String]) throws -> Never {
    guard count >= 1 else { throw LaunchError.count(count) }
    guard launchedCount == 1 else { throw LaunchError.launched(launchedCount) }
    guard let launcher else { throw LaunchError.noLauncher }
    let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let processors = ProcessInfo.processInfo.activeProcessorCount
    // Without bounds: a process's threads go where there is room.
    var all = [launcher, "-n", "\(count)", "--bind-to", "none"]
    if count > processors { all.append("--oversubscribe") }
    all += [program ?? CommandLine.arguments[0]] + arguments
    setenv("NN_THREADS", "\(max(1, processors / count))", 0)
    // Seconds to finish a step and to save, behind Ctrl-C; a run that fails ends after as many.
    setenv("OMPI_MCA_odls_base_sigkill_timeout", "10", 0)
    let words = all.map { strdup($0) } + [nil]
    execv(launcher, words)
    throw LaunchError.notStarted(systemMessage())
  }

  /// This process ends by an error: the others end, too, and one line says why.
  ///
  /// - Returns: whether the line was written; not where there is only one process.
  public static func abort(_ error: any Error) -> Bool {
    guard let group = current else { return false }
    // What all find by themselves the first one says.
    if group.rank > 0 {
      let limit = Date(timeIntervalSinceNow: 0.5)
      while group.problem == nil, Date() < limit { usleep(1_000) }
    }
    group.abort("\(error)")
    return true
  }
}

/// Why several processes cannot be started.
public enum LaunchError: Error, Equatable, CustomStringConvertible {
  case count(Int)
  /// A launcher has started several already.
  case launched(Int)
  case noLauncher
  case notStarted(String)

  public var description: String {
    switch self {
    case .count(let count): "processes: expected at least 1, found \(count)"
    case .launched(let count):
      "processes: expected one process that starts others, found one of \(count) that a launcher started"
    case .noLauncher:
      "processes: expected mpirun on the PATH, found none; on Debian: apt-get install openmpi-bin"
    case .notStarted(let reason): "processes: expected that mpirun starts, found: \(reason)"
    }
  }
}
