import Foundation
import NNCore
import NNFiles
import NNLayers

/// Metrics as a table with the columns `step`, `epoch` and one for each metric; cells of metrics that a row lacks are
/// empty. A metric that appears later adds a column, for which the file is written anew. Control characters in names
/// stand as `\u{1b}`.
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

  public override func setup(_ trainer: Trainer, _ model: Module, stage: RunningStage) {
    if stage == .fit { (kept, columns, rows) = (nil, [], []) }
  }

  public override func onFitStart(_ trainer: Trainer, _ model: Module) throws {
    if let kept, let text = try? Data(contentsOf: URL(fileURLWithPath: path)) {
      let lines = text.split(separator: UInt8(ascii: "\n")).map { Self.cells($0) }
      if lines.count > kept, let head = lines.first, head.starts(with: ["step", "epoch"]) {
        columns = Array(head.dropFirst(2))
        rows = Array(lines[1..<kept + 1])
      }
    }
    try writeAll()
    trainer.removeLeftovers(in: file.folder)
  }

  public override func log(_ metrics: Metrics, step: Int, epoch: Int) throws {
    var cells: [String: String] = [:]
    for (name, value) in metrics { cells[printable(name)] = "\(value)" }
    let new = metrics.names.map { printable($0) }.filter { !columns.contains($0) }
    columns += new
    let row = ["\(step)", "\(epoch)"] + columns.map { cells[$0] ?? "" }
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

  /// RFC 4180: a cell with a comma or quote stands in quotes; line breaks are escaped already. By bytes, as others read
  /// the file: to a `Character`, a comma with a combining mark behind it is none.
  private static func quoted(_ cell: String) -> String {
    guard cell.utf8.contains(where: { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") }) else {
      return cell
    }
    var bytes: [UInt8] = [UInt8(ascii: "\"")]
    for byte in cell.utf8 {
      if byte == UInt8(ascii: "\"") { bytes.append(byte) }
      bytes.append(byte)
    }
    return String(decoding: bytes + [UInt8(ascii: "\"")], as: UTF8.self)
  }

  private static func cells(_ line: some Sequence<UInt8>) -> [String] {
    var cells: [[UInt8]] = [[]]
    var isQuoted = false
    var rest = Array(line)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\"") {
        if isQuoted, rest.first == byte {
          cells[cells.count - 1].append(byte)
          rest.removeFirst()
        } else {
          isQuoted.toggle()
        }
      } else if byte == UInt8(ascii: ","), !isQuoted {
        cells.append([])
      } else {
        cells[cells.count - 1].append(byte)
      }
    }
    return cells.map { String(decoding: $0, as: UTF8.self) }
  }

  public override func state() throws -> CallbackState? { try CallbackState(rows.count) }
  public override func loadState(_ state: CallbackState) throws {
    kept = try state.count("rows of CSVLogger")
  }
}
