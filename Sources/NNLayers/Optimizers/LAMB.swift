import NNCore

/// Settings of ``LAMB``.
public struct LAMBOptions: AdamFamilyOptions {
  public var learningRate = 1e-3
  /// How much of the former running means of gradient and squared gradient stays at each step, in 0..<1.
  public var betas = (0.9, 0.999)
  public var epsilon = 1e-6
  /// Multiple of the parameter added to the direction of the step. Without it the step is Adam's.
  public var weightDecay = 0.01
  public var maximize = false
  /// Never takes a step longer than Adam's.
  public var trustClip = false
  /// Measures steps by the parameter's size without a weight decay too.
  public var alwaysAdapt = false

  public init() {}

  public static var fields: [OptionField<Self>] {
    sharedFields + [.flag("trust_clip", \.trustClip), .flag("always_adapt", \.alwaysAdapt)]
  }
}

/// Adam whose step of each parameter is as long as the parameter is large (You et al., 2020), for batches of thousands.
/// Clip gradients to a norm of 1 beside it, as the authors do.
///
/// Source: https://arxiv.org/abs/1904.00962, https://huggingface.co/docs/timm/reference/optimizers
public final class LAMB: GroupedOptimizer<LAMBOptions> {
  public override func update(
    _ parameter: Parameter, gradient: Tensor, state: inout ParameterState, options: LAMBOptions
  ) {
    let gradient = options.maximize ? -gradient : gradient
    let value = parameter.value.detach()
    func mean(_ name: String, _ next: Tensor, _ share: Double) -> Tensor {
      let former = state.tensors[name]?.to(gradient.device) ?? gradient * 0
      let mean = former + (1 - share) * (next - former)
      state.tensors[name] = mean
      return mean
    }
    let first = mean("exp_avg", gradient, options.betas.0) / (1 - power(options.betas.0, state.step))
    let second =
      mean("exp_avg_sq", gradient.square(), options.betas.1) / (1 - power(options.betas.1, state.step))
    var step = first / (second.sqrt() + options.epsilon) + options.weightDecay * value
    if options.weightDecay != 0 || options.alwaysAdapt {
      let (size, length) = (value.norm(), step.norm())
      // A parameter of zeros takes Adam's step. Nothing is read, so no device is waited for.
      let isMeasured = (size .> 0) .&& (length .> 0)
      let one = size * 0 + 1
      var trust = `where`(isMeasured, size / `where`(isMeasured, length, one), one)
      if options.trustClip { trust = trust.minimum(one) }
      step = step * trust
    }
    parameter.value -= options.learningRate * step
  }
}
