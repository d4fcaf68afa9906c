import ArgumentParser

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

  @OptionGroup var count: GPUCount

  enum UserInterface: String, CaseIterable, ExpressibleByArgument { case bar, tui }

  @Flag(help: "With --resume and more epochs: begin the schedule of the learning rate anew for them.")
  var restartSchedule = false

  var folder: RunFolder { RunFolder(output) }

  func validate() throws {
    if resume, config != nil {
      throw ValidationError("--resume takes the run's own configuration, not --config")
    }
    if restartSchedule, !resume {
      throw ValidationError("--restart-schedule goes on with a run, and needs --resume")
    }
  }
}
