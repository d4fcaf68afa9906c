import NNCore
import NNData
import NNLayers

// What processes that train together must have alike.
extension FitLoop {
  func agreeOnRun() throws {
    let strategy = trainer.strategy
    if strategy.count == 1 { return }
    try strategy.agree(on: "library version", libraryVersion)
    let state = model.stateDict().map { "\($0.key) \($0.value.shape) \($0.value.dtype)" }
    try strategy.agree(on: "model", state.joined(separator: "\n"))
    let trained = model.namedParameters().filter { $0.parameter.requiresGrad }.map(\.name)
    try strategy.agree(on: "trained parameters", trained.joined(separator: "\n"))
    try strategy.agree(on: "settings", settings.joined(separator: "\n"))
    try strategy.agree(on: "training data", data(of: loader))
    try strategy.agree(on: "validation data", validation.map { data(of: $0.loader) } ?? "none")
  }

  private var settings: [String] {
    [
      "optimizer \(type(of: optimizer)) with learning rates \(optimizer.learningRates)",
      "schedules \(schedules.map { "\(type(of: $0.scheduler)) every \($0.frequency) \($0.interval)" })",
      "accumulateGradBatches \(trainer.accumulateGradBatches)", "gradientClip \(text(trainer.gradientClip))",
      "maxEpochs \(text(trainer.maxEpochs))", "maxSteps \(text(trainer.maxSteps))",
      "maxTime \(text(trainer.maxTime))", "limitTrainBatches \(trainer.limitTrainBatches)",
      "limitValidationBatches \(trainer.limitValidationBatches)",
      "validationInterval \(trainer.validationInterval)",
    ]
  }

  private func text<T>(_ value: T?) -> String { value.map { "\($0)" } ?? "none" }

  /// What is known of a loader's data without reading all of it.
  private func data(of loader: Any?) -> String {
    guard let loader = loader as? any DescribedLoader else { return "of a loader of one's own" }
    return loader.dataDescription
  }
}

/// A loader that can tell its data from others.
private protocol DescribedLoader {
  var dataDescription: String { get }
}

extension DataLoader: DescribedLoader {
  fileprivate var dataDescription: String {
    let targets = try? (dataset as? any RepeatableDataset)?.targets(at: Array(0..<dataset.count))
    let labels = targets.map { String(digest(of: [$0]), radix: 16) } ?? "unknown"
    return "\(dataset.count) elements of \(type(of: dataset))\nlabels with the digest \(labels)"
  }
}
