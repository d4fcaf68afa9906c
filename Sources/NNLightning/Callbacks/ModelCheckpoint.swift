import Foundation
import NNCore
import NNFiles
import NNLayers

/// Writes checkpoints of a fit into a folder: the last state, and the best ones by a metric.
///
/// `last.safetensors` is where `fit(resume: .last)` goes on. It is written at the times asked for, and where the fit
/// ends, be it by Ctrl-C. The best state is `best.safetensors`; with `saveTopK` above 1 the best are
/// `epoch=3-step=120.safetensors` and so on. Files that another run wrote are never deleted.
public final class ModelCheckpoint: Callback, CheckpointWriting {
  public let directory: String
  public let monitor: MetricKey?
  public let mode: MonitorMode
  public let saveTopK: Int
  public let savesLast: Bool
  public let everyEpochs: Int
  public let everySteps: Int?
  public let everyInterval: Duration?

  /// Value of the metric in the best checkpoint.
  public var bestScore: Double? { record.kept.first?.score }
  /// Path of the best checkpoint, nil before the first.
  public var bestPath: String? { record.kept.first.map { path($0.file) } }
  /// Metrics of the best checkpoint.
  public var bestMetrics: Metrics? { record.kept.first?.metrics }
  /// The checkpoints kept for their score, the best first.
  public var topPaths: [String] { record.kept.map { path($0.file) } }
  /// Path of the last checkpoint, nil before the first.
  public private(set) var lastPath: String?

  private struct Kept: Codable {
    var file: String
    var score: Double
    var metrics: Metrics
  }
  private struct Record: Codable {
    /// The best first.
    var kept: [Kept] = []
  }
  private var record = Record()
  private var hasNewScore = false
  /// Where the last checkpoint was written.
  private var saved: FitProgress?
  private let clock = ContinuousClock()
  private var lastSaved = ContinuousClock().now

  /// - Parameters:
  ///   - directory: is made if it is not there.
  ///   - monitor: metric that tells which states are best; nil keeps the last one only.
  ///   - saveTopK: how many of the best are kept; -1 keeps all.
  ///   - savesLast: whether the last state is written.
  ///   - everyEpochs: the last state is written behind every n-th epoch, 0 for never,
  ///   - everySteps: behind every n-th optimizer step,
  ///   - every: and behind the first step after so much time.
  public init(
    directory: String, monitor: MetricKey? = .validationLoss, mode: MonitorMode = .min, saveTopK: Int = 1,
    savesLast: Bool = true, everyEpochs: Int = 1, everySteps: Int? = nil, every interval: Duration? = nil
  ) {
    require(saveTopK >= -1, "ModelCheckpoint", "saveTopK must be at least -1, got \(saveTopK)")
    require(everyEpochs >= 0, "ModelCheckpoint", "everyEpochs must not be negative, got \(everyEpochs)")
    if let everySteps {
      require(everySteps >= 1, "ModelCheckpoint", "everySteps must be at least 1, got \(everySteps)")
    }
    self.directory = directory
    self.monitor = monitor
    self.mode = mode
    self.saveTopK = saveTopK
    self.savesLast = savesLast
    self.everyEpochs = everyEpochs
    self.everySteps = everySteps
    everyInterval = interval
  }

  public override var monitoredMetrics: [MetricKey] { monitor.map { [$0] } ?? [] }
  public override var isSkippedInFastDevRun: Bool { true }
  public override var stateKey: String { "ModelCheckpoint(\(monitor?.name ?? ""))" }

  private static let lastFile = "last.safetensors"
  private func path(_ file: String) -> String { directory + "/" + file }

  var existingLastPath: String? {
    let path = path(Self.lastFile)
    return FileManager.default.fileExists(atPath: path) ? path : nil
  }

  public override func setup(_ trainer: Trainer, _ model: Module, stage: RunningStage) throws {
    guard stage == .fit else { return }
    record = Record()
    (lastPath, hasNewScore, lastSaved, saved) = (nil, false, clock.now, nil)
    if trainer.strategy.isWriter {
      try makeWritableFolder(directory)
      trainer.removeLeftovers(in: directory)
    }
  }

