/// Why a fit ended.
public enum StopReason: Sendable, Equatable, CustomStringConvertible {
  /// It went its full length.
  case maxEpochs(Int)
  case maxSteps(Int)
  case maxTime(Duration)
  /// Ctrl-C, SIGTERM, or a terminal or pipe that was closed.
  case interrupted
  /// A callback or the program asked for it.
  case requested(String)

  public var description: String {
    switch self {
    case .maxEpochs(let count): "maxEpochs reached (\(count))"
    case .maxSteps(let count): "maxSteps reached (\(count))"
    case .maxTime(let time): "maxTime reached (\(time))"
    case .interrupted: "interrupted"
    case .requested(let reason): reason
    }
  }
}

/// How a fit ended.
public struct FitResult: Sendable {
  /// Metrics at the end.
  public let metrics: Metrics
  /// Metrics of the best checkpoint, nil without a `ModelCheckpoint` that watches a metric.
  public let bestMetrics: Metrics?
  /// Path of the best checkpoint.
  public let bestCheckpoint: String?
  /// Path of the last checkpoint.
  public let lastCheckpoint: String?
  /// Epochs that were begun.
  public let epochs: Int
  /// Optimizer steps.
  public let steps: Int
  /// Why it ended.
  public let stopReason: StopReason
  public let timings: Timings

  /// Whether it went its full length in epochs.
  public var isComplete: Bool { if case .maxEpochs = stopReason { true } else { false } }

  /// Where the time went, in seconds of this process.
  public struct Timings: Sendable {
    public internal(set) var total = 0.0
    /// Waiting for training batches.
    public internal(set) var loading = 0.0
    /// Training steps.
    public internal(set) var training = 0.0
    public internal(set) var validation = 0.0
  }
}
