import NNCore

/// Settings of ``RMSprop``.
public struct RMSpropOptions: OptimizerOptions {
  public var learningRate = 1e-2
  /// How much of the former running mean of squared gradients stays at each step.
  public var alpha = 0.99
  public var epsilon = 1e-8
  public var weightDecay = 0.0
  /// Share of the former step in the next, 0 for none.
  public var momentum = 0.0
  /// Divides by the estimated standard deviation of the gradient instead of its root mean square.
  public var centered = false
  public var maximize = false

  public init() {}

  public var scheduledMomentum: Double? {
    get { momentum }
    set { momentum = newValue ?? momentum }
  }
  public static var fields: [OptionField<Self>] {
    [
      .number("lr", \.learningRate), .number("alpha", \.alpha), .number("eps", \.epsilon),
      .number("weight_decay", \.weightDecay), .number("momentum", \.momentum), .flag("centered", \.centered),
      .flag("maximize", \.maximize),
    ]
  }
  public var problem: String? {
    let values = [learningRate, alpha, epsilon, weightDecay, momentum]
    return values.allSatisfy { $0 >= 0 } ? nil : "no option may be negative"
  }
}

/// Divides the gradient by the root of the running mean of its square (Hinton's lecture notes, 2012), centered as
/// in Graves, 2013, if asked for.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.RMSprop.html
public final class RMSprop: GroupedOptimizer<RMSpropOptions> {
  override func plan(_ options: RMSpropOptions, _ state: inout ParameterState) -> UpdatePlan? {
    let rule = UpdateRule(
      .rmsprop(
        rate: options.learningRate, alpha: options.alpha, epsilon: options.epsilon,
        momentum: options.momentum, centered: options.centered),
      maximize: options.maximize, weightDecay: options.weightDecay)
    return UpdatePlan(
      rule: rule,
      state: ["square_avg"] + (options.centered ? ["grad_avg"] : [])
        + (options.momentum > 0 ? ["momentum_buffer"] : []))
  }
}
