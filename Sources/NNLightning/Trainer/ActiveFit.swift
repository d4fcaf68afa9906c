import NNCore

/// The running or last fit, as far as checkpoints and callbacks need it, whatever its model is.
protocol ActiveFit: AnyObject {
  var validation: ValidationPass? { get }
  /// The `BatchLoader` of the training.
  var trainingLoader: Any { get }
  var elapsedSeconds: Double { get }
  /// Batches of an epoch, nil if not known beforehand.
  var trainingBatchCount: Int? { get }
  var trainingBatchSize: Int? { get }
  func useBatchSize(_ size: Int) throws
  func restartSchedules(learningRate: Double)
  func metricsAreNew(_ names: [String])
  func returnToBoundary() -> Bool
  func checkpoint() throws -> Checkpoint
  func rehearse(
    steps: Int, before: (_ step: Int, _ batch: Any) throws -> Void,
    onLoss: (_ step: Int, _ loss: Tensor) -> Void, after: (_ step: Int, _ loss: Double) throws -> Bool
  ) throws
  func forwardPass(_ around: (_ step: () throws -> Void) throws -> Void) throws
  func forEachValidationBatch(_ body: (Any) throws -> Bool) throws
}
