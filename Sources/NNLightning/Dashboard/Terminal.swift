import Foundation
import NNCore

/// What a dashboard is drawn on.
package struct Terminal {
  /// Characters; nil if it is no terminal that lines can be drawn on again.
  package var size: () -> (columns: Int, rows: Int)?
  package var write: (String) -> Void
  /// Seconds.
  package var now: () -> Double

  package init(
    size: @escaping () -> (columns: Int, rows: Int)?, write: @escaping (String) -> Void,
    now: @escaping () -> Double
  ) {
    self.size = size
    self.write = write
    self.now = now
  }

  var canShowDashboard: Bool { size().map { $0.columns >= 40 && $0.rows >= 8 } ?? false }

  static var standardError: Terminal {
    let isDumb = ["", "dumb"].contains(ProcessInfo.processInfo.environment["TERM"] ?? "")
    return Terminal(
      size: {
        var size = winsize()
        guard !isDumb, isatty(STDERR_FILENO) == 1, ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 else {
          return nil
        }
        return (Int(size.ws_col), Int(size.ws_row))
      },
      write: { writeToStandardError($0) },
      now: { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 })
  }
}

/// Lines that are drawn one state over the other. The cursor stands below them in between.
struct Screen {
  private let terminal: Terminal
  private var size: (columns: Int, rows: Int)?
  private var drawn = 0

  init(_ terminal: Terminal) { self.terminal = terminal }

  mutating func show(_ dashboard: Dashboard) {
    guard let now = terminal.size() else { return }
    var text = ""
    if let size, size != now {
      // Lines of another width may have been broken: where the former state lies is not known.
      text = "\u{1b}[H\u{1b}[J"
      drawn = 0
    }
    size = now
    if drawn > 0 { text += "\u{1b}[\(drawn)A" }
    // A line as wide as the terminal would leave the cursor to its mood.
    let lines = dashboard.lines(width: now.columns - 1, height: now.rows - 1)
    text += "\r" + lines.map { $0 + "\u{1b}[K\n" }.joined() + "\u{1b}[J"
    drawn = lines.count
    terminal.write(text)
  }

  /// Puts a line of text in the place of the state, and the next state below it.
  mutating func say(_ line: String) {
    terminal.write((drawn > 0 ? "\u{1b}[\(drawn)A" : "") + "\r\u{1b}[J" + line + "\n")
    drawn = 0
  }

  /// Leaves the state where it is and draws the next below the cursor.
  mutating func beginAnew() { drawn = 0 }
}
