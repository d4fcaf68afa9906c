import Foundation
import NNCore

/// Settings of ``Adafactor``.
public struct AdafactorOptions: OptimizerOptions {
  /// Greatest size of a step relative to the parameter.
  public var learningRate = 1e-2
  /// The share of the newest squares in their running mean is step ^ beta2Decay; at most 0.
  public var beta2Decay = -0.8
  /// Least root of a mean of squares; nil for the distance of 1 to the next number of the type.
  public var epsilon: Double?
  /// Least size of a parameter by which its step is measured.
  public var leastSize = 1e-3
  /// Greatest root mean square of a step before it is measured by the parameter.
  public var clip = 1.0
  /// The parameter shrinks by learningRate · weightDecay.
  public var weightDecay = 0.0
  /// Climbs instead of descending.
  public var maximize = false

  public init() {}

  /// `epsilon` as a state dict has it, 0 for the type's.
  private var epsilonNumber: Double {
    get { epsilon ?? 0 }
    set { epsilon = newValue == 0 ? nil : newValue }
  }
  public static var fields: [OptionField<Self>] {
    [
      .number("lr", \.learningRate), .number("beta2_decay", \.beta2Decay), .number("eps.0", \.epsilonNumber),
      .number("eps.1", \.leastSize), .number("d", \.clip), .number("weight_decay", \.weightDecay),
      .flag("maximize", \.maximize),
    ]
  }
  public var problem: String? {
    if !(beta2Decay <= 0) { return "beta2Decay must be at most 0, got \(beta2Decay)" }
    if !(clip >= 1) { return "clip must be at least 1, got \(clip)" }
    return [learningRate, weightDecay, epsilon ?? 0, leastSize].allSatisfy { $0 >= 0 }
      ? nil : "no option may be negative"
  }
}

/// Adam without a momentum, and with the mean squares of a matrix kept as those of its rows and columns (Shazeer and
/// Stern, 2018): for matrices hardly any memory beside the parameters.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.Adafactor.html
public final class Adafactor: GroupedOptimizer<AdafactorOptions> {
  public override func update(
    _ parameter: Parameter, gradient: Tensor, state: inout ParameterState, options: AdafactorOptions
  ) {
    let gradient = options.maximize ? -gradient : gradient
    let value = parameter.value.detach()
    let least = options.epsilon ?? (value.dtype == .float64 ? Double.ulpOfOne : Double(Float.ulpOfOne))
    let newest = pow(Double(state.step), options.beta2Decay)
    func mean(_ name: String, _ next: Tensor) -> Tensor {
      let former = state.tensors[name]?.to(next.device) ?? next * 0
      let mean = former + newest * (next - former)
      state.tensors[name] = mean
      return mean
    }
    let squares = gradient.square()
    var estimate: Tensor
    if gradient.rank > 1 {
      let rows = mean("row_var", squares.mean([-1], keepDim: true))
      let columns = mean("col_var", squares.mean([-2], keepDim: true))
      estimate = rows.matmul(columns) / rows.mean([-2], keepDim: true).clamp(min: least)
    } else {
      estimate = mean("variance", squares)
    }
    let step = gradient * estimate.clamp(min: least * least).rsqrt()
    let root = Double(max(1, value.count)).squareRoot()
    let size = (value.norm() / root).clamp(min: options.leastSize)
    let length = (step.norm() / (root * options.clip)).clamp(min: 1)
    let rate = min(options.learningRate, 1 / Double(state.step).squareRoot())
    let shrinkage = options.learningRate * options.weightDecay
    parameter.value -= shrinkage * value + step * (size / length * rate)
  }

  public override func stateShape(_ name: String, of parameter: Parameter) -> [Int] {
    var shape = parameter.shape
    switch name {
    case "row_var" where shape.count > 1: shape[shape.count - 1] = 1
    case "col_var" where shape.count > 1: shape[shape.count - 2] = 1
    default: break
    }
    return shape
  }
}