  public override func onValidationEnd(_ trainer: Trainer, _ model: Module) {
    if trainer.isFitting { hasNewScore = true }
  }

  public override func onStepBoundary(_ trainer: Trainer, _ model: Module, isEpochEnd: Bool) throws {
    var obsolete: [Kept] = []
    var added: String?
    if hasNewScore || (isEpochEnd && !trainer.validates) {
      hasNewScore = false
      (added, obsolete) = try take(trainer)
    }
    let writesLast = savesLast ? try isDue(trainer, isEpochEnd: isEpochEnd) : false
    if added == nil, !writesLast { return }
    if writesLast { lastPath = path(Self.lastFile) }
    // All processes make it, with what each has of its own.
    let checkpoint = try trainer.checkpoint()
    if trainer.strategy.isWriter {
      if let added { try checkpoint.write(to: path(added)) }
      for old in obsolete where old.file != added {
        try? FileManager.default.removeItem(atPath: path(old.file))
      }
      if writesLast { try checkpoint.write(to: path(Self.lastFile)) }
    }
    if writesLast { (lastSaved, saved) = (clock.now, trainer.progress) }
  }

  /// A fit that ends by an error between two steps leaves the state of its last boundary; of a step that is half done
  /// there is nothing to save, and of one whose numbers went wrong nothing to go on with. A process that ended does not
  /// have the others' states.
  public override func onException(_ trainer: Trainer, _ model: Module, error: any Error) {
    if case TrainerError.notFinite? = error as? TrainerError { return }
    guard trainer.strategy.count == 1, trainer.isFitting, savesLast, trainer.globalStep > 0,
      isNew(trainer.progress),
      let fit = trainer.activeFit, fit.returnToBoundary()
    else { return }
    // The error that ends the fit is the one to be heard of.
    if let checkpoint = try? trainer.checkpoint(), (try? checkpoint.write(to: path(Self.lastFile))) != nil {
      lastPath = path(Self.lastFile)
    }
  }

  /// Whether the last checkpoint is of another position.
  private func isNew(_ progress: FitProgress) -> Bool {
    guard var saved else { return true }
    saved.seconds = progress.seconds
    return saved != progress
  }

  private func isDue(_ trainer: Trainer, isEpochEnd: Bool) throws -> Bool {
    if trainer.stopReason != nil { return true }
    if isEpochEnd, everyEpochs > 0, trainer.progress.epoch % everyEpochs == 0 { return true }
    if let everySteps, trainer.globalStep % everySteps == 0 { return true }
    guard let everyInterval else { return false }
    return try trainer.strategy.first(clock.now - lastSaved >= everyInterval)
  }

  /// Puts the state in the list of the best if it belongs there: the file to write, and those that drop out.
  private func take(_ trainer: Trainer) throws -> (file: String?, obsolete: [Kept]) {
    guard let monitor, saveTopK != 0 else { return (nil, []) }
    let score = try trainer.value(of: monitor, for: "ModelCheckpoint")
    // A run that went wrong is no best one.
    guard score.isFinite else { return (nil, []) }
    let place = record.kept.firstIndex { mode.isBetter(score, than: $0.score) } ?? record.kept.count
    let limit = saveTopK == -1 ? Int.max : saveTopK
    if place >= limit { return (nil, []) }
    let file =
      saveTopK == 1
      ? "best.safetensors"
      : "epoch=\(trainer.currentEpoch)-step=\(trainer.globalStep).safetensors"
    record.kept.insert(Kept(file: file, score: score, metrics: trainer.callbackMetrics), at: place)
    let obsolete = Array(record.kept.dropFirst(limit))
    record.kept = Array(record.kept.prefix(limit))
    return (file, obsolete)
  }

  public override func state() throws -> CallbackState? { try CallbackState(record) }
  public override func loadState(_ state: CallbackState) throws {
    let saved: Record = try state.value()
    // The names come from a file: they must not lead out of the folder.
    for kept in saved.kept where !isPlainFileName(kept.file) {
      throw CheckpointError.invalid("the name of a checkpoint file", quoted(kept.file))
    }
    record = saved
    lastPath = existingLastPath
  }
}
