import Foundation
import NNCore
import NNFiles

extension HeadSearch.Trial {
  /// Cells of a row of ``HeadSearch/columns``; empty where there is none.
  fileprivate var cells: [String] {
    func number(_ value: Double) -> String { String(format: "%.4g", value) }
    let head: [String] =
      switch self.head {
      case .trained(let candidate):
        [
          candidate.normalizes ? "batchnorm" : "linear", candidate.optimizer.rawValue,
          number(candidate.learningRate), number(candidate.weightDecay),
        ]
      case .logistic(let regularization), .ridge(let regularization):
        [self.head.kind.rawValue, "", "", number(regularization)]
      case .neighbors(let count): ["\(count) \(self.head.kind.rawValue)", "", "", ""]
      case .prototypes: [self.head.kind.rawValue, "", "", ""]
      }
    return head + [
      String(format: "%.4f", validationAccuracy), String(format: "%.4f", validationLoss),
      trainingAccuracy.map { String(format: "%.4f", $0) } ?? "",
    ]
  }

  var name: String { cells[..<4].filter { !$0.isEmpty }.joined(separator: " ") }
}

extension HeadSearch {
  fileprivate static let columns = [
    "head", "optimizer", "lr", "decay", "val_acc", "val_loss", "train_acc",
  ]

  private static func rows(_ trials: [Trial], _ notes: [String]?, _ title: String) -> [[String]] {
    guard let notes else { return [columns] + trials.map(\.cells) }
    require(notes.count == trials.count, "HeadSearch", "\(notes.count) notes for \(trials.count) trials")
    return [columns + [title]] + zip(trials, notes).map { $0.cells + [$1] }
  }

  /// A row for each trial, in their order.
  ///
  /// - Parameters:
  ///   - notes: a word about each for a last column.
  ///   - title: of that column.
  public static func table(_ trials: [Trial], notes: [String]? = nil, called title: String = "") -> String {
    let rows = rows(trials, notes, title)
    return textTable(rows[0], Array(rows.dropFirst()), rightAligned: [2, 3, 4, 5, 6])
  }

  /// Writes the table with commas between the cells.
  ///
  /// - Throws: `FileError`.
  public static func write(
    csv path: String, _ trials: [Trial], notes: [String]? = nil, called title: String = ""
  ) throws {
    let lines = rows(trials, notes, title).map { $0.joined(separator: ",") }
    try AtomicFile.write(path) { try $0.write(Array((lines.joined(separator: "\n") + "\n").utf8)) }
  }

  /// Draws how the validation accuracies of the best trained heads grew, and that of the best head that is solved.
  ///
  /// - Parameters:
  ///   - trials: as `run` gives them, the best first.
  ///   - count: lines at most.
  /// - Throws: `FileError`.
  public static func write(plot path: String, _ trials: [Trial], count: Int = 3) throws {
    var lines = trials.filter { !$0.curve.isEmpty }.prefix(count).map { trial in
      SVGPlot.Line(
        name: trial.name, points: trial.curve.enumerated().map { (Double($0.offset + 1), $0.element) })
    }
    let epochs = trials.map(\.curve.count).max() ?? 1
    if let solved = trials.first(where: { $0.curve.isEmpty }) {
      let value = solved.validationAccuracy
      lines.append(SVGPlot.Line(name: solved.name, points: [(1, value), (Double(max(2, epochs)), value)]))
    }
    let plot = SVGPlot(title: "Validation accuracy", xLabel: "epoch", lines: lines)
    try AtomicFile.write(path) { try $0.write(Array(plot.text.utf8)) }
  }
}
