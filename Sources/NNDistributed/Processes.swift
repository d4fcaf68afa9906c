import Foundation
import NNCore
import NNLightning
import Synchronization

/// The processes that a launcher started: `mpirun -n 4 program`, or `srun`.
///
///     let trainer = Trainer(strategy: try Processes.start())
///
/// Where there is no launcher this is one process, and MPI is not touched.
public enum Processes {
  /// How many the launcher says that there are; 1 without one.
  public static var launchedCount: Int {
    let environment = ProcessInfo.processInfo.environment
    // Of Open MPI, of MPICH and of Slurm with PMI or PMIx.
    for name in ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"] {
      if let count = environment[name].flatMap({ Int($0) }) { return max(1, count) }
    }
    guard environment["PMIX_RANK"] != nil || environment["PMI_RANK"] != nil else { return 1 }
    return environment["SLURM_NTASKS"].flatMap { Int($0) }.map { max(1, $0) } ?? 1
  }

  /// Processes on this machine.
  private static var localCount: Int {
    let environment = ProcessInfo.processInfo.environment
    for name in ["OMPI_COMM_WORLD_LOCAL_SIZE", "SLURM_NTASKS_PER_NODE"] {
      if let count = environment[name].flatMap({ Int($0) }) { return max(1, count) }
    }
    return 1
  }

  private static let started = Mutex<ProcessGroup?>(nil)
  static var current: ProcessGroup? { started.withLock { $0 } }

  /// Begins to work together with the other processes, if a launcher started several: the strategy for Trainers. Asked again
  /// it gives the same processes.
  ///
  /// Threads that compute are a part of the machine's processors, unless `NN_THREADS` says how many. All but the first
  /// process are silent: what they write to standard output and error goes nowhere. At its end the program waits for the
  /// others.
  ///
  /// - Parameters:
  ///   - dividesBatches: see ``DataParallel``; true makes a training that of one process.
  ///   - verbose: lets all processes speak.
  /// - Throws: ``ProcessError`` if MPI cannot begin.
  public static func start(
    dividesBatches: Bool = false, compression: DataParallel.Compression = .none, verbose: Bool = false
  ) throws -> any Strategy {
    guard launchedCount > 1 else { return SingleProcess() }
    let group = try started.withLock { started in
      if let started { return started }
      let group = try begin(verbose: verbose)
      started = group
      return group
    }
    return DataParallel(group, dividesBatches: dividesBatches, compression: compression)
  }

  /// Whether the cause of the processes' end was written to standard error already.
  public static var isEndTold: Bool { started.withLock { $0?.problem != nil } }

  /// Whether this process speaks for all.
  public static var isFirst: Bool { started.withLock { ($0?.rank ?? 0) == 0 } }

  private static func begin(verbose: Bool) throws -> ProcessGroup {
    let errors = dup(STDERR_FILENO)
    let group = try ProcessGroup(patience: patience) { line in
      let text = Array((line.replacingOccurrences(of: "\n", with: " ") + "\n").utf8)
      _ = text.withUnsafeBytes { write(errors, $0.baseAddress, $0.count) }
    } _: {
      try MPITransport()
    }
    shareProcessors()
    if group.rank > 0, !verbose { silence() }
    atexit { Processes.started.withLock { $0 }?.close() }
    return group
  }

  private static var patience: ProcessGroup.Patience {
    var patience = ProcessGroup.Patience()
    func seconds(_ name: String) -> Double? {
      let wish = ProcessInfo.processInfo.environment[name].flatMap { Double($0) }
      return wish.flatMap { $0 > 0 && $0 < 1e9 ? $0 : nil }
    }
    patience.lateness = seconds("NN_PROCESS_PATIENCE") ?? patience.lateness
    patience.silence = seconds("NN_PROCESS_SILENCE") ?? patience.silence
    return patience
  }

  /// A launcher may have bound the process to some processors; otherwise it takes its part of the machine's.
  private static func shareProcessors() {
    if ProcessInfo.processInfo.environment["NN_THREADS"] != nil { return }
    let all = max(1, ProcessInfo.processInfo.processorCount)
    let own = ProcessInfo.processInfo.activeProcessorCount
    ThreadPool.shared.threadCount = max(1, min(own, all / localCount))
  }

  private static func silence() {
    let nowhere = open("/dev/null", O_WRONLY)
    guard nowhere >= 0 else { return }
    fflush(nil)
    dup2(nowhere, STDOUT_FILENO)
    dup2(nowhere, STDERR_FILENO)
    close(nowhere)
  }

  /// The MPI library and its launcher, for people.
  public static var libraryVersion: String { MPITransport.version }

  /// Where `mpirun` is; nil if it is not on the PATH.
  public static var launcher: String? { program("mpirun") }

  static func program(_ name: String) -> String? {
    (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(name)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }
}
