import Foundation
import NNDistributed
import NNLightning

/// One row of the comparison that the experiments end with.
public struct Outcome {
  public let name: String
  public let trainable: Int
  public let seconds: Double
  public let metrics: Metrics

  public init(name: String, trainable: Int, seconds: Double, metrics: Metrics) {
    self.name = name
    self.trainable = trainable
    self.seconds = seconds
    self.metrics = metrics
  }
}

/// Prints the outcomes side by side.
public func printComparison(_ outcomes: [Outcome]) {
  let header = ["model", "trainable parameters", "val_acc", "test_acc", "training time"]
  let rows = outcomes.map { outcome in
    [
      outcome.name, "\(outcome.trainable)", text(outcome.metrics["val_acc"]),
      text(outcome.metrics["test_acc"]),
      String(format: "%.1f s", outcome.seconds),
    ]
  }
  print()
  print(textTable(header, rows, rightAligned: [1, 2, 3, 4]))
}

private func text(_ value: Double?) -> String { value.map { String(format: "%.4f", $0) } ?? "-" }

/// Writes metrics as a JSON object with the names that are printed; the file is there whole or not at all.
public func writeMetrics(_ metrics: Metrics, to path: String) throws {
  guard Processes.isFirst else { return }
  var values: [String: Double] = [:]
  for (name, value) in metrics where value.isFinite { values[name] = value }
  let data = try JSONSerialization.data(withJSONObject: values, options: [.prettyPrinted, .sortedKeys])
  do {
    try data.write(to: URL(fileURLWithPath: path), options: .atomic)
  } catch {
    throw ReportError.unwritable(path)
  }
}

/// Metrics that cannot be written.
public enum ReportError: Error, CustomStringConvertible {
  case unwritable(String)

  public var description: String {
    switch self {
    case .unwritable(let path): "\(path): expected a file that can be written to, in a folder that is there"
    }
  }
}
