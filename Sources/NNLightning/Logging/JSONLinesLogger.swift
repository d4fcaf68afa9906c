import Foundation
import NNCore
import NNLayers

/// Metrics as one JSON object per line, with `step` and `epoch`. NaN and infinities are the strings "nan", "inf" and
/// "-inf": JSON has no numbers for them.
public final class JSONLinesLogger: Logger {
  public let path: String
  private let file: LogFile
  private var kept = 0

  /// - Parameter path: the file; a new fit starts it anew, a resumed one goes on.
  public init(_ path: String) {
    self.path = path
    file = LogFile(path)
  }

  public override func setup(_ trainer: Trainer, _ model: Module, stage: RunningStage) {
    if stage == .fit { kept = 0 }
  }

  public override func onFitStart(_ trainer: Trainer, _ model: Module) throws {
    try file.open(keeping: kept)
    if kept == 0 { try super.onFitStart(trainer, model) }
  }

  public override func log(_ metrics: Metrics, step: Int, epoch: Int) throws {
    let fields = metrics.map { "\(jsonText($0.name)):\(jsonNumber($0.value))" }
    try append((["\"step\":\(step)", "\"epoch\":\(epoch)"] + fields).joined(separator: ","))
  }

  public override func logHyperparameters(_ json: String) throws { try append("\"hyperparameters\":\(json)") }

  private func append(_ fields: String) throws { try file.append(Data("{\(fields)}\n".utf8)) }

  public override func state() throws -> CallbackState? { try CallbackState(file.size) }
  public override func loadState(_ state: CallbackState) throws {
    kept = try state.count("bytes of JSONLinesLogger")
  }
}
