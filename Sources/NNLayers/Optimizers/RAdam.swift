import NNCore

/// Settings of ``RAdam``.
public struct RAdamOptions: AdamFamilyOptions {
  public var learningRate = 1e-3
  /// How much of the former running means stays at each step, in 0..<1.
  public var betas = (0.9, 0.999)
  public var epsilon = 1e-8
  public var weightDecay = 0.0
  /// Shrinks parameters as AdamW instead of adding the decay to the gradient.
  public var decoupledWeightDecay = false
  public var maximize = false

  public init() {}

  public static var fields: [OptionField<Self>] {
    sharedFields + [.flag("decoupled_weight_decay", \.decoupledWeightDecay)]
  }
}

/// Rectified Adam (Liu et al., 2020): plain momentum until the mean of squared gradients is reliable.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.RAdam.html
public final class RAdam: GroupedOptimizer<RAdamOptions> {
  override func plan(_ options: RAdamOptions, _ state: inout ParameterState) -> UpdatePlan? {
    let beta2 = options.betas.1
    let correction = 1 - power(beta2, state.step)
    // Length of the simple moving average that the running mean of squares is worth.
    let limit = 2 / (1 - beta2) - 1
    let length = limit - 2 * Double(state.step) * power(beta2, state.step) / correction
    var adaptive = 0.0
    if length > 5 {
      let variance = (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)
      adaptive = variance.squareRoot() * correction.squareRoot()
    }
    let rule = options.rule(
      .radam(
        rate: options.learningRate / (1 - power(options.betas.0, state.step)), betas: options.betas,
        adaptive: adaptive, epsilon: options.epsilon),
      decoupled: options.decoupledWeightDecay)
    return UpdatePlan(rule: rule, state: ["exp_avg", "exp_avg_sq"])
  }
}
