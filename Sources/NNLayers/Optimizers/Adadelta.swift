import CNNKernels
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
  public override func update(
    _ parameter: Parameter, gradient: Tensor, state: inout ParameterState, options: AdadeltaOptions
  ) {
    let common = nn_step_common(maximize: options.maximize ? 1 : 0, l2: options.weightDecay, decay: 1)
    parameter.update(
      gradient: gradient, state: &state, [("square_avg", 0), ("acc_delta", 0)]
    ) { dtype, count, address in
      nn_step_adadelta(
        dtype, count, common, options.learningRate, options.rho, options.epsilon, address[0], address[1],
        address[2], address[3])
    }
  }
}
