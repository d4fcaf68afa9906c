import NNCore
import NNLayers
import NNLightning
import NNModels

/// Parameters that an optimizer treats alike.
struct RunGroup {
  let parameters: [Parameter]
  /// Of the run's learning rate.
  let factor: Double
  /// Whether weight decay counts for them.
  let decays: Bool

  func group<Options>(_ type: Options.Type = Options.self) -> ParameterGroup<Options> {
    ParameterGroup<Options>(parameters) { options in
      options.learningRate *= factor
      if !decays { options.weightDecay = 0 }
    }
  }
}

extension RunModel {
  /// The parameters that the run trains at some time, by learning rate and weight decay, in the order of the optimizer.
  var groups: [RunGroup] {
    hyperparameters.optimizer == .muon ? partedGroups.inner + partedGroups.outer : allGroups
  }

  private var allGroups: [RunGroup] {
    let settings = hyperparameters
    let parts: [(parameters: [Parameter], factor: Double)]
    if let decay = settings.layerDecay {
      var factor = 1 / decay
      parts = form.module.depthStages().reversed().map { parameters in
        factor *= decay
        return (parameters, factor)
      }
    } else if settings.phases != nil, case .transfer(let network) = form {
      let last = network.lastBlock.flatMap { $0.parameters() }
      let isLast = Set(last.map(ObjectIdentifier.init))
      let rest = network.backbone.parameters().filter { !isLast.contains(ObjectIdentifier($0)) }
      // Within a phase each part has a smaller rate than the part above it.
      parts = [
        (network.head.parameters(), 1), (last, PhasePlan.decay), (rest, PhasePlan.decay * PhasePlan.decay),
      ]
    } else {
      parts = [(parameters(), 1)]
    }
    let isFrozenForGood = settings.phases == nil
    return parts.flatMap { parameters, factor in
      let trained = isFrozenForGood ? parameters.filter(\.requiresGrad) : parameters
      return Module.splitByDecay(trained, settings.spareVectors).map {
        RunGroup(parameters: $0.parameters, factor: factor, decays: $0.decays)
      }
    }
  }

  func configureOptimizers() -> any Optimizer {
    let settings = hyperparameters
    let (rate, decay) = (settings.learningRate, settings.weightDecay)
    func groups<Options>() -> [ParameterGroup<Options>] { self.groups.map { $0.group() } }
    switch settings.optimizer {
    case .adam: return Adam(groups(), learningRate: rate)
    case .adamw: return AdamW(groups(), learningRate: rate) { $0.weightDecay = decay }
    case .sgd:
      return SGD(groups(), learningRate: rate) {
        $0.momentum = settings.momentum
        $0.weightDecay = decay
      }
    case .lion: return Lion(groups(), learningRate: rate) { $0.weightDecay = decay }
    case .lamb: return LAMB(groups(), learningRate: rate) { $0.weightDecay = decay }
    case .adafactor: return Adafactor(groups(), learningRate: rate) { $0.weightDecay = decay }
    case .muon: return muon
    }
  }

  /// The groups of Muon, for matrices and convolutions between the first and the last layer, and those of AdamW, for what
  /// is left.
  private var partedGroups: (inner: [RunGroup], outer: [RunGroup]) {
    let matrices = form.module.parameters().filter { $0.shape.count >= 2 }
    let ends = Set([matrices.first, matrices.last].compactMap { $0.map(ObjectIdentifier.init) })
    func parts(_ isInner: Bool) -> [RunGroup] {
      allGroups.compactMap { group in
        let parameters = group.parameters.filter {
          isInner == ($0.shape.count >= 2 && !ends.contains(ObjectIdentifier($0)))
        }
        return parameters.isEmpty
          ? nil : RunGroup(parameters: parameters, factor: group.factor, decays: group.decays)
      }
    }
    return (parts(true), parts(false))
  }

  private var muon: any Optimizer {
    let (rate, decay) = (hyperparameters.learningRate, hyperparameters.weightDecay)
    let (inner, outer) = partedGroups
    var optimizers: [any Optimizer] = []
    if !inner.isEmpty {
      // Its steps are as long as AdamW's, so that one rate is good for both.
      optimizers.append(
        Muon(inner.map { $0.group() }, learningRate: rate) {
          $0.weightDecay = decay
          $0.matchesAdamW = true
        })
    }
    if !outer.isEmpty {
      optimizers.append(AdamW(outer.map { $0.group() }, learningRate: rate) { $0.weightDecay = decay })
    }
    return OptimizerList(optimizers)
  }

  func configureSchedulers(for optimizer: any Optimizer) -> [ScheduledRate] {
    // Phases have courses of their own.
    if hyperparameters.phases != nil { return [] }
    let scheduler: (any LRScheduler)? =
      switch hyperparameters.schedule {
      case .cosine: CosineAnnealingLR(optimizer, tMax: steps)
      case .warmupcosine: WarmupCosineLR(optimizer, warmup: steps / 20, total: steps)
      case .onecycle:
        OneCycleLR(
          optimizer, maxLearningRates: optimizer.learningRates, totalSteps: steps,
          cyclesMomentum: optimizer.momenta != nil)
      case .constant: nil
      }
    return scheduler.map { [ScheduledRate($0, interval: .step)] } ?? []
  }
}
