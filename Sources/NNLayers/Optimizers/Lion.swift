import NNCore

/// Settings of ``Lion``.
public struct LionOptions: OptimizerOptions {
  public var learningRate = 1e-4
  /// Share of the momentum in the step's direction, and how much of it stays at each step, both in 0..<1.
  public var betas = (0.9, 0.99)
  /// The parameter shrinks by learningRate · weightDecay.
  public var weightDecay = 0.0
  /// Climbs instead of descending.
  public var maximize = false

  public init() {}

  public var scheduledMomentum: Double? {
    get { betas.0 }
    set { betas.0 = newValue ?? betas.0 }
  }
  public static var fields: [OptionField<Self>] {
    [
      .number("lr", \.learningRate), .number("betas.0", \.betas.0), .number("betas.1", \.betas.1),
      .number("weight_decay", \.weightDecay), .flag("maximize", \.maximize),
    ]
  }
  public var problem: String? {
    if !(0..<1).contains(betas.0) || !(0..<1).contains(betas.1) {
      return "betas must lie in 0..<1, got \(betas)"
    }
    return [learningRate, weightDecay].allSatisfy { $0 >= 0 } ? nil : "no option may be negative"
  }
}

/// Steps of one size in the direction of the sign of a momentum (Chen et al., 2023): half of the memory of Adam's. Its
/// rates are 3 to 10 times smaller than those of AdamW, and its weight decays as many times greater.
///
/// Source: https://arxiv.org/abs/2302.06675
public final class Lion: GroupedOptimizer<LionOptions> {
  public override func update(
    _ parameter: Parameter, gradient: Tensor, state: inout ParameterState, options: LionOptions
  ) {
    let gradient = options.maximize ? -gradient : gradient
    let momentum = state.tensors["exp_avg"]?.to(gradient.device) ?? gradient * 0
    let direction = momentum + (1 - options.betas.0) * (gradient - momentum)
    state.tensors["exp_avg"] = momentum + (1 - options.betas.1) * (gradient - momentum)
    let shrinkage = options.learningRate * options.weightDecay
    parameter.value -= shrinkage * parameter.value.detach() + options.learningRate * direction.sign()
  }
}
