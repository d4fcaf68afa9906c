import CNNKernels
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

  public override func update(
    _ parameter: Parameter, gradient: Tensor, state: inout ParameterState, options: NAdamOptions
  ) {
    let isDecoupled = options.decoupledWeightDecay
    let common = nn_step_common(
      maximize: options.maximize ? 1 : 0, l2: isDecoupled ? 0 : options.weightDecay,
      decay: isDecoupled ? 1 - options.learningRate * options.weightDecay : 1)
    let (beta1, beta2) = options.betas
    func momentum(_ step: Int) -> Double {
      beta1 * (1 - 0.5 * pow(0.96, Double(step) * options.momentumDecay))
    }
    let (now, next) = (momentum(state.step), momentum(state.step + 1))
    let product = (state.numbers["mu_product"] ?? 1) * now
    state.numbers["mu_product"] = product
    let rate = options.learningRate * next / (1 - product * next)
    let gradientRate = options.learningRate * (1 - now) / (1 - product)
    let scale = 1 / (1 - power(beta2, state.step)).squareRoot()
    parameter.update(
      gradient: gradient, state: &state, [("exp_avg", 0), ("exp_avg_sq", 0)]
    ) { dtype, count, address in
      nn_step_nadam(
        dtype, count, common, rate, gradientRate, beta1, beta2, scale, options.epsilon, address[0],
        address[1],
        address[2], address[3])
    }
  }
}
