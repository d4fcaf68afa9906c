import Foundation
import NNCore

/// What a ``TerminalDashboard`` shows, and how: a pure function from these values and a size to lines.
struct Dashboard {
  /// Something under way with its bar.
  struct Task {
    var label: String
    var done = 0
    var total: Int?
    /// Of a whole, if it is known how much that is.
    var fraction: Double? { total.flatMap { $0 > 0 ? min(1, Double(done) / Double($0)) : nil } }
  }

  var epoch = Task(label: "Epoch")
  var validation: Task?
  /// How much of the whole fit is done, in 0...1; nil if nothing says when it ends.
  var runFraction: Double?
  var step = 0
  /// Seconds since the start, and expected to the end of the epoch and of the fit.
  var elapsed = 0.0
  var epochLeft: Double?
  var runLeft: Double?
  var samplesPerSecond: Double?
  var metrics: Metrics = [:]
  var losses = Curve()
  var validationLosses = Curve()
  /// Said behind the bars.
  var note = ""

  /// At most `height` lines of at most `width` characters; what matters most comes first when there is little room.
  func lines(width: Int, height: Int) -> [String] {
    let bars = [
      bar(validation ?? epoch, left: validation == nil ? epochLeft : nil, width),
      bar("Run", runFraction, ["step \(step)", ProgressLine.time(elapsed)], runLeft, width),
    ]
    var speed = samplesPerSecond.map { ["\($0.formatted(digits: 1)) samples/s"] } ?? []
    if !note.isEmpty { speed.append(note) }
    let words = wrapped(metrics.map { "\(printable($0.name)) \($0.value.short)" }, width)
    let text = bars + words + wrapped(speed, width)
    // Two lines of the plot are its frame.
    let rows = min(12, height - text.count - 2)
    let plot = rows >= 3 ? self.plot(width: width, rows: rows) : []
    return (plot + text).prefix(max(0, height)).map { String($0.filter { !$0.isNewline }.prefix(width)) }
  }

  private func bar(_ task: Task, left: Double?, _ width: Int) -> String {
    bar(task.label, task.fraction, ["\(task.done)" + (task.total.map { "/\($0)" } ?? "")], left, width)
  }

  /// `Epoch 2/3      ███████▌             43%  17/40  00:12 left`
  private func bar(_ label: String, _ fraction: Double?, _ facts: [String], _ left: Double?, _ width: Int)
    -> String
  {
    let tail = (facts + (left.map { ["\(ProgressLine.time($0)) left"] } ?? [])).joined(separator: "  ")
    let head = (label + " ").padded(to: 15)
    guard let fraction else { return head + tail }
    let percent = "\(Int(fraction * 100))%".padded(to: -5)
    let room = min(40, width - head.count - percent.count - tail.count - 2)
    let bar = room >= 4 ? ProgressLine.bar(fraction, width: room) : ""
    return "\(head)\(bar)\(percent)  \(tail)"
  }

  /// Joins words into as many lines as they need.
  private func wrapped(_ words: [String], _ width: Int) -> [String] {
    words.reduce(into: []) { lines, word in
      if let last = lines.last, last.count + 3 + word.count <= width {
        lines[lines.count - 1] += "   " + word
      } else {
        lines.append(word)
      }
    }
  }

  /// The losses over the steps: the training's as a line, a mark for each validation.
  private func plot(width: Int, rows: Int) -> [String] {
    let values = (losses.points + validationLosses.points).filter { $0.y.isPlottable }
    guard let low = values.map(\.y).min(), let high = values.map(\.y).max() else { return [] }
    let ends = [losses.ends, validationLosses.ends].compactMap { $0 }
    let first = ends.map(\.first).min() ?? 0
    let last = max(first + 1, ends.map(\.last).max() ?? 0)
    let label = 10
    let columns = min(100, width) - label - 1
    guard columns >= 10 else { return [] }
    func column(_ x: Double) -> Int { Int((x - first) / (last - first) * Double(columns * 2 - 1)) }
    func row(_ y: Double) -> Int {
      high > low ? Int(((high - y) / (high - low) * Double(rows * 4 - 1)).rounded()) : rows * 2
    }
    var canvas = BrailleCanvas(columns: columns, rows: rows)
    var pen: (x: Int, y: Int)?
    for point in losses.points where point.y.isPlottable {
      let next = (x: column(point.x), y: row(point.y))
      canvas.drawLine(from: pen ?? next, to: next)
      pen = next
    }
    for point in validationLosses.points where point.y.isPlottable {
      canvas.mark(x: column(point.x), y: row(point.y))
    }
    var lines = canvas.lines.map { String(repeating: " ", count: label) + "│" + $0 }
    lines[0] = high.short.padded(to: -label) + "┤" + lines[0].dropFirst(label + 1)
    if high > low {
      lines[rows - 1] =
        low.short.padded(to: -label) + "┤" + lines[rows - 1].dropFirst(label + 1)
    }
    let (start, end) = ("\(Int(first)) ", " \(Int(last))")
    let rule = String(repeating: "─", count: max(0, columns - start.count - end.count))
    lines.append(String(repeating: " ", count: label) + "└" + start + rule + end)
    let legend = "⠒ loss" + (validationLosses.points.isEmpty ? "" : "   ● val_loss")
    lines.append(String(repeating: " ", count: label + 1) + legend)
    return lines
  }
}

extension Double {
  /// In ten characters at most.
  fileprivate var short: String {
    self == 0 || isNaN || (1e-3..<1e4).contains(abs(self))
      ? formatted(digits: 4) : String(format: "%.3e", self)
  }
}

extension String {
  /// With spaces behind it, or before it for a negative width.
  fileprivate func padded(to width: Int) -> String {
    let gap = String(repeating: " ", count: max(0, abs(width) - count))
    return width < 0 ? gap + self : self + gap
  }
}
