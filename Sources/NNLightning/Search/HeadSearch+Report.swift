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
      case .ridge(let regularization): ["ridge", "", "", number(regularization)]
      }
    return head + [
      String(format: "%.4f", validationAccuracy), validationLoss.map { String(format: "%.4f", $0) } ?? "",
      String(format: "%.4f", trainingAccuracy),
    ]
  }

  fileprivate var name: String { cells[..<4].filter { !$0.isEmpty }.joined(separator: " ") }
}

extension HeadSearch {
  fileprivate static let columns = [
    "head", "optimizer", "lr", "weight decay", "val_acc", "val_loss", "train_acc",
  ]

  /// A row for each trial, in their order.
  public static func table(_ trials: [Trial]) -> String {
    textTable(columns, trials.map(\.cells), rightAligned: [2, 3, 4, 5, 6])
  }

  /// Writes the table with commas between the cells.
  ///
  /// - Throws: `FileError`.
  public static func write(csv path: String, _ trials: [Trial]) throws {
    let lines = ([columns] + trials.map(\.cells)).map { $0.joined(separator: ",") }
    try AtomicFile.write(path) { try $0.write(Array((lines.joined(separator: "\n") + "\n").utf8)) }
  }

  /// Draws how the validation accuracies of the best trained heads grew, and that of the best ridge regression.
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
    if let ridge = trials.first(where: { $0.curve.isEmpty }) {
      let value = ridge.validationAccuracy
      lines.append(SVGPlot.Line(name: ridge.name, points: [(1, value), (Double(max(2, epochs)), value)]))
    }
    let plot = SVGPlot(title: "Validation accuracy", xLabel: "epoch", lines: lines)
    try AtomicFile.write(path) { try $0.write(Array(plot.text.utf8)) }
  }
}
