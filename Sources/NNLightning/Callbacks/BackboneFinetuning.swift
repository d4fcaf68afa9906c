import NNCore
import NNLayers

/// Trains the head of a network first and then the whole of it: the backbone is frozen (`freeze()`, its batch norms
/// included) until an epoch, and then trained with a learning rate of its own that grows up to the head's; as
/// Lightning's callback of that name.
///
///     func configureOptimizers() -> any Optimizer {  // of the model
///       SGD([ParameterGroup(backbone.parameters()), ParameterGroup(head.parameters())], learningRate: 0.1)
///     }
///     let trainer = Trainer(callbacks: [BackboneFinetuning(backbone, unfreezeAtEpoch: 3)])
///
/// The backbone's parameters must be in groups of their own; the first group of others is the head's.
public final class BackboneFinetuning: Callback {
  private let backbone: Module
  public let unfreezeAtEpoch: Int
  public let initialRatio: Double
  public let growth: Double
  private var groups: [Int] = []
  private var headGroup = 0
  /// The last epoch whose rate was set.
  private var rateEpoch = -1

  /// - Parameters:
  ///   - unfreezeAtEpoch: from 0.
  ///   - initialRatio: the backbone's learning rate at that epoch as a share of the head's.
  ///   - growth: factor from epoch to epoch behind it, until the rates are equal.
  public init(_ backbone: Module, unfreezeAtEpoch: Int, initialRatio: Double = 0.1, growth: Double = 2) {
    require(unfreezeAtEpoch >= 0, "BackboneFinetuning", "epochs count from 0, got \(unfreezeAtEpoch)")
    require(initialRatio > 0, "BackboneFinetuning", "initialRatio must be positive, got \(initialRatio)")
    require(growth > 0, "BackboneFinetuning", "growth must be positive, got \(growth)")
    self.backbone = backbone
    self.unfreezeAtEpoch = unfreezeAtEpoch
    self.initialRatio = initialRatio
    self.growth = growth
  }

  public override func setup(_ trainer: Trainer, _ model: Module, stage: RunningStage) {
    guard stage == .fit else { return }
    rateEpoch = -1
    backbone.freeze()
  }

  public override func onFitStart(_ trainer: Trainer, _ model: Module) {
    let own = Set(backbone.parameters().map(ObjectIdentifier.init))
    let all = trainer.optimizer?.groupedParameters ?? []
    groups = []
    var others: [Int] = []
    for (place, parameters) in all.enumerated() {
      let count = parameters.filter { own.contains(ObjectIdentifier($0)) }.count
      require(
        count == 0 || count == parameters.count, "BackboneFinetuning",
        "group \(place) of the optimizer mixes the backbone's parameters with others; give them one of their own"
      )
      if count > 0 { groups.append(place) } else { others.append(place) }
    }
    let held = groups.reduce(0) { $0 + all[$1].count }
    require(
      held == own.count && !others.isEmpty, "BackboneFinetuning",
      "the optimizer has \(held) of the backbone's \(own.count) parameters and \(others.count) groups of others; it "
        + "needs all of them and at least one group")
    headGroup = others[0]
  }

  public override func onTrainEpochStart(_ trainer: Trainer, _ model: Module) {
    let epoch = trainer.currentEpoch
    guard epoch >= unfreezeAtEpoch, let optimizer = trainer.optimizer else { return }
    if backbone.isFrozen { backbone.unfreeze() }
    // Called again where a resumed fit goes on in the middle of an epoch.
    guard epoch > rateEpoch else { return }
    rateEpoch = epoch
    var rates = optimizer.learningRates
    let head = rates[headGroup]
    for group in groups {
      rates[group] = epoch == unfreezeAtEpoch ? head * initialRatio : min(head, rates[group] * growth)
    }
    optimizer.learningRates = rates
  }

  public override func state() throws -> CallbackState? { try CallbackState(rateEpoch) }
  public override func loadState(_ state: CallbackState) throws {
    rateEpoch = try state.count("epoch of BackboneFinetuning", in: -1...SavedState.greatestCount)
  }
}
