/// Which value of a metric is better.
public enum MonitorMode: String, Sendable, Codable {
  case min, max

  /// Whether `value` is better than `best` by more than `delta`. NaN is never better.
  func isBetter(_ value: Double, than best: Double, by delta: Double = 0) -> Bool {
    self == .min ? value < best - delta : value > best + delta
  }
}

extension Trainer {
  /// The value of a watched metric.
  func value(of key: MetricKey, for watcher: String) throws -> Double {
    guard let value = callbackMetrics[key] else {
      throw TrainerError.unknownMetric(key.name, watcher: watcher, known: callbackMetrics.names)
    }
    return value
  }
}
