/// How far a fit is.
public struct FitProgress: Codable, Sendable, Equatable {
  /// Epochs that are finished.
  public internal(set) var epoch = 0
  /// Batches of the epoch under way that are done.
  public internal(set) var batch = 0
  /// Batches done since the start.
  public internal(set) var totalBatches = 0
  /// Optimizer steps.
  public internal(set) var globalStep = 0
  /// Whether the validation behind the last batch is still to be made.
  public internal(set) var isValidationPending = false
  /// Whether the last batch of the epoch under way is done; its validation and its end are still to come.
  public internal(set) var isEpochComplete = false
  /// Batch size that a `BatchSizeFinder` put in the place of the loader's own.
  public internal(set) var batchSize: Int?
  /// Why a callback ended the fit; a resumed one stays ended.
  public internal(set) var stopRequest: String?
  /// Seconds spent so far, over all processes.
  public internal(set) var seconds = 0.0
}
