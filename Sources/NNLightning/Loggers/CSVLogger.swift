import Foundation
import NNCore
import NNLayers

/// Metrics as a table with the columns `step`, `epoch` and one for each metric; cells of metrics that a row lacks are
/// empty. A metric that appears later adds a column, for which the file is written anew.
public final class CSVLogger: Logger {
  public let path: String
  private var columns: [String] = []
  private var rows: [[String]] = []
  private let file: LogFile
  private var kept: Int?

  /// - Parameter path: the file; a new fit starts it anew, a resumed one goes on.
  public init(_ path: String) {
    self.path = path
    file = LogFile(path)
  }

  public override var stateKey: String { "CSVLogger(\(path))" }

  public override func setup(_ trainer: Trainer, _ model: Module, stage: RunningStage) {
    if stage == .fit { (kept, columns, rows) = (nil, [], []) }
  }

  public override func onFitStart(_ trainer: Trainer, _ model: Module) throws {
    if let kept, let text = try? String(contentsOfFile: path, encoding: .utf8) {
      let lines = text.split(separator: "\n").map { Self.cells(String($0)) }
      if lines.count > kept, let head = lines.first, head.starts(with: ["step", "epoch"]) {
        columns = Array(head.dropFirst(2))
        rows = Array(lines[1..<kept + 1])
      }
    }
    try writeAll()
  }

  public override func log(_ metrics: Metrics, step: Int, epoch: Int) throws {
    let new = metrics.names.filter { !columns.contains($0) }
    columns += new
    let row = ["\(step)", "\(epoch)"] + columns.map { metrics[$0].map { "\($0)" } ?? "" }
    rows.append(row)
    if new.isEmpty { try file.append(Data(line(row).utf8)) } else { try writeAll() }
  }

  private func writeAll() throws {
    try file.makeFolder()
    let text = ([["step", "epoch"] + columns] + rows).map(line).joined()
    try AtomicFile.write(path) { try $0.write(Array(text.utf8)) }
    try file.open(keeping: text.utf8.count)
  }

  private func line(_ cells: [String]) -> String {
    let missing = Array(repeating: "", count: columns.count + 2 - cells.count)
    return (cells + missing).map(Self.quoted).joined(separator: ",") + "\n"
  }

  /// RFC 4180: a cell with a comma, quote or line break stands in quotes. Metric names have no line breaks here.
  private static func quoted(_ cell: String) -> String {
    guard cell.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return cell }
    let flat = String(cell.map { $0.isNewline ? " " : $0 })
    return "\"" + flat.replacingOccurrences(of: "\"", with: "\"\"") + "\""
  }

  private static func cells(_ line: String) -> [String] {
    var cells: [String] = [""]
    var isQuoted = false
    var rest = line[...]
    while let character = rest.popFirst() {
      if character == "\"" {
        if isQuoted, rest.first == "\"" {
          cells[cells.count - 1].append("\"")
          rest.removeFirst()
        } else {
          isQuoted.toggle()
        }
      } else if character == ",", !isQuoted {
        cells.append("")
      } else {
        cells[cells.count - 1].append(character)
      }
    }
    return cells
  }

  public override func state() throws -> CallbackState? { try CallbackState(rows.count) }
  public override func loadState(_ state: CallbackState) throws { kept = max(0, try state.value()) }
}
