import CNNKernels
import NNCore

/// Settings of ``Adamax``.
public struct AdamaxOptions: OptimizerOptions {
  public var learningRate = 2e-3
  /// How much of the former running mean and of the greatest gradient stays at each step, in 0..<1.
  public var betas = (0.9, 0.999)
  public var epsilon = 1e-8
  public var weightDecay = 0.0
  public var maximize = false

  public init() {}

  public var scheduledMomentum: Double? {
    get { betas.0 }
    set { betas.0 = newValue ?? betas.0 }
  }
  public static var fields: [OptionField<Self>] {
    [
      .number("lr", \.learningRate), .number("betas.0", \.betas.0), .number("betas.1", \.betas.1),
      .number("eps", \.epsilon), .number("weight_decay", \.weightDecay), .flag("maximize", \.maximize),
    ]
  }
  public var problem: String? {
    adamProblem(learningRate: learningRate, betas: betas, epsilon: epsilon, weightDecay: weightDecay)
  }
}

/// Adam by the infinity norm (Kingma and Ba, 2015, section 7).
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.Adamax.html
public final class Adamax: GroupedOptimizer<AdamaxOptions> {
  public convenience init(
    _ parameters: [Parameter], learningRate: Double = 2e-3, betas: (Double, Double) = (0.9, 0.999),
    epsilon: Double = 1e-8, weightDecay: Double = 0, maximize: Bool = false
  ) {
    self.init(
      [ParameterGroup(parameters)], learningRate: learningRate, betas: betas, epsilon: epsilon,
      weightDecay: weightDecay, maximize: maximize)
  }

  public init(
    _ groups: [ParameterGroup<AdamaxOptions>], learningRate: Double = 2e-3,
    betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8, weightDecay: Double = 0,
    maximize: Bool = false
  ) {
    var options = AdamaxOptions()
    options.learningRate = learningRate
    options.betas = betas
    options.epsilon = epsilon
    options.weightDecay = weightDecay
    options.maximize = maximize
    super.init(groups, options: options)
  }

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
