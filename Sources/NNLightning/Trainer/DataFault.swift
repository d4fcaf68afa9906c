import NNCore
import NNData
import NNFiles

/// Data that a run could not go on with: where it is, what is wrong with it, and what helps.
public struct DataFault: Sendable, Equatable, CustomStringConvertible {
  /// `training`, `validation`, `test` or `prediction`.
  public let stage: String
  /// Epoch of the fit, from 0; nil outside of one.
  public let epoch: Int?
  /// Place of the batch in its pass, from 0.
  public let batch: Int?
  /// Number of the sample in its data set, from 0; nil if it is not one sample's fault.
  public let sample: Int?
  /// File of the sample, if it comes from one.
  public let file: String?
  /// What was expected and found.
  public let problem: String
  /// What helps.
  public let remedy: String?
  /// What a loader threw; nil if the data did not fit the network.
  public let underlying: (any Error)?

  public var description: String {
    var place = stage
    if let epoch { place += ", epoch \(epoch)" }
    if let batch { place += ", batch \(batch)" }
    if let sample { place += ", sample \(sample)" }
    // Most errors about files begin with their name.
    if let file, !problem.contains(printable(file)) { place += " (\(printable(file)))" }
    return "\(place): \(problem)" + (remedy.map { "; \($0)" } ?? "")
  }

  public static func == (a: DataFault, b: DataFault) -> Bool {
    a.stage == b.stage && a.epoch == b.epoch && a.batch == b.batch && a.sample == b.sample && a.file == b.file
      && a.problem == b.problem && a.remedy == b.remedy
  }
}

extension DataProblem {
  /// What helps against it.
  var remedy: String {
    switch kind {
    case .shape: "bring all samples to the size that the network takes (for images Resize and CenterCrop)"
    case .tooSmall: "make the images larger (Resize), or take a network for images of this size"
    case .channels:
      "give all images the channels that the network takes (ImageFolder(mode: .rgb) for 3, .grayscale for 1)"
    case .type: "class numbers are integers: Sample(input:label:), or target.to(.int64); inputs are .float32"
    case .label: "check the class numbers of the data, or give the network an output for each class"
    case .singleValue: "leave a last batch of one out with dropLast: true, or use larger batches"
    case .unreadable: "do not change the data while it is trained on"
    case .memory: "use smaller batches"
    }
  }
}

extension Trainer {
  /// The error to throw where data was no good: what reading a batch threw, or what an operation noted. Other errors
  /// stay what they are.
  func dataError(_ error: any Error, _ stage: RunningStage, batch: Int? = nil, of loader: Any) -> any Error {
    let locating = loader as? any SampleLocating
    var sample: Int?
    let remedy: String?
    switch error {
    case let problem as DataProblem where problem.kind == .memory:
      return TrainerError.outOfMemory(
        MemoryShortage(
          stage: stage.dataName, epoch: isFitting ? currentEpoch : nil, batch: batch, batchSize: sizeUnderWay,
          fittingBatchSize: sizeUnderWay.flatMap { stepMemory?.fitting(below: $0) }, problem: problem.message)
      )
    case let problem as DataProblem:
      let rows = batch.flatMap { locating?.samples(ofBatch: $0) }
      sample = problem.row.flatMap { row in rows.flatMap { $0.indices.contains(row) ? $0[row] : nil } }
      remedy = problem.remedy
    case is TrainerError, is CancellationError: return error
    case is CollateError: remedy = "bring all samples to one size and type (for images Resize and CenterCrop)"
    case DataLoaderError.indexOutside: remedy = "check the sampler, or the indices that it was given"
    case is DatasetError, is ImageError, is FileError: remedy = "repair the file or take it out of the data"
    default:
      guard locating?.failedSample != nil else { return error }
      remedy = nil
    }
    sample = sample ?? locating?.failedSample
    return TrainerError.data(
      DataFault(
        stage: stage.dataName, epoch: isFitting ? currentEpoch : nil, batch: batch, sample: sample,
        file: sample.flatMap { locating?.file(ofSample: $0) }, problem: oneLine(error), remedy: remedy,
        underlying: error is DataProblem ? nil : error))
  }
}

/// The text of an error on one line that a terminal may show.
func oneLine(_ error: any Error) -> String {
  "\(error)".split(whereSeparator: \.isNewline).map { printable($0) }.joined(separator: " ")
}
