import NNLayers

/// A learning-rate schedule and when the Trainer advances it.
public struct ScheduledRate {
  /// How often a schedule advances.
  public enum Interval: Sendable { case epoch, step }

  public let scheduler: any LRScheduler
  public let interval: Interval
  /// Metric that is handed to a schedule that asks for one (`ReduceLROnPlateau`).
  public let monitor: MetricKey?

  /// - Parameters:
  ///   - interval: after each epoch (and its validation) or after each optimizer step.
  ///   - monitor: metric that is handed to the schedule; while there is none yet, the schedule waits.
  public init(_ scheduler: any LRScheduler, interval: Interval = .epoch, monitor: MetricKey? = nil) {
    self.scheduler = scheduler
    self.interval = interval
    self.monitor = monitor
  }
}
