import Foundation
import NNLayers

/// Progress in the look of tqdm, on standard error: on a terminal one line that is redrawn, elsewhere (a file, a
/// pipe) a plain line every few seconds and one at the end.
public final class ProgressBar: Callback {
  private var line: ProgressLine?
  private let interval: Double

  /// - Parameter interval: seconds between plain lines where the output is not a terminal.
  public init(interval: Double = 5) { self.interval = interval }

  private func begin(_ label: String, _ total: Int?) {
    line?.finish()
    line = ProgressLine(label: label, total: total, unit: "batch", interval: interval)
  }

  private func advance(_ metrics: Metrics) {
    line?.update(by: 1, metrics.map { "\($0.name)=\($0.value.formatted(digits: 3))" }.joined(separator: ", "))
  }

  private func end() {
    line?.finish()
    line = nil
  }

  public override func onTrainEpochStart(_ trainer: Trainer, _ model: Module) {
    begin("Epoch \(trainer.currentEpoch + 1)/\(trainer.maxEpochs)", trainer.batchCount)
  }
  public override func onTrainBatchEnd(
    _ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int
  ) {
    var shown = output.metrics
    for (name, value) in trainer.callbackMetrics where shown[name] == nil && name.hasPrefix("val_") {
      shown[name] = value
    }
    advance(shown)
  }
  public override func onTrainEpochEnd(_ trainer: Trainer, _ model: Module) { end() }
  public override func onValidationStart(_ trainer: Trainer, _ model: Module) {
    begin("Validating", trainer.batchCount)
  }
  public override func onValidationBatchEnd(
    _ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int
  ) { advance(output.metrics) }
  public override func onValidationEnd(_ trainer: Trainer, _ model: Module) {
    line?.show(trainer.callbackMetrics.filter { $0.name.hasPrefix("val_") })
    end()
  }
  public override func onTestStart(_ trainer: Trainer, _ model: Module) {
    begin("Testing", trainer.batchCount)
  }
  public override func onTestBatchEnd(
    _ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int
  ) { advance(output.metrics) }
  public override func onTestEnd(_ trainer: Trainer, _ model: Module) {
    line?.show(trainer.callbackMetrics.filter { $0.name.hasPrefix("test_") })
    end()
  }
  public override func onPredictStart(_ trainer: Trainer, _ model: Module) {
    begin("Predicting", trainer.batchCount)
  }
  public override func onPredictBatchEnd(_ trainer: Trainer, _ model: Module, batchIndex: Int) {
    advance([:])
  }
  public override func onPredictEnd(_ trainer: Trainer, _ model: Module) { end() }
  public override func onException(_ trainer: Trainer, _ model: Module, error: any Error) { end() }
}

/// One line of progress: `Testing: 100%|██████████| 40/40 [00:01<00:00, 21.37batch/s, acc=0.5]`.
public final class ProgressLine {
  private let label: String
  private let total: Int?
  private let unit: String
  private let interval: Double
  private let isTerminal: Bool
  private let write: (String) -> Void
  private let clock: () -> Double
  private let start: Double
  private var lastDrawn: Double
  private var count = 0
  private var suffix = ""
  private var lastLength = 0

  /// A line on standard error.
  public convenience init(label: String, total: Int?, unit: String, interval: Double = 5) {
    self.init(
      label: label, total: total, unit: unit, interval: interval, isTerminal: isatty(STDERR_FILENO) == 1,
      clock: { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 },
      write: { FileHandle.standardError.write(Data($0.utf8)) })
  }

  package init(
    label: String, total: Int?, unit: String, interval: Double, isTerminal: Bool,
    clock: @escaping () -> Double,
    write: @escaping (String) -> Void
  ) {
    self.label = label
    self.total = total
    self.unit = unit
    self.interval = interval
    self.isTerminal = isTerminal
    self.clock = clock
    self.write = write
    start = clock()
    lastDrawn = start
  }

  /// Counts `steps` further and shows `suffix` behind the speed.
  public func update(by steps: Int, _ suffix: String = "") {
    count += steps
    self.suffix = suffix
    let now = clock()
    if now - lastDrawn >= (isTerminal ? 0.1 : interval) {
      lastDrawn = now
      draw(now)
    }
  }

  /// Replaces what stands behind the speed by final values.
  func show(_ metrics: [(name: String, value: Double)]) {
    suffix = metrics.map { "\($0.name)=\($0.value.formatted(digits: 4))" }.joined(separator: ", ")
  }

  /// Draws the last state and ends the line.
  public func finish() {
    draw(clock())
    if isTerminal { write("\n") }
  }

  private func draw(_ now: Double) {
    let text = text(elapsed: now - start)
    if isTerminal {
      let gap = String(repeating: " ", count: max(0, lastLength - text.count))
      write("\r" + text + gap)
      lastLength = text.count
    } else {
      write(text + "\n")
    }
  }

  private func text(elapsed: Double) -> String {
    let rate = elapsed > 0 ? Double(count) / elapsed : 0
    let speed =
      rate >= 1 || rate == 0
      ? "\(rate.formatted(digits: 2))\(unit)/s" : "\((1 / rate).formatted(digits: 2))s/\(unit)"
    let tail = suffix.isEmpty ? "" : ", " + suffix
    guard let total, total > 0 else {
      return "\(label): \(count)\(unit) [\(Self.time(elapsed)), \(speed)\(tail)]"
    }
    let fraction = min(1, Double(count) / Double(total))
    let percent = String(Int(fraction * 100))
    let left = rate > 0 ? Self.time(Double(total - count) / rate) : "?"
    return "\(label): \(String(repeating: " ", count: 3 - percent.count))\(percent)%|\(Self.bar(fraction))| "
      + "\(count)/\(total) [\(Self.time(elapsed))<\(left), \(speed)\(tail)]"
  }

  /// Ten cells with eighths, as tqdm draws them.
  private static func bar(_ fraction: Double) -> String {
    let eighths = Int(fraction * 80)
    let parts = [" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
    let full = String(repeating: "█", count: eighths / 8)
    let rest = eighths < 80 ? parts[eighths % 8] : ""
    return full + rest + String(repeating: " ", count: max(0, 10 - eighths / 8 - 1))
  }

  private static func time(_ seconds: Double) -> String {
    let whole = Int(seconds.rounded(.down))
    func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
    let short = "\(two(whole / 60 % 60)):\(two(whole % 60))"
    return whole >= 3_600 ? "\(whole / 3_600):\(short)" : short
  }
}
