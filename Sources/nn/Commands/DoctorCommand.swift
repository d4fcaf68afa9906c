import ArgumentParser
import Foundation
import NNCUDA
import NNCore
import NNData
import NNDistributed
import NNLightning
import NNModels

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Says what this machine computes with, what is missing for a GPU, and where files are kept.")

  @Option(help: "Folder of data files.")
  var root = ProcessInfo.processInfo.environment["NN_DATA_ROOT"] ?? "data"
  @Option(help: "Folder of kept results of frozen layers.")
  var features = "features"

  func run() {
    let facts = machine + gpu + processes + folders + environment
    let width = facts.reduce(0) { max($0, $1.name.count) }
    for (name, lines) in facts {
      for (place, line) in lines.enumerated() {
        let label = place == 0 ? name : ""
        print(label + String(repeating: " ", count: width - label.count + 2) + line)
      }
    }
  }

  private typealias Fact = (name: String, lines: [String])

  private var machine: [Fact] {
    let processors = ProcessInfo.processInfo.activeProcessorCount
    return [
      ("swift-nn", [libraryVersion]),
      ("Processor", ["\(CPUFacts.processor), \(processors) processor\(processors == 1 ? "" : "s")"]),
      ("Kernels", [CPUFacts.kernels]), ("Threads", ["\(ThreadPool.shared.threadCount)"]),
      ("BLAS", [CPUFacts.openBLAS]),
    ]
  }

  private var gpu: [Fact] {
    let status = CUDA.status
    var cards = status.cards.map {
      "cuda:\($0.index)  \(printable($0.name)), compute capability \($0.computeCapability), "
        + byteCountText($0.memory)
    }
    if let problem = status.problem { cards.append("none can be used: \(problem)") }
    let searched = status.libraries.filter { $0.path == nil }.flatMap(\.searched)
    var libraries = status.libraries.map { library in
      library.path == nil
        ? "\(library.name.rawValue) is missing: \(library.name.remedy)" : library.description
    }
    if !searched.isEmpty {
      var distinct: [String] = []
      for place in searched where !distinct.contains(place) { distinct.append(place) }
      libraries.append("looked in " + distinct.map { printable($0) }.joined(separator: ", "))
      libraries.append("more folders: NN_CUDA_LIBRARIES")
    }
    return [("GPU", cards), ("CUDA libraries", libraries)]
  }

  private var processes: [Fact] {
    let version = Processes.libraryVersion.split(separator: ",").first.map(String.init) ?? "unknown"
    let launcher =
      Processes.launcher.map { printable($0) } ?? "mpirun is missing: apt-get install openmpi-bin"
    let count = Processes.launchedCount
    let found = count == 1 ? "this process was started alone" : "this process is one of \(count)"
    return [("Processes", ["MPI: \(printable(version))", "launcher: \(launcher)", found])]
  }

  private var folders: [Fact] {
    let weights = WeightCache.default
    var places = [Self.size(of: weights.folder)] + weights.otherFolders.map(Self.size)
    if weights.isOffline { places.append("nothing is downloaded (NN_HUB_OFFLINE)") }
    return [
      ("Weights", places), ("Features", [Self.size(of: features)]),
      ("GPU kernels", [Self.size(of: KernelCache.default.folder)]), ("Data", [Self.size(of: root)]),
    ]
  }

  /// Files that are counted at most.
  private static let fileLimit = 100_000

  /// A folder with what is in it.
  private static func size(of folder: String) -> String {
    let name = printable(folder)
    let root = URL(fileURLWithPath: folder)
    guard
      let files = FileManager.default.enumerator(
        at: root, includingPropertiesForKeys: [.isRegularFileKey, .fileSizeKey])
    else { return "\(name): cannot be read" }
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
      return "\(name): not there"
    }
    var (count, bytes) = (0, 0)
    for case let file as URL in files {
      guard let values = try? file.resourceValues(forKeys: [.isRegularFileKey, .fileSizeKey]),
        values.isRegularFile == true
      else { continue }
      (count, bytes) = (count + 1, bytes + (values.fileSize ?? 0))
      if count == fileLimit { return "\(name): more than \(count) files" }
    }
    return "\(name): \(count) file\(count == 1 ? "" : "s"), \(byteCountText(bytes))"
  }

  /// Variables that change what is done.
  private var environment: [Fact] {
    let others = [
      "XDG_CACHE_HOME", "TORCH_HOME", "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "OPENBLAS_CORETYPE",
      "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "SLURM_JOB_ID", "SLURM_NTASKS", "SLURM_PROCID",
    ]
    let set = ProcessInfo.processInfo.environment.filter {
      $0.key.hasPrefix("NN_") || $0.key.hasPrefix("OMPI_MCA_rmaps") || $0.key.hasPrefix("OMPI_MCA_btl")
        || others.contains($0.key)
    }
    let lines = set.sorted { $0.key < $1.key }.map {
      "\(printable($0.key))=\(Self.withoutPassword($0.value))"
    }
    return [("Environment", lines.isEmpty ? ["no variable that changes anything"] : lines)]
  }

  /// Addresses may name a user with a password.
  private static func withoutPassword(_ value: String) -> String {
    guard let scheme = value.range(of: "://"),
      let sign = value[scheme.upperBound...].firstIndex(of: "@")
    else { return printable(value) }
    return printable(value[..<scheme.upperBound] + "…" + value[sign...])
  }
}
