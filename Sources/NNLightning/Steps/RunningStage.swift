/// What a run is doing.
public enum RunningStage: String, Sendable, Codable {
  case fit, validate, test, predict
}

extension RunningStage {
  /// For messages.
  var dataName: String {
    switch self {
    case .fit: "training"
    case .validate: "validation"
    case .test: "test"
    case .predict: "prediction"
    }
  }
}
