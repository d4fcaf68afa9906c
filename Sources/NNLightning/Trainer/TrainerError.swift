import NNCore

/// What can go wrong in a run through no mistake in the program's text.
public enum TrainerError: Error, CustomStringConvertible, Equatable {
  /// A model that steps by itself, in several processes: nobody would average its gradients.
  case stepsByItself(processes: Int)
  /// Processes have different numbers of training batches, and would wait for each other.
  case unequalShares(batches: [Int?])
  /// A training step returned no value named `loss`.
  case noLoss(names: [String])
  /// The loss does not depend on any parameter that can be trained.
  case lossWithoutGradient
  /// A batch with tensors whose type does not say how they are moved to a device.
  case batchStays(type: String, device: Device)
  /// A callback or a schedule watches a metric that the run does not have.
  case unknownMetric(String, watcher: String, known: [String])
  /// `ReduceLROnPlateau` without a metric to watch.
  case scheduleWithoutMetric
  /// A data module has no loader for the stage.
  case noLoader(stage: String)
  /// A setting needs to know how many batches there are.
  case unknownLength(setting: String)
  /// A loader that ended before the number of batches it had announced.
  case fewerBatches(expected: Int, found: Int)
  /// No batches to train on.
  case noBatches
  /// No batches to validate, test or predict with.
  case emptyLoader(stage: String)
  /// A loss, a gradient or a weight that is NaN or infinite.
  case notFinite(NonFinite)
  /// Data that cannot be read or does not fit the network.
  case data(DataFault)
  /// A device that has not enough memory.
  case outOfMemory(MemoryShortage)
  /// A schedule that has come to its end before the fit has.
  case scheduleOver(String, steps: Int)
  /// A schedule that was made for another length than the fit is to have now.
  case scheduleOfAnotherLength(String, was: String, now: String)
  /// Class numbers that the network has no output for.
  case labelOutsideHead(label: Int, classes: Int)
  /// `BatchSizeFinder` with a loader whose batches cannot be made larger.
  case fixedBatchSize
  /// A folder cannot be made or written to.
  case unwritableFolder(String)
  /// `fit(resume: .last)` without a `ModelCheckpoint` that knows where to look.
  case nothingToResumeFrom

  public var description: String {
    switch self {
    case .stepsByItself(let processes):
      return
        "Trainer: expected a model with automaticOptimization in \(processes) processes, found one that steps by itself"
    case .unequalShares(let batches):
      let counts = batches.map { $0.map(String.init) ?? "unknown" }.joined(separator: ", ")
      return "training data: expected the same number of batches in all processes, found \(counts)"
    case .batchStays(let type, let device):
      return
        "batches: expected a type that can be moved to \(device) (a Sample, a Tensor, arrays of them, or one that is "
        + "DeviceMovable), found \(type)"
    case .noLoss(let names):
      return
        "trainingStep: expected a value named \"loss\", found \(names.isEmpty ? "none" : names.joined(separator: ", "))"
    case .lossWithoutGradient:
      return "trainingStep: expected a loss that depends on a trainable parameter, found one without gradient"
    case .unknownMetric(let name, let watcher, let known):
      let near = nearestNames(to: name, among: known, within: max(2, name.count / 3)).map { "\"\($0)\"" }
        .joined(separator: " or ")
      let hint = near.isEmpty ? "" : "; did you mean \(near)?"
      let list = known.isEmpty ? "none" : known.joined(separator: ", ")
      return "\(watcher): expected a metric that the run has (\(list)), found \"\(name)\"\(hint)"
    case .scheduleWithoutMetric:
      return "ReduceLROnPlateau: expected ScheduledRate(…, monitor:) with the metric to watch, found none"
    case .noLoader(let stage):
      return "data module: expected a loader for \(stage), found none"
    case .unknownLength(let setting):
      return "Trainer: \(setting) needs a loader that knows its number of batches"
    case .fewerBatches(let expected, let found):
      return "training loader: expected \(expected) batches as it announced, found \(found)"
    case .noBatches:
      return
        "training data: expected at least one batch, found none (an empty data set, or dropLast with fewer samples "
        + "than a batch has)"
    case .emptyLoader(let stage):
      return "\(stage) data: expected at least one batch, found none"
    case .notFinite(let problem): return problem.description
    case .data(let fault): return fault.description
    case .outOfMemory(let shortage): return shortage.description
    case .scheduleOver(let name, let steps):
      return
        "\(name): expected a fit of at most \(steps) steps, for which the schedule was made, found more; make it for "
        + "all steps of the fit"
    case .scheduleOfAnotherLength(let name, let was, let now):
      return
        "\(name): expected the schedule of the checkpoint, made for \(was), found one for \(now); resume with the "
        + "length that it had, or with restartSchedules: true to begin a new schedule here"
    case .labelOutsideHead(let label, let classes):
      return
        "training data: expected class numbers in 0..<\(classes), as the network has outputs, found \(label)"
    case .fixedBatchSize:
      return "BatchSizeFinder: expected a DataLoader with a batch size for training, found another loader"
    case .unwritableFolder(let path):
      return "\(path): expected a folder that can be written to"
    case .nothingToResumeFrom:
      return "fit(resume: .last): expected a ModelCheckpoint among the callbacks, found none"
    }
  }
}
