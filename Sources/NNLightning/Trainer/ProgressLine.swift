import Foundation
import NNCore

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
  /// Steps that were done before the line began; they do not count for the speed.
  private let done: Int
  private var count: Int
  /// Made when it is drawn: what it shows may have to be waited for.
  private var suffix = { "" }
  private var lastLength = 0

  /// A line on standard error.
  ///
  /// - Parameter done: steps that were done before.
  public convenience init(label: String, total: Int?, unit: String, interval: Double = 5, done: Int = 0) {
    self.init(
      label: label, total: total, unit: unit, interval: interval, done: done,
      isTerminal: isatty(STDERR_FILENO) == 1,
      clock: { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 },
      write: { writeToStandardError($0) })
  }

  package init(
    label: String, total: Int?, unit: String, interval: Double, done: Int = 0, isTerminal: Bool,
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
    self.done = done
    count = done
    start = clock()
    lastDrawn = start
  }

  /// Counts `steps` further and shows `suffix` behind the speed.
  public func update(by steps: Int, _ suffix: String = "") { update(by: steps) { suffix } }

  /// The same with a text that is made when the line is drawn, which is not every time.
  func update(by steps: Int, suffix: @escaping () -> String) {
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
    suffix = {
      metrics.map { "\(printable($0.name))=\($0.value.formatted(digits: 4))" }.joined(separator: ", ")
    }
  }

  /// Ends the line on the screen; it goes on on the next one.
  func pause() {
    if isTerminal { write("\n") }
    lastLength = 0
  }

  /// Shows a text on a line of its own.
  func interrupt(with text: String) {
    let gap = String(repeating: " ", count: max(0, lastLength - text.count))
    write((isTerminal ? "\r" : "") + text + gap + "\n")
    lastLength = 0
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
    let rate = elapsed > 0 ? Double(count - done) / elapsed : 0
    let speed =
      rate >= 1 || rate == 0
      ? "\(rate.formatted(digits: 2))\(unit)/s" : "\((1 / rate).formatted(digits: 2))s/\(unit)"
    let shown = suffix()
    let tail = shown.isEmpty ? "" : ", " + shown
    guard let total, total > 0 else {
      return "\(label): \(count)\(unit) [\(Self.time(elapsed)), \(speed)\(tail)]"
    }
    let fraction = min(1, Double(count) / Double(total))
    let percent = String(Int(fraction * 100))
    let left = rate > 0 ? Self.time(Double(total - count) / rate) : "?"
    return "\(label): \(String(repeating: " ", count: 3 - percent.count))\(percent)%|\(Self.bar(fraction))| "
      + "\(count)/\(total) [\(Self.time(elapsed))<\(left), \(speed)\(tail)]"
  }

  /// Cells with eighths, as tqdm draws them.
  static func bar(_ fraction: Double, width: Int = 10) -> String {
    let eighths = Int(fraction * Double(width * 8))
    let parts = [" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
    let full = String(repeating: "█", count: eighths / 8)
    let rest = eighths < width * 8 ? parts[eighths % 8] : ""
    return full + rest + String(repeating: " ", count: max(0, width - eighths / 8 - 1))
  }

  /// `01:05`, `2:01:05`
  static func time(_ seconds: Double) -> String {
    let whole = Int(min(seconds, 1e9))
    func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
    let short = "\(two(whole / 60 % 60)):\(two(whole % 60))"
    return whole >= 3_600 ? "\(whole / 3_600):\(short)" : short
  }
}
