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
  override func plan(_ options: AdagradOptions, _ state: inout ParameterState) -> UpdatePlan? {
    let rate = options.learningRate / (1 + Double(state.step - 1) * options.learningRateDecay)
    let rule = UpdateRule(
      .adagrad(rate: rate, epsilon: options.epsilon), maximize: options.maximize,
      weightDecay: options.weightDecay)
    return UpdatePlan(rule: rule, state: ["sum"], start: options.initialAccumulatorValue)
  }
}
