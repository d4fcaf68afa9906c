import ArgumentParser
import Foundation
import NNCore
import NNDistributed
import NNLightning

struct TestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test", abstract: "Tests the model of a run on the test images of its split.")

  @Argument(help: "Folder of the run.")
  var folder: String
  @Option(help: "Checkpoint to test instead of the model, which is that of the best epoch.")
  var checkpoint: String?

  @Flag(
    help: "Average what the model says of an image and of its mirror image: slower, often a little better.")
  var tta = false
  @OptionGroup var device: DeviceOptions

  func run() throws {
    let accelerator = try device.accelerator
    let run = RunFolder(folder)
    let settings = try RunConfiguration(contentsOf: run.config)
    try settings.check()
    let isKept = FileManager.default.fileExists(atPath: run.split)
    if settings.dataset == .folder, !isKept {
      throw CommandError(
        "\(printable(run.split)): expected the split of the run, found none; its test images are not known")
    }
    let saved = try SavedModel(contentsOf: checkpoint ?? run.path)
    let images = try RunImages(
      settings, saved.description.preprocessing, split: isKept ? run.split : nil)
    guard images.classes == saved.description.classes else {
      throw CommandError(
        "\(printable(run.path)): expected images of the \(saved.description.classes.count) classes of the model, "
          + "found \(images.classes.count) classes")
    }
    try images.show()
    guard let test = try RunData(images, settings).test else {
      throw CommandError("\(printable(run.path)): expected a run with test images, found one without")
    }
    let trainer = Trainer(accelerator: accelerator, strategy: try Processes.start(dividesBatches: true))
    let model = RunModel(saved.network, settings, classWeights: images.classWeights(settings))
    model.averagesMirrored = tta
    model.thresholds = saved.description.thresholds
    try trainer.test(model, test)
    print(trainer.callbackMetrics)
  }
}
