import Foundation
import NNCore

/// Settings of ``NAdam``.
public struct NAdamOptions: AdamFamilyOptions {
  public var learningRate = 2e-3
  /// How much of the former running means stays at each step, in 0..<1.
  public var betas = (0.9, 0.999)
  public var epsilon = 1e-8
  public var weightDecay = 0.0
  /// How fast the momentum grows towards the first beta.
  public var momentumDecay = 4e-3
  /// Shrinks parameters as AdamW instead of adding the decay to the gradient.
  public var decoupledWeightDecay = false
  public var maximize = false

  public init() {}

  public static var fields: [OptionField<Self>] {
    sharedFields + [
      .number("momentum_decay", \.momentumDecay), .flag("decoupled_weight_decay", \.decoupledWeightDecay),
    ]
  }
}

/// Adam with Nesterov momentum (Dozat, 2016).
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.NAdam.html
public final class NAdam: GroupedOptimizer<NAdamOptions> {
  public override var numberNames: Set<String> { ["mu_product"] }

  override func plan(_ options: NAdamOptions, _ state: inout ParameterState) -> UpdatePlan? {
    func momentum(_ step: Int) -> Double {
      options.betas.0 * (1 - 0.5 * pow(0.96, Double(step) * options.momentumDecay))
    }
    let (now, next) = (momentum(state.step), momentum(state.step + 1))
    let product = (state.numbers["mu_product"] ?? 1) * now
    state.numbers["mu_product"] = product
    let rule = options.rule(
      .nadam(
        rate: options.learningRate * next / (1 - product * next),
        gradientRate: options.learningRate * (1 - now) / (1 - product), betas: options.betas,
        scale: 1 / (1 - power(options.betas.1, state.step)).squareRoot(), epsilon: options.epsilon),
      decoupled: options.decoupledWeightDecay)
    return UpdatePlan(rule: rule, state: ["exp_avg", "exp_avg_sq"])
  }
}
