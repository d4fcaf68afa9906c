import NNLayers
import NNLightning

extension Trainer {
  /// Trains, validates and tests one model, prints its metrics, and returns the row for the
  /// comparison.
  public func runExperiment<Model>(
    _ name: String, _ model: Model, _ data: ExperimentData
  ) throws -> Outcome
  where
    Model: TrainStep & ValidationStep & TestStep, Model.TrainBatch == ExperimentData.Batch,
    Model.ValidationBatch == ExperimentData.Batch, Model.TestBatch == ExperimentData.Batch
  {
    let clock = ContinuousClock()
    let start = clock.now
    let result = try fit(model, data)
    let seconds = (clock.now - start) / .seconds(1)
    if !result.isComplete { say("\(name): stopped after epoch \(result.epochs): \(result.stopReason)") }
    if result.stopReason != .interrupted { try test(model, data) }
    print(callbackMetrics)
    let trainable = model.parameters().filter(\.requiresGrad).reduce(0) { $0 + $1.count }
    return Outcome(name: name, trainable: trainable, seconds: seconds, metrics: callbackMetrics)
  }
}
