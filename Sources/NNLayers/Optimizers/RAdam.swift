import CNNKernels
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
  public override func update(
    _ parameter: Parameter, gradient: Tensor, state: inout ParameterState, options: RAdamOptions
  ) {
    let isDecoupled = options.decoupledWeightDecay
    let common = nn_step_common(
      maximize: options.maximize ? 1 : 0, l2: isDecoupled ? 0 : options.weightDecay,
      decay: isDecoupled ? 1 - options.learningRate * options.weightDecay : 1)
    let (beta1, beta2) = options.betas
    let correction = 1 - power(beta2, state.step)
    // Length of the simple moving average that the running mean of squares is worth.
    let limit = 2 / (1 - beta2) - 1
    let length = limit - 2 * Double(state.step) * power(beta2, state.step) / correction
    var adaptive = 0.0
    if length > 5 {
      let variance = (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)
      adaptive = variance.squareRoot() * correction.squareRoot()
    }
    let rate = options.learningRate / (1 - power(beta1, state.step))
    parameter.update(
      gradient: gradient, state: &state, [("exp_avg", 0), ("exp_avg_sq", 0)]
    ) { dtype, count, address in
      nn_step_radam(
        dtype, count, common, rate, beta1, beta2, adaptive, options.epsilon, address[0], address[1],
        address[2],
        address[3])
    }
  }
}
