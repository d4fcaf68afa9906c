import NNCore

/// Settings of ``SGD``.
public struct SGDOptions: OptimizerOptions {
  public var learningRate = 1e-3
  /// Share of the former step in the next, 0 for none.
  public var momentum = 0.0
  /// Share of the gradient that does not enter the momentum.
  public var dampening = 0.0
  /// Multiple of the parameter added to its gradient.
  public var weightDecay = 0.0
  /// Nesterov momentum: looks ahead along the momentum. Needs a momentum and no dampening.
  public var nesterov = false
  /// Climbs instead of descending.
  public var maximize = false

  public init() {}

  public var scheduledMomentum: Double? {
    get { momentum }
    set { momentum = newValue ?? momentum }
  }
  public static var fields: [OptionField<Self>] {
    [
      .number("lr", \.learningRate), .number("momentum", \.momentum), .number("dampening", \.dampening),
      .number("weight_decay", \.weightDecay), .flag("nesterov", \.nesterov), .flag("maximize", \.maximize),
    ]
  }
  public var problem: String? {
    if !(learningRate >= 0) { return "learningRate must not be negative, got \(learningRate)" }
    if !(momentum >= 0) { return "momentum must not be negative, got \(momentum)" }
    if !(weightDecay >= 0) { return "weightDecay must not be negative, got \(weightDecay)" }
    return nesterov && (momentum == 0 || dampening != 0) ? "nesterov needs a momentum and no dampening" : nil
  }
}

/// Stochastic gradient descent, with momentum and Nesterov momentum (Sutskever et al., 2013) if asked for.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html
public final class SGD: GroupedOptimizer<SGDOptions> {
  override func plan(_ options: SGDOptions, _ state: inout ParameterState) -> UpdatePlan? {
    let rule = UpdateRule(
      .sgd(
        rate: options.learningRate, momentum: options.momentum, share: 1 - options.dampening,
        nesterov: options.nesterov,
        // The first buffer is the gradient itself, without dampening.
        isFirst: state.tensors["momentum_buffer"] == nil),
      maximize: options.maximize, weightDecay: options.weightDecay)
    return UpdatePlan(rule: rule, state: options.momentum == 0 ? [] : ["momentum_buffer"])
  }
}
