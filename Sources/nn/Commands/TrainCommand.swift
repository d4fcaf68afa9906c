import ArgumentParser

struct TrainCommand: ParsableCommand {
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
  @Option(
    help: "File with starting weights (.pth or .safetensors), or folder of a run; the last layer is new.")
  var weights: String?
  @Flag(help: "Train the last layer alone.")
  var freeze = false
  @Option(help: "Side in pixels to which images are resized.")
  var imageSize: Int?
  @Flag(help: "Normalise as ImageNet networks expect it.")
  var normalize = false

  func run() throws {
    var settings = try options.settings(RunConfiguration())
    if let weights { settings.weights = weights }
    if freeze { settings.freeze = true }
    if let imageSize { settings.imageSize = imageSize }
    if normalize { settings.normalize = true }
    try settings.check()
    try TrainingRun(options: options, settings: settings, command: "train").run()
  }
}
