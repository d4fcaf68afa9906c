import NNCore

// Steps on a GPU that repeat are recorded, and started as graphs; see `RepeatedStep`.
extension FitLoop {
  func beginRepeating() {
    guard trainer.usesCUDAGraphs else { return }
    let step = RepeatedStep(on: trainer.device)
    if step.isSupported { repeated = step }
  }

  /// A batch on the Trainer's device, where the recording of a step expects it.
  func placed(_ batch: Model.TrainBatch) throws -> Model.TrainBatch {
    if repeated != nil, trainer.accumulateGradBatches > 1 {
      stopRepeating("the gradients of several batches make a step")
    }
    let batch = try trainer.moved(batch)
    return repeated?.placed(batch) ?? batch
  }

  /// Runs what is done with one batch.
  func repeating<T>(_ step: () throws -> T) rethrows -> T {
    guard let repeated else { return try step() }
    defer { if let problem = repeated.problem { stopRepeating(problem) } }
    return try repeated(step)
  }

  private func stopRepeating(_ problem: String) {
    repeated = nil
    trainer.note("Steps are not started as CUDA graphs: \(problem).")
  }
}
