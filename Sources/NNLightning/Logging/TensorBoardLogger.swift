import Foundation
import NNCore
import NNFiles
import NNLayers

/// Writes event files that TensorBoard opens (`tensorboard --logdir FOLDER`): scalars of all metrics, the model's
/// hyperparameters (as a text, and for the table of runs), and what the program adds: histograms, images, texts.
///
/// The format is TFRecord (length, masked CRC-32C, data, masked CRC-32C) around TensorFlow's `Event` messages:
/// https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto
public final class TensorBoardLogger: Logger {
  public let directory: String
  private var file: LogFile?
  private var kept: (name: String, size: Int)?
  /// Between the start of a fit and its end.
  private var isFitting = false
  /// Bytes of the file before what says that the fit failed: a resumed one goes on there.
  private var sizeBeforeEnd: Int?
  private var isMarked = false

  private struct Place: Codable {
    var name: String
    var size: Int
  }

  /// - Parameter directory: folder of the run. A new fit adds a file to it; a resumed one goes on with its own. What a fit
  ///   left that was killed before its first checkpoint, and cannot be gone on with, is removed by the next one.
  public init(_ directory: String) { self.directory = directory }

  public override func setup(_ trainer: Trainer, _ model: Module, stage: RunningStage) {
    if stage == .fit { (file, kept, isFitting, sizeBeforeEnd) = (nil, nil, false, nil) }
  }

  public override func onFitStart(_ trainer: Trainer, _ model: Module) throws {
    removeUnsaved(besides: kept?.name)
    if let kept {
      let file = LogFile(directory + "/" + kept.name)
      try file.open(keeping: kept.size)
      file.lock()
      self.file = file
      if file.size == 0 { try begin(file) }
    } else {
      try opened(marked: true).lock()
      try super.onFitStart(trainer, model)
    }
    isFitting = true
  }

  // MARK: Fits without a checkpoint

  // A hidden file beside an event file says that no checkpoint leads to it yet.
  private static let markerPrefix = ".unsaved."

  private func removeMarker() {
    if let file { unlink(directory + "/" + Self.markerPrefix + (file.path as NSString).lastPathComponent) }
    isMarked = false
  }

