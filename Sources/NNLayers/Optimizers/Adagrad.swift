import CNNKernels
import NNCore

/// Settings of ``Adagrad``.
public struct AdagradOptions: OptimizerOptions {
  public var learningRate = 1e-2
  /// At step t (from 0) the learning rate is divided by 1 + t · learningRateDecay.
  public var learningRateDecay = 0.0
  public var weightDecay = 0.0
  /// What the sums of squared gradients start from.
  public var initialAccumulatorValue = 0.0
  public var epsilon = 1e-10
  public var maximize = false

  public init() {}

  public static var fields: [OptionField<Self>] {
    [
      .number("lr", \.learningRate), .number("lr_decay", \.learningRateDecay),
      .number("weight_decay", \.weightDecay),
      .number("initial_accumulator_value", \.initialAccumulatorValue), .number("eps", \.epsilon),
      .flag("maximize", \.maximize),
    ]
  }
  public var problem: String? {
    let values = [learningRate, learningRateDecay, weightDecay, initialAccumulatorValue, epsilon]
    return values.allSatisfy { $0 >= 0 } ? nil : "no option may be negative"
  }
}

/// Divides the gradient by the root of the sum of all its squares (Duchi et al., 2011).
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.Adagrad.html
public final class Adagrad: GroupedOptimizer<AdagradOptions> {
  public override func update(
    _ parameter: Parameter, gradient: Tensor, state: inout ParameterState, options: AdagradOptions
  ) {
    let common = nn_step_common(maximize: options.maximize ? 1 : 0, l2: options.weightDecay, decay: 1)
    let rate = options.learningRate / (1 + Double(state.step - 1) * options.learningRateDecay)
    parameter.update(
      gradient: gradient, state: &state, [("sum", options.initialAccumulatorValue)]
    ) { dtype, count, address in
      nn_step_adagrad(dtype, count, common, rate, options.epsilon, address[0], address[1], address[2])
    }
  }
}
