import NNCore
import NNData
import NNLayers

/// Mistakes that train without an error and without success, found by looking at a fit before its first step.
struct Linter {
  let trainer: Trainer
  let model: Module

  /// What can be seen without running anything; one sentence each.
  func staticFindings() -> [String] {
    var findings: [String] = []
    let named = model.namedParameters()
    let held = Set((trainer.optimizer?.parameters ?? []).map(ObjectIdentifier.init))
    let forgotten = named.filter {
      $0.parameter.requiresGrad && !held.contains(ObjectIdentifier($0.parameter))
    }
    if !forgotten.isEmpty {
      findings.append(
        "No optimizer has the trainable parameters \(list(forgotten.map(\.name))): they will not change. Give them to "
          + "it, or set requiresGrad = false.")
    }
    let frozen = named.filter { !$0.parameter.requiresGrad && held.contains(ObjectIdentifier($0.parameter)) }
    let thaws = trainer.callbacks.contains { $0 is BackboneFinetuning || $0 is FinetuningPhases }
    if !frozen.isEmpty, !thaws {
      findings.append(
        "The optimizer has the frozen parameters \(list(frozen.map(\.name))): it will not change them.")
    }
    let moving = model.namedModules().filter { _, module in
      guard let norm = module as? BatchNorm, norm.runningMean != nil, !norm.isFrozen else { return false }
      let parameters = norm.parameters()
      return !parameters.isEmpty && parameters.allSatisfy { !$0.requiresGrad }
    }
    if !moving.isEmpty {
      findings.append(
        "The statistics of the batch norms \(list(moving.map(\.name))) will move although their parameters are frozen, "
          + "as in PyTorch. freeze() fixes them too.")
    }
    if trainer.activeFit?.validation?.loader?.isShuffled == true {
      findings.append(
        "The validation loader shuffles: its metrics do not need it, and its passes take longer.")
    }
    return findings
  }

  /// What the recorded operations behind a loss tell.
  func findings(of loss: Tensor) -> [String] {
    for (operation, input) in loss.recordedPairs()
    where ["logSoftmax", "crossEntropy"].contains(operation) && ["softmax", "logSoftmax"].contains(input) {
      return [
        "The loss takes the softmax of a \(input): cross-entropy expects the network's plain outputs (logits). Take "
          + "the \(input) out of the network."
      ]
    }
    return []
  }

  /// Refuses class numbers that the network has no output for.
  func checkLabels(_ batch: Any) throws {
    guard let batch = batch as? Sample, let model = model as? any Classifier, batch.target.rank == 1,
      !batch.target.dtype.isFloatingPoint, batch.target.count > 0
    else { return }
    let one = batch.input.narrow(0, start: 0, length: 1)
    let scores = model.evaluating { noGrad { model(one) } }
    guard scores.rank == 2 else { return }
    let labels = batch.target.array(of: Int.self)
    let classes = scores.shape[1]
    if let label = labels.first(where: { !(0..<classes).contains($0) }) {
      throw TrainerError.labelOutsideHead(label: label, classes: classes)
    }
  }

  private func list(_ names: [String]) -> String {
    let shown = names.prefix(3).joined(separator: ", ")
    return names.count > 3 ? "\(shown) and \(names.count - 3) more" : shown
  }
}
