import NNCore
import NNLayers

/// A learning-rate schedule and when the Trainer advances it.
public struct ScheduledRate {
  /// How often a schedule advances.
  public enum Interval: Sendable { case epoch, step }

  public let scheduler: any LRScheduler
  public let interval: Interval
  /// Metric that is handed to a schedule that asks for one (`ReduceLROnPlateau`).
  public let monitor: MetricKey?
  /// Epochs or steps between two advances.
  public let frequency: Int
  /// Whether a metric that the run does not have is an error.
  public let strict: Bool

  /// - Parameters:
  ///   - interval: after each epoch (and its validation) or after each optimizer step.
  ///   - monitor: metric that is handed to the schedule. It advances only where the metric is new since it last did:
  ///     not behind epochs without validation, and not before the first one.
  ///   - frequency: advances behind every so many epochs or steps, at least 1.
  ///   - strict: a metric that the run does not have is refused before the first step; without, it is told, and the
  ///     schedule never advances.
  public init(
    _ scheduler: any LRScheduler, interval: Interval = .epoch, monitor: MetricKey? = nil, frequency: Int = 1,
    strict: Bool = true
  ) {
    require(frequency >= 1, "ScheduledRate", "frequency must be at least 1, got \(frequency)")
    self.scheduler = scheduler
    self.interval = interval
    self.monitor = monitor
    self.frequency = frequency
    self.strict = strict
  }
}
