import CNNKernels
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
  public override func update(
    _ parameter: Parameter, gradient: Tensor, state: inout ParameterState, options: AdamaxOptions
  ) {
    let common = nn_step_common(maximize: options.maximize ? 1 : 0, l2: options.weightDecay, decay: 1)
    let (beta1, beta2) = options.betas
    let rate = options.learningRate / (1 - power(beta1, state.step))
    parameter.update(
      gradient: gradient, state: &state, [("exp_avg", 0), ("exp_inf", 0)]
    ) { dtype, count, address in
      nn_step_adamax(
        dtype, count, common, rate, beta1, beta2, options.epsilon, address[0], address[1], address[2],
        address[3])
    }
  }
}
