import Foundation
import NNCore

/// Settings of ``Adam`` and ``AdamW``.
public struct AdamOptions: AdamFamilyOptions {
  public var learningRate = 1e-3
  /// How much of the former running means of gradient and squared gradient stays at each step, in 0..<1.
  public var betas = (0.9, 0.999)
  /// Added to the denominator.
  public var epsilon = 1e-8
  /// Weight decay; Adam adds it to the gradient, AdamW shrinks the parameter by learningRate · weightDecay.
  public var weightDecay = 0.0
  /// Divides by the greatest mean of squared gradients so far (Reddi et al., 2018).
  public var amsgrad = false
  /// Climbs instead of descending.
  public var maximize = false

  public init() {}

  public static var fields: [OptionField<Self>] { sharedFields + [.flag("amsgrad", \.amsgrad)] }
}

/// Settings that Adam and its relatives share.
public protocol AdamFamilyOptions: OptimizerOptions {
  /// How much of the former running means stays at each step, in 0..<1.
  var betas: (Double, Double) { get set }
  /// Added to the denominator.
  var epsilon: Double { get set }
  /// Multiple of the parameter added to its gradient, or by which it shrinks.
  var weightDecay: Double { get set }
  /// Climbs instead of descending.
  var maximize: Bool { get set }
}

extension AdamFamilyOptions {
  static var sharedFields: [OptionField<Self>] {
    [
      .number("lr", \.learningRate), .number("betas.0", \.betas.0), .number("betas.1", \.betas.1),
      .number("eps", \.epsilon), .number("weight_decay", \.weightDecay), .flag("maximize", \.maximize),
    ]
  }
  /// The decay is added to the gradient, or shrinks the parameter by learningRate · weightDecay if decoupled from it.
  func rule(_ method: UpdateRule.Method, decoupled: Bool = false) -> UpdateRule {
    UpdateRule(
      method, maximize: maximize, weightDecay: decoupled ? 0 : weightDecay,
      shrinkage: decoupled ? 1 - learningRate * weightDecay : 1)
  }
  public var scheduledMomentum: Double? {
    get { betas.0 }
    set { betas.0 = newValue ?? betas.0 }
  }
  public var problem: String? {
    if !(learningRate >= 0) { return "learningRate must not be negative, got \(learningRate)" }
    if !(0..<1).contains(betas.0) || !(0..<1).contains(betas.1) {
      return "betas must lie in 0..<1, got \(betas)"
    }
    if !(epsilon >= 0) { return "epsilon must not be negative, got \(epsilon)" }
    return weightDecay >= 0 ? nil : "weightDecay must not be negative, got \(weightDecay)"
  }
}

/// Adam (Kingma and Ba, 2015): steps along the running mean of the gradient, divided by the root of the running
/// mean of its square.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.Adam.html
public class Adam: GroupedOptimizer<AdamOptions> {
  var decouplesWeightDecay: Bool { false }

  override func plan(_ options: AdamOptions, _ state: inout ParameterState) -> UpdatePlan? {
    let rule = options.rule(
      .adam(
        rate: options.learningRate / (1 - power(options.betas.0, state.step)), betas: options.betas,
        scale: 1 / (1 - power(options.betas.1, state.step)).squareRoot(), epsilon: options.epsilon),
      decoupled: decouplesWeightDecay)
    return UpdatePlan(
      rule: rule,
      state: options.amsgrad ? ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"] : ["exp_avg", "exp_avg_sq"])
  }
}

/// Adam with decoupled weight decay (Loshchilov and Hutter, 2019): the parameter shrinks by
/// learningRate · weightDecay at each step, whatever its gradient.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.AdamW.html
public final class AdamW: Adam {
  override var decouplesWeightDecay: Bool { true }

  /// Those of ``Adam`` with a weight decay of 1e-2.
  public override class var defaultOptions: AdamOptions {
    var options = AdamOptions()
    options.weightDecay = 1e-2
    return options
  }
}

/// A decay to the number of steps, for Adam and its relatives.
func power(_ base: Double, _ exponent: Int) -> Double { pow(base, Double(exponent)) }
