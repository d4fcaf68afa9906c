import Foundation
import NNCore
import NNData
import NNFiles
import NNLayers

/// Leaves one self-contained HTML file about a fit, that any browser opens without network: curves, metrics, confusion
/// matrix, worst and random predictions, model, configuration, data, timings and warnings. It is written anew as the
/// run goes on, and reloads itself in the browser while it does.
///
/// Predictions and confusion matrix need a ``Classifier`` validated on batches of `Sample`, and one more pass over them
/// when the fit ends; images are shown if inputs
/// are [N, 1 or 3, H, W], each stretched to the whole range of brightness.
public final class RunReport: Logger {
  public let path: String
  public let title: String
  public let classNames: [String]
  /// Lines about the data, as what was left out of it.
  public let notes: [String]
  public let imageCount: Int
  private let interval: Duration
  private let clock = ContinuousClock()
  private var lastWritten: ContinuousClock.Instant?
  private(set) var history = History()
  private(set) var predictions: PredictionSample?
  private(set) var facts: [(name: String, value: String)] = []
  private(set) var findings: [String] = []
  private(set) var summary = ""

  /// Everything that was logged.
  struct History: Codable {
    struct Series: Codable {
      var name: String
      var steps: [Int] = []
      /// Bits, as JSON has no NaN.
      var bits: [UInt64] = []

      var points: [(x: Double, y: Double)] {
        zip(steps, bits).map { (Double($0), Double(bitPattern: $1)) }
      }
    }
    var series: [Series] = []
    var hyperparameters: String?

    mutating func add(_ metrics: Metrics, step: Int) {
      for (name, value) in metrics {
        let place = series.firstIndex { $0.name == name } ?? series.count
        if place == series.count { series.append(Series(name: name)) }
        series[place].steps.append(step)
        series[place].bits.append(value.bitPattern)
      }
    }
  }

  /// - Parameters:
  ///   - path: the file.
  ///   - title: headline.
  ///   - classNames: what the classes are called; their numbers by default.
  ///   - notes: lines about the data that the report shows, as what was left out of it.
  ///   - images: how many of the worst and how many random predictions are shown.
  ///   - refreshEvery: time between two versions of the file at least; each is written behind an epoch or a validation.
  public init(
    _ path: String, title: String = "Training run", classNames: [String] = [], notes: [String] = [],
    images: Int = 12,
    refreshEvery interval: Duration = .seconds(10)
  ) {
    self.path = path
    self.title = title
    self.classNames = classNames
    self.notes = notes
    imageCount = images
    self.interval = interval
  }

  public override func setup(_ trainer: Trainer, _ model: Module, stage: RunningStage) throws {
    guard stage == .fit else { return }
    (history, predictions, lastWritten, findings, facts) = (History(), nil, nil, [], [])
    try LogFile(path).makeFolder()
    trainer.removeLeftovers(in: LogFile(path).folder)
  }

  public override func log(_ metrics: Metrics, step: Int, epoch: Int) { history.add(metrics, step: step) }
  public override func logHyperparameters(_ json: String) { history.hyperparameters = json }

  public override func onTrainStart(_ trainer: Trainer, _ model: Module) throws {
    findings = Linter(trainer: trainer, model: model).staticFindings()
    summary = try summaryText(trainer, model)
    facts = try dataFacts(trainer)
    try write(trainer, isRunning: true)
  }

  public override func onValidationEnd(_ trainer: Trainer, _ model: Module) throws {
    if trainer.isFitting { try refresh(trainer) }
  }
  public override func onTrainEpochEnd(_ trainer: Trainer, _ model: Module) throws { try refresh(trainer) }

  private func refresh(_ trainer: Trainer) throws {
    if let lastWritten, clock.now - lastWritten < interval { return }
    try write(trainer, isRunning: true)
  }

  public override func onFitEnd(_ trainer: Trainer, _ model: Module) throws {
    if !trainer.isInterrupted, let model = model as? any Classifier {
      predictions = try PredictionSample(trainer, model, count: imageCount)
    }
    try write(trainer, isRunning: false)
  }

  /// A test behind the fit completes the metrics.
  public override func onTestEnd(_ trainer: Trainer, _ model: Module) throws {
    if !trainer.isFitting, lastWritten != nil { try write(trainer, isRunning: false) }
  }

  public override func onException(_ trainer: Trainer, _ model: Module, error: any Error) {
    findings.append("The run ended with an error: \(error)")
    // The error that ends the run is the one to be thrown, not a second one of the report.
    if trainer.isFitting { try? write(trainer, isRunning: false) }
  }

  private func write(_ trainer: Trainer, isRunning: Bool) throws {
    lastWritten = clock.now
    let text = html(trainer, isRunning: isRunning)
    try AtomicFile.write(path) { try $0.write(Array(text.utf8)) }
  }

  public override func state() throws -> CallbackState? { try CallbackState(history) }
  public override func loadState(_ state: CallbackState) throws { history = try state.value() }

  // MARK: Facts

  /// The model's table, with the shapes for one sample if the model can be called with it.
  private func summaryText(_ trainer: Trainer, _ model: Module) throws -> String {
    var text: String?
    if let model = model as? any CallableModule {
      try trainer.activeFit?.forEachValidationBatch { batch in
        if let batch = batch as? Sample, batch.input.rank >= 2 {
          let one = batch.input.narrow(0, start: 0, length: 1)
          text = model.summary(inputShape: one.shape, dtype: one.dtype).description
        }
        return false
      }
    }
    return text ?? model.summary {}.description
  }

  private func dataFacts(_ trainer: Trainer) throws -> [(name: String, value: String)] {
    var facts: [(name: String, value: String)] = []
    func add(_ name: String, _ value: Int?) { if let value { facts.append((name, grouped(value))) } }
    add("training batches per epoch", trainer.activeFit?.trainingBatchCount)
    add("validation batches", trainer.activeFit?.validation?.batchCount)
    try trainer.activeFit?.forEachValidationBatch { batch in
      if let batch = batch as? Sample {
        facts.append(("shape of a validation batch", "\(batch.input.shape) \(batch.input.dtype)"))
        let values = batch.input.to(.float64)
        facts.append(
          (
            "values in it",
            "mean \(values.mean().item().formatted(digits: 4)), range "
              + "\(values.min().item().formatted(digits: 4)) to \(values.max().item().formatted(digits: 4))"
          ))
      }
      return false
    }
    return facts + notes.map { ("note", $0) }
  }
}
