import NNCore
import NNLayers

/// Trains more and more of a pretrained network, phase by phase: the head first, then its last block too, then all of it
/// (gradual unfreezing with discriminative learning rates; Howard and Ruder, 2018).
///
///     Trainer(
///       maxEpochs: 10,
///       callbacks: [
///         FinetuningPhases([
///           .init("head", epochs: 5, training: [net.head]),
///           .init("last", epochs: 3, training: [net.head, net.layer4], learningRates: [3e-3, 1e-3, 0]),
///           .init("all", epochs: 2, training: [net], learningRates: [1e-3, 3e-4, 1e-4]),
///         ])
///       ])
///
/// The optimizer holds the parameters of all phases, in groups that may have rates of their own. It begins each phase
/// without momenta and averages of the one before, which belong to another problem. A schedule goes on through the
/// phases; most multiply the rates that are in force.
///
/// `BackboneFinetuning` is Lightning's callback: two phases whose rates grow together, and an optimizer that goes on.
public final class FinetuningPhases: Callback {
  /// What is trained for some epochs.
  public struct Phase {
    /// For notes.
    public let name: String
    public let epochs: Int
    /// The parts that are trained. All else of the model is frozen (`freeze()`, batch norms included).
    public let training: [Module]
    /// Of each group of the optimizer, nil to leave them as they are.
    public let learningRates: [Double]?

    public init(_ name: String, epochs: Int, training: [Module], learningRates: [Double]? = nil) {
      require(epochs >= 1, "FinetuningPhases", "the phase \(name) needs at least one epoch, got \(epochs)")
      require(!training.isEmpty, "FinetuningPhases", "the phase \(name) trains nothing")
      self.name = name
      self.epochs = epochs
      self.training = training
      self.learningRates = learningRates
    }
  }

  public let phases: [Phase]
  /// The phase that was begun last, -1 before the first.
  private var begun = -1

  /// - Parameter phases: in their order; epochs behind the last of them belong to it.
  public init(_ phases: [Phase]) {
    require(!phases.isEmpty, "FinetuningPhases", "needs at least one phase")
    self.phases = phases
  }

  /// The phase of an epoch, both counted from 0.
  public func phase(ofEpoch epoch: Int) -> Int {
    var end = 0
    let place = phases.firstIndex { phase in
      end += phase.epochs
      return epoch < end
    }
    return place ?? phases.count - 1
  }

  public override func setup(_ trainer: Trainer, _ model: Module, stage: RunningStage) {
    guard stage == .fit else { return }
    begun = -1
    // Before the fit looks at the model, and measures it.
    apply(phases[0], model)
  }

  public override func onFitStart(_ trainer: Trainer, _ model: Module) {
    guard let optimizer = trainer.optimizer else { return }
    let held = Set(optimizer.parameters.map(ObjectIdentifier.init))
    for phase in phases {
      let parameters = phase.training.flatMap { $0.parameters() }
      require(
        parameters.allSatisfy { held.contains(ObjectIdentifier($0)) }, "FinetuningPhases",
        "the optimizer lacks parameters of the phase \(phase.name); it needs those of all phases")
      if let rates = phase.learningRates {
        require(
          rates.count == optimizer.learningRates.count, "FinetuningPhases",
          "\(rates.count) learning rates of the phase \(phase.name) for \(optimizer.learningRates.count) groups"
        )
      }
    }
  }

  public override func onTrainEpochStart(_ trainer: Trainer, _ model: Module) {
    let current = phase(ofEpoch: trainer.currentEpoch)
    apply(phases[current], model)
    // A resumed fit goes on within a phase.
    guard current != begun, let optimizer = trainer.optimizer else { return }
    begun = current
    optimizer.resetState()
    if let rates = phases[current].learningRates { optimizer.learningRates = rates }
    let count = model.parameters().reduce(0) { $0 + ($1.requiresGrad ? $1.count : 0) }
    trainer.note(
      "Phase \(current + 1) of \(phases.count), \(phases[current].name): \(grouped(count)) parameters are trained"
    )
  }

  private func apply(_ phase: Phase, _ model: Module) {
    model.freeze()
    for part in phase.training { part.unfreeze() }
  }

  public override func state() throws -> CallbackState? { try CallbackState(begun) }
  public override func loadState(_ state: CallbackState) throws {
    begun = try state.count("phase of FinetuningPhases", in: -1...phases.count - 1)
  }
}
