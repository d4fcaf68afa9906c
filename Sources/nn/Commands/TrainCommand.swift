import ArgumentParser

struct TrainCommand: TrainingCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Trains a classifier and leaves its run in a folder.",
    discussion: """
      What is trained on is shown first: classes, images per class, and where each part comes from. The folder gets the \
      complete configuration (config.yaml), the split by file names (split.csv), checkpoints, the trained model \
      (model.safetensors), log.csv, event files for TensorBoard and report.html. Ctrl-C finishes the step and saves; --resume goes on \
      there, to the very bits that the run would have had without the interruption.
      """)

  @OptionGroup var options: RunOptions
  @OptionGroup(title: "Settings") var settings: SettingOptions<TrainCommand>

  static let name = TrainingCommandName.train
  static var defaults: RunConfiguration { RunConfiguration() }

  func run() throws {
    try options.launch()
    var all = try settings.configuration(options)
    if settings.isGiven("weights") { all = try all.pinningHub(isArchGiven: settings.isGiven("arch")) }
    try all.check()
    try TrainingRun(options: options, settings: all, command: "train").run()
  }
}
