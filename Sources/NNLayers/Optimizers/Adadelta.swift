import NNCore

/// Settings of ``Adadelta``.
public struct AdadeltaOptions: OptimizerOptions {
  public var learningRate = 1.0
  /// How much of the former running means of squares stays at each step, in 0...1.
  public var rho = 0.9
  public var epsilon = 1e-6
  public var weightDecay = 0.0
  public var maximize = false

  public init() {}

  public static var fields: [OptionField<Self>] {
    [
      .number("lr", \.learningRate), .number("rho", \.rho), .number("eps", \.epsilon),
      .number("weight_decay", \.weightDecay), .flag("maximize", \.maximize),
    ]
  }
  public var problem: String? {
    if !(0...1).contains(rho) { return "rho must lie in 0...1, got \(rho)" }
    return [learningRate, epsilon, weightDecay].allSatisfy { $0 >= 0 } ? nil : "no option may be negative"
  }
}

/// Steps whose size follows from the running means of squared gradients and squared steps (Zeiler, 2012).
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.Adadelta.html
public final class Adadelta: GroupedOptimizer<AdadeltaOptions> {
  override func plan(_ options: AdadeltaOptions, _ state: inout ParameterState) -> UpdatePlan? {
    let rule = UpdateRule(
      .adadelta(rate: options.learningRate, rho: options.rho, epsilon: options.epsilon),
      maximize: options.maximize, weightDecay: options.weightDecay)
    return UpdatePlan(rule: rule, state: ["square_avg", "acc_delta"])
  }
}
