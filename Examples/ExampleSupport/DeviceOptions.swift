import ArgumentParser
import NNLightning

extension Accelerator.Choice: ExpressibleByArgument {}
extension Trainer.Precision: ExpressibleByArgument {}

/// What an example computes on.
public struct DeviceOptions: ParsableArguments {
  @Option(help: "Device: auto (a GPU if one can be used), cpu or gpu.")
  public var device = Accelerator.Choice.auto

  @Option(help: ArgumentHelp("As --device, as in the chapter: 1 is gpu, 0 is cpu.", valueName: "count"))
  public var gpus: Int?

  public init() {}

  public func validate() throws {
    if let gpus, Accelerator.Choice(gpus: gpus) == nil {
      throw ValidationError("--gpus: expected 0 or 1, as a process computes on one GPU, found \(gpus)")
    }
  }

  /// - Throws: what is missing for a GPU that was asked for.
  public var accelerator: Accelerator {
    get throws { try (gpus.flatMap(Accelerator.Choice.init(gpus:)) ?? device).accelerator }
  }
}
