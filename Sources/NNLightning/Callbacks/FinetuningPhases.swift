import Foundation
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
/// without momenta and averages of the one before, which belong to another problem. A schedule of the model goes on
/// through the phases; most multiply the rates that are in force. A ``Course`` begins anew in each phase.
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

  /// How learning rates change from the first step of a phase to its last.
  public enum Course: String, Sendable, CaseIterable {
    case constant
    /// Down like half a cosine wave.
    case cosine
    /// Up within the first twentieth, then down like half a cosine wave.
    case warmupCosine
    /// One cycle as that of `OneCycleLR`: up from 1/25 within three tenths, then down nearly to 0.
    case oneCycle

    /// The multiple of the phase's rates that is in force.
    ///
    /// - Parameter share: of the phase that is over, in 0...1.
    public func factor(_ share: Double) -> Double {
      func wave(from start: Double, to end: Double, _ share: Double) -> Double {
        end + (start - end) / 2 * (cos(.pi * share) + 1)
      }
      switch self {
      case .constant: return 1
      case .cosine: return wave(from: 1, to: 0, share)
      case .warmupCosine:
        let rise = 0.05
        if share < rise { return 0.01 + 0.99 * share / rise }
        return wave(from: 1, to: 0, (share - rise) / (1 - rise))
      case .oneCycle:
        let rise = 0.3
        if share < rise { return wave(from: 1.0 / 25, to: 1, share / rise) }
        return wave(from: 1, to: 1.0 / 25e4, (share - rise) / (1 - rise))
      }
    }
  }

  public let phases: [Phase]
  public let course: Course
  private let stepsPerEpoch: Int
  /// The phase that was begun last, -1 before the first.
  private var begun = -1

  /// - Parameter phases: in their order; epochs behind the last of them belong to it.
  public convenience init(_ phases: [Phase]) { self.init(phases, course: .constant, stepsPerEpoch: 1) }

  /// Phases with a course of the learning rates within each.
  ///
  /// - Parameters:
  ///   - phases: in their order; with learning rates of their own, if the course changes them.
  ///   - stepsPerEpoch: steps of the optimizer, at least 1.
  public init(_ phases: [Phase], course: Course, stepsPerEpoch: Int) {
    require(!phases.isEmpty, "FinetuningPhases", "needs at least one phase")
    require(stepsPerEpoch >= 1, "FinetuningPhases", "needs at least one step per epoch, got \(stepsPerEpoch)")
    require(
      course == .constant || phases.allSatisfy { $0.learningRates != nil }, "FinetuningPhases",
      "a course needs learning rates in each phase")
    self.phases = phases
    self.course = course
    self.stepsPerEpoch = stepsPerEpoch
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

  public override func onTrainBatchStart(_ trainer: Trainer, _ model: Module, batchIndex: Int) {
    guard course != .constant, let optimizer = trainer.optimizer else { return }
    let current = phase(ofEpoch: trainer.currentEpoch)
    let before = phases[..<current].reduce(0) { $0 + $1.epochs } * stepsPerEpoch
    let last = max(1, phases[current].epochs * stepsPerEpoch - 1)
    // From the place alone, so that a resumed fit goes on as it would have.
    let factor = course.factor(Double(min(max(0, trainer.globalStep - before), last)) / Double(last))
    if let rates = phases[current].learningRates { optimizer.learningRates = rates.map { $0 * factor } }
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
