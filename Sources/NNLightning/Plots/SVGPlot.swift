import Foundation

/// A line plot as SVG text, for reports that need no network and no program but a browser.
struct SVGPlot {
  struct Line {
    var name: String
    var points: [(x: Double, y: Double)]
    /// Drawn as a dot: one point that matters.
    var isMark = false
  }

  var title: String
  var xLabel: String
  var lines: [Line]
  var isLogarithmicX = false
  var isLogarithmicY = false

  private static let (width, height) = (640.0, 300.0)
  private static let (left, right, top, bottom) = (64.0, 16.0, 34.0, 44.0)
  /// Okabe and Ito's colours (2008), which colour-blind people tell apart.
  private static let colors = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]

  /// Drawing of the points that are finite and whose distances are, too; a text instead where there are none.
  var text: String {
    let shown = lines.map { line in
      var line = line
      line.points = line.points.filter {
        $0.x.isPlottable && $0.y.isPlottable && (!isLogarithmicX || $0.x > 0)
          && (!isLogarithmicY || $0.y > 0)
      }
      return line
    }
    let all = shown.flatMap(\.points)
    var body = "<text x=\"\(Self.left)\" y=\"20\" class=\"title\">\(escapedHTML(title))</text>"
    if all.isEmpty {
      body += "<text x=\"\(Self.left)\" y=\"60\">no values yet</text>"
    } else {
      let x = Axis(all.map(\.x), isLogarithmic: isLogarithmicX)
      let y = Axis(all.map(\.y), isLogarithmic: isLogarithmicY)
      body += grid(x, y) + shown.enumerated().map { draw($0.element, $0.offset, x, y) }.joined()
      body += legend(shown)
    }
    return
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" viewBox=\"0 0 \(Self.width) \(Self.height)\" "
      + "font-family=\"sans-serif\" font-size=\"12\" role=\"img\" aria-label=\"\(escapedHTML(title))\">\(body)</svg>"
  }

  private func place(_ axis: Axis, _ value: Double, horizontal: Bool) -> String {
    let share = axis.share(value)
    let place =
      horizontal
      ? Self.left + share * (Self.width - Self.left - Self.right)
      : Self.height - Self.bottom - share * (Self.height - Self.top - Self.bottom)
    return place.formatted(digits: 2)
  }

  private func grid(_ x: Axis, _ y: Axis) -> String {
    let base = Self.height - Self.bottom
    var text = ""
    for tick in y.ticks {
      let at = place(y, tick, horizontal: false)
      text +=
        "<line x1=\"\(Self.left)\" x2=\"\(Self.width - Self.right)\" y1=\"\(at)\" y2=\"\(at)\" stroke=\"#ddd\"/>"
        + "<text x=\"\(Self.left - 6)\" y=\"\(at)\" text-anchor=\"end\" dominant-baseline=\"middle\">"
        + "\(Axis.label(tick))</text>"
    }
    for tick in x.ticks {
      let at = place(x, tick, horizontal: true)
      text +=
        "<line y1=\"\(base)\" y2=\"\(base + 4)\" x1=\"\(at)\" x2=\"\(at)\" stroke=\"#888\"/>"
        + "<text x=\"\(at)\" y=\"\(base + 17)\" text-anchor=\"middle\">\(Axis.label(tick))</text>"
    }
    let middle = (Self.left + Self.width - Self.right) / 2
    return text
      + "<line x1=\"\(Self.left)\" x2=\"\(Self.width - Self.right)\" y1=\"\(base)\" y2=\"\(base)\" stroke=\"#888\"/>"
      + "<text x=\"\(middle)\" y=\"\(Self.height - 8)\" text-anchor=\"middle\">\(escapedHTML(xLabel))</text>"
  }

  private func draw(_ line: Line, _ index: Int, _ x: Axis, _ y: Axis) -> String {
    let color = Self.colors[index % Self.colors.count]
    let points = line.points.map { (place(x, $0.x, horizontal: true), place(y, $0.y, horizontal: false)) }
    if line.isMark || points.count == 1 {
      return points.map { "<circle cx=\"\($0.0)\" cy=\"\($0.1)\" r=\"4\" fill=\"\(color)\"/>" }.joined()
    }
    let path = points.map { "\($0.0),\($0.1)" }.joined(separator: " ")
    return "<polyline fill=\"none\" stroke=\"\(color)\" stroke-width=\"1.6\" points=\"\(path)\"/>"
  }

  private func legend(_ lines: [Line]) -> String {
    var at = Self.left + Double(title.count) * 8 + 24
    return lines.enumerated().map { index, line in
      defer { at += Double(line.name.count) * 7 + 26 }
      let color = Self.colors[index % Self.colors.count]
      return "<rect x=\"\(at)\" y=\"11\" width=\"10\" height=\"10\" fill=\"\(color)\"/>"
        + "<text x=\"\(at + 14)\" y=\"20\">\(escapedHTML(line.name))</text>"
    }.joined()
  }
}

/// Range and ticks of one direction.
private struct Axis {
  let low: Double
  let high: Double
  let isLogarithmic: Bool

  init(_ values: [Double], isLogarithmic: Bool) {
    self.isLogarithmic = isLogarithmic
    let scaled = isLogarithmic ? values.map(log10) : values
    let (low, high) = (scaled.min() ?? 0, scaled.max() ?? 1)
    let margin = high > low ? (high - low) * 0.03 : Swift.max(abs(low) * 0.1, 1e-9)
    self.low = low - margin
    self.high = high + margin
  }

  func share(_ value: Double) -> Double { ((isLogarithmic ? log10(value) : value) - low) / (high - low) }

  /// About five round numbers (powers of ten on a logarithmic axis, if there are two of them).
  var ticks: [Double] {
    if isLogarithmic {
      let powers = Int(low.rounded(.up))...Swift.max(Int(low.rounded(.up)), Int(high.rounded(.down)))
      let inside = powers.filter { Double($0) >= low && Double($0) <= high }
      if inside.count >= 2 {
        return inside.filter { $0 % (1 + inside.count / 7) == 0 }.map { pow(10, Double($0)) }
      }
    }
    let raw = (high - low) / 5
    let power = pow(10, floor(log10(raw)))
    let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= raw } ?? raw
    let first = (low / step).rounded(.up)
    let count = Int(((high - first * step) / step).rounded(.down))
    let ticks = (0...Swift.max(0, count)).map { (first + Double($0)) * step }
    return isLogarithmic ? ticks.map { pow(10, $0) } : ticks
  }

  static func label(_ value: Double) -> String {
    let text = String(format: "%.4g", value)
    return text == "-0" ? "0" : text
  }
}

/// Text for HTML and SVG.
func escapedHTML(_ text: String) -> String {
  text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
    .replacingOccurrences(of: ">", with: "&gt;").replacingOccurrences(of: "\"", with: "&quot;")
}
