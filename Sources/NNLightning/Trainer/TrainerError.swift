/// What can go wrong in a run through no mistake in the program's text.
public enum TrainerError: Error, CustomStringConvertible, Equatable {
  /// The device that was asked for is not there.
  case unavailable(accelerator: String, devices: Int)
  /// A training step returned no value named `loss`.
  case noLoss(names: [String])
  /// The loss does not depend on any parameter that can be trained.
  case lossWithoutGradient
  /// A callback watches a metric that the run does not have.
  case unknownMetric(String, callback: String, known: [String])
  /// A data module has no loader for the stage.
  case noLoader(stage: String)
  /// A folder for checkpoints cannot be made or written to.
  case unwritableFolder(String)

  public var description: String {
    switch self {
    case .unavailable(let accelerator, let devices):
      "Trainer: accelerator \(accelerator) with \(devices) device(s) is not available; expected cpu with 1 device"
    case .noLoss(let names):
      "trainingStep: expected a value named \"loss\", found \(names.isEmpty ? "none" : names.joined(separator: ", "))"
    case .lossWithoutGradient:
      "trainingStep: expected a loss that depends on a trainable parameter, found one without gradient"
    case .unknownMetric(let name, let callback, let known):
      "\(callback): expected the metric \"\(name)\", found only \(known.isEmpty ? "none" : known.joined(separator: ", "))"
    case .noLoader(let stage):
      "data module: expected a loader for \(stage), found none"
    case .unwritableFolder(let path):
      "\(path): expected a folder that can be written to"
    }
  }
}
