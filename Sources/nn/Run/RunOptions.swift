import ArgumentParser
import NNDistributed
import NNLightning

/// What all commands that train have in common besides settings.
struct RunOptions: ParsableArguments {
  @Option(help: "Configuration file (YAML or JSON); options win over it.")
  var config: String?
  @Option(help: "Folder of the run.")
  var output = "runs/latest"
  @Flag(help: "Go on from the run's last checkpoint, with the configuration it has.")
  var resume = false
  @Flag(help: "Try one batch of everything and write nothing.")
  var fastDevRun = false
  @Option(help: "Progress: bar, or tui for a dashboard with curves where standard error is a terminal.")
  var ui = UserInterface.bar

  @Option(
    help: "Train in so many processes on this machine, which share its processors.")
  var processes: Int?
  @Option(help: "How several processes send gradients: none (as they are), or bfloat16 (in half the bytes).")
  var compression = DataParallel.Compression.none
  @Flag(help: "Of several processes let all speak, and not only the first.")
  var verbose = false

  @OptionGroup var count: GPUCount

  enum UserInterface: String, CaseIterable, ExpressibleByArgument { case bar, tui }

  @Flag(help: "With --resume and more epochs: begin the schedule of the learning rate anew for them.")
  var restartSchedule = false

  var folder: RunFolder { RunFolder(output) }

  /// What the run's processes do together. Their batches are parts of those that the settings name, so that the training
  /// is that of one process.
  var strategy: any Strategy {
    get throws { try Processes.start(dividesBatches: true, compression: compression, verbose: verbose) }
  }

  /// Starts the processes that were asked for, in the place of this one.
  func launch() throws {
    guard let processes, processes > 1 || Processes.launchedCount > 1 else { return }
    var arguments = Array(CommandLine.arguments.dropFirst())
    arguments.removeAll { $0.hasPrefix("--processes=") }
    if let place = arguments.firstIndex(of: "--processes") { arguments.removeSubrange(place...place + 1) }
    try Processes.relaunch(processes, arguments: arguments)
  }

  func validate() throws {
    if let processes, !(1...1_024).contains(processes) {
      throw ValidationError("--processes: expected a number in 1...1024, found \(processes)")
    }
    if resume, config != nil {
      throw ValidationError("--resume takes the run's own configuration, not --config")
    }
    if restartSchedule, !resume {
      throw ValidationError("--restart-schedule goes on with a run, and needs --resume")
    }
  }
}

extension DataParallel.Compression: ExpressibleByArgument {}
