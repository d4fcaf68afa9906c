import ArgumentParser
import NNLightning

extension Accelerator.Choice: SettingChoice {}
extension Trainer.Precision: SettingChoice {}

/// What the commands compute on that have no settings of a run.
struct DeviceOptions: ParsableArguments {
  @Option(help: "Device: auto (a GPU if one can be used), cpu or gpu.")
  var device = Accelerator.Choice.auto
  @OptionGroup var count: GPUCount

  var accelerator: Accelerator { get throws { try (count.choice ?? device).accelerator } }
}

/// `--gpus`, as in Lightning's first versions.
struct GPUCount: ParsableArguments {
  @Option(help: ArgumentHelp("As --device: 1 is gpu, 0 is cpu.", valueName: "count"))
  var gpus: Int?

  /// What it means; nil if it was not given.
  var choice: Accelerator.Choice? { gpus.flatMap(Accelerator.Choice.init(gpus:)) }

  func validate() throws {
    if let gpus, choice == nil {
      throw ValidationError("--gpus: expected 0 or 1, as a process computes on one GPU, found \(gpus)")
    }
  }
}
