/// A drawing of characters that have two by four dots each.
struct BrailleCanvas {
  private var cells: [[UInt32]]
  private var marks: [[Bool]]

  init(columns: Int, rows: Int) {
    cells = Array(repeating: Array(repeating: 0, count: columns), count: rows)
    marks = Array(repeating: Array(repeating: false, count: columns), count: rows)
  }

  /// Bits of the dots in the Unicode block from U+2800, by row and column.
  private static let bits: [[UInt32]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]

  mutating func draw(x: Int, y: Int) { cells[y / 4][x / 2] |= Self.bits[y % 4][x % 2] }
  mutating func mark(x: Int, y: Int) { marks[y / 4][x / 2] = true }

  mutating func drawLine(from a: (x: Int, y: Int), to b: (x: Int, y: Int)) {
    let steps = max(abs(b.x - a.x), abs(b.y - a.y))
    for step in 0...steps {
      let part = steps == 0 ? 0 : Double(step) / Double(steps)
      draw(
        x: Int((Double(a.x) + Double(b.x - a.x) * part).rounded()),
        y: Int((Double(a.y) + Double(b.y - a.y) * part).rounded()))
    }
  }

  var lines: [String] {
    zip(cells, marks).map { row, marks in
      zip(row, marks).reduce(into: "") { line, cell in
        if cell.1 {
          line.append("●")
        } else {
          line.unicodeScalars.append(cell.0 == 0 ? " " : Unicode.Scalar(0x2800 + cell.0) ?? " ")
        }
      }
    }
  }
}
