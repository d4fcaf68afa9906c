import NNCore

/// Settings of ``Adamax``.
public struct AdamaxOptions: AdamFamilyOptions {
  public var learningRate = 2e-3
  /// How much of the former running mean and of the greatest gradient stays at each step, in 0..<1.
  public var betas = (0.9, 0.999)
  public var epsilon = 1e-8
  public var weightDecay = 0.0
  public var maximize = false

  public init() {}

  public static var fields: [OptionField<Self>] { sharedFields }
}

/// Adam by the infinity norm (Kingma and Ba, 2015, section 7).
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.Adamax.html
public final class Adamax: GroupedOptimizer<AdamaxOptions> {
  override func plan(_ options: AdamaxOptions, _ state: inout ParameterState) -> UpdatePlan? {
    let rate = options.learningRate / (1 - power(options.betas.0, state.step))
    return UpdatePlan(
      rule: options.rule(.adamax(rate: rate, betas: options.betas, epsilon: options.epsilon)),
      state: ["exp_avg", "exp_inf"])
  }
}