  private func removeUnsaved(besides own: String?) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    for name in names where name.hasPrefix(Self.markerPrefix) {
      let events = String(name.dropFirst(Self.markerPrefix.count))
      guard isPlainFileName(events), events.utf8.starts(with: "events.out.tfevents.".utf8) else { continue }
      let path = directory + "/" + events
      if events != own, FileManager.default.fileExists(atPath: path) {
        // Of a run that still goes on.
        guard LogFile.isUnlocked(path) else { continue }
        unlink(path)
      }
      unlink(directory + "/" + name)
    }
  }

  public override func onStepBoundary(_ trainer: Trainer, _ model: Module, isEpochEnd: Bool) {
    if isMarked, trainer.hasCheckpoint { removeMarker() }
  }

  public override func teardown(_ trainer: Trainer, _ model: Module, stage: RunningStage) {
    if stage == .fit { removeMarker() }
  }

  private func opened(marked: Bool = false) throws -> LogFile {
    if let file { return file }
    let tag = "\(Int(Date().timeIntervalSince1970)).\(ProcessInfo.processInfo.processIdentifier)"
    var name = "events.out.tfevents.\(tag).swift-nn"
    var number = 0
    while FileManager.default.fileExists(atPath: directory + "/" + name) {
      number += 1
      name = "events.out.tfevents.\(tag).swift-nn.\(number)"
    }
    let file = LogFile(directory + "/" + name)
    if marked {
      try file.makeFolder()
      // Before the file itself: there is none without its mark. Foundation would go through a temporary file of its own,
      // which a kill leaves.
      let mark = Foundation.open(
        directory + "/" + Self.markerPrefix + name, O_WRONLY | O_CREAT | O_CLOEXEC, 0o666)
      isMarked = mark >= 0
      if isMarked { close(mark) }
    }
    try file.open(keeping: 0)
    try begin(file)
    self.file = file
    return file
  }

  public override func onFitEnd(_ trainer: Trainer, _ model: Module) throws {
    isFitting = false
    // An interrupted fit is to be gone on with.
    if trainer.stopReason != .interrupted { try logSessionEnd(model, succeeded: true) }
  }

  public override func onException(_ trainer: Trainer, _ model: Module, error: any Error) {
    // The error that ends the run is the one to be heard of.
    if isFitting {
      sizeBeforeEnd = file?.size
      try? logSessionEnd(model, succeeded: false)
    }
    isFitting = false
  }

  /// Each file begins with the version of the format.
  private func begin(_ file: LogFile) throws {
    var event = ProtobufMessage()
    event.add(double: 1, Date().timeIntervalSince1970)
    event.add(text: 3, "brain.Event:2")
    try file.append(tfRecord(event.bytes))
  }

  /// Adds one value to the run.
  func add(_ tag: String, step: Int, _ value: (inout ProtobufMessage) -> Void) throws {
    var summaryValue = ProtobufMessage()
    summaryValue.add(text: 1, tag)
    value(&summaryValue)
    var summary = ProtobufMessage()
    summary.add(message: 1, summaryValue)
    var event = ProtobufMessage()
    event.add(double: 1, Date().timeIntervalSince1970)
    event.add(integer: 2, step)
    event.add(message: 5, summary)
    try opened().append(tfRecord(event.bytes))
  }

  // MARK: What can be logged

  public override func log(_ metrics: Metrics, step: Int, epoch: Int) throws {
    for (name, value) in metrics { try add(printable(name), step: step) { $0.add(float: 2, Float(value)) } }
    try add("epoch", step: step) { $0.add(float: 2, Float(epoch)) }
  }

  /// A text, shown as Markdown.
  public func log(text: String, _ tag: String, step: Int) throws {
    var shape = ProtobufMessage()
    shape.add(message: 2) { $0.add(integer: 1, 1) }
    try add(tag + "/text_summary", step: step) {
      $0.add(message: 8) {
        $0.add(integer: 1, 7)  // DT_STRING
        $0.add(message: 2, shape)
        $0.add(text: 8, text)
      }
      $0.addMetadata(plugin: "text")
    }
  }

  /// How values are distributed, in `bins` equal parts of their range.
  public func log(histogram values: Tensor, _ tag: String, step: Int, bins: Int = 30) throws {
    require(bins >= 1, "TensorBoardLogger", "a histogram needs at least one bin, got \(bins)")
    let all = values.array(of: Double.self).filter(\.isFinite)
    guard let low = all.min(), let high = all.max() else { return }
    let width = high > low ? (high - low) / Double(bins) : 1
    var counts = Array(repeating: 0.0, count: bins)
    for value in all { counts[min(bins - 1, Int((value - low) / width))] += 1 }
    var histogram = ProtobufMessage()
    histogram.add(double: 1, low)
    histogram.add(double: 2, high)
    histogram.add(double: 3, Double(all.count))
    histogram.add(double: 4, all.reduce(0, +))
    histogram.add(double: 5, all.reduce(0) { $0 + $1 * $1 })
    histogram.add(doubles: 6, (1...bins).map { low + width * Double($0) })
    histogram.add(doubles: 7, counts)
    try add(tag, step: step) { $0.add(message: 5, histogram) }
  }

  /// An image that is already encoded as PNG or JPEG.
  public func log(image encoded: Data, width: Int, height: Int, _ tag: String, step: Int) throws {
    var image = ProtobufMessage()
    image.add(integer: 1, height)
    image.add(integer: 2, width)
    image.add(integer: 3, 3)
    image.add(bytes: 4, encoded)
    try add(tag, step: step) { $0.add(message: 4, image) }
  }

  public override func logHyperparameters(_ json: String) throws {
    try log(text: "```json\n\(json)\n```", "hyperparameters", step: 0)
    try logSessionStart(hyperparameters: json)
  }

  public override func state() throws -> CallbackState? {
    guard let file else { return nil }
    return try CallbackState(
      Place(name: (file.path as NSString).lastPathComponent, size: sizeBeforeEnd ?? file.size))
  }

  public override func loadState(_ state: CallbackState) throws {
    let place: Place = try state.value()
    guard isPlainFileName(place.name) else {
      throw CheckpointError.invalid("the name of an event file", quoted(place.name))
    }
    try SavedState.check("bytes of an event file", place.size, in: 0...SavedState.greatestCount)
    kept = (place.name, place.size)
  }
}
