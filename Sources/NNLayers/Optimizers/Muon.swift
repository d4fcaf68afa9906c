import NNCore

/// Settings of ``Muon``.
public struct MuonOptions: OptimizerOptions {
  public var learningRate = 1e-3
  /// The parameter shrinks by learningRate · weightDecay.
  public var weightDecay = 0.1
  /// How much of the momentum stays at each step, in 0..<1.
  public var momentum = 0.95
  /// Looks ahead along the momentum.
  public var nesterov = true
  /// Least norm by which a momentum is divided.
  public var epsilon = 1e-7
  /// Newton-Schulz iterations, 1 to 99.
  public var iterations = 5
  /// Makes steps as long as those of AdamW usually are, so that its rates and decays can be taken (Liu et al., 2025), in
  /// place of the authors' √max(1, rows / columns).
  public var matchesAdamW = false

  public init() {}

  public var scheduledMomentum: Double? {
    get { momentum }
    set { momentum = newValue ?? momentum }
  }
  private var iterationNumber: Double {
    get { Double(iterations) }
    set { iterations = Int(min(max(newValue, 0), 1_000)) }
  }
  public static var fields: [OptionField<Self>] {
    [
      .number("lr", \.learningRate), .number("weight_decay", \.weightDecay), .number("momentum", \.momentum),
      .flag("nesterov", \.nesterov), .number("eps", \.epsilon), .number("ns_steps", \.iterationNumber),
      .flag("match_rms_adamw", \.matchesAdamW),
    ]
  }
  public var problem: String? {
    if !(0..<1).contains(momentum) { return "momentum must lie in 0..<1, got \(momentum)" }
    if !(1..<100).contains(iterations) { return "iterations must lie in 1..<100, got \(iterations)" }
    return [learningRate, weightDecay, epsilon].allSatisfy { $0 >= 0 } ? nil : "no option may be negative"
  }
}

/// Steps along an orthogonal matrix near the momentum, so that all directions of a weight move alike (Jordan et al.,
/// 2024). For the weights between the first and the last layer; the others, biases and norms want another optimizer:
///
///     OptimizerList(Muon(matrices), AdamW(others))
///
/// Weights of convolutions count as matrices of one row per output. The matrix is found in the parameter's own type;
/// PyTorch does so in bfloat16.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.Muon.html
public final class Muon: GroupedOptimizer<MuonOptions> {
  public override func update(
    _ parameter: Parameter, gradient: Tensor, state: inout ParameterState, options: MuonOptions
  ) {
    require(
      parameter.shape.count >= 2, "Muon",
      "steps matrices and convolutions, not a parameter of shape \(parameter.shape)")
    let former = state.tensors["momentum_buffer"]?.to(gradient.device) ?? gradient * 0
    let momentum = former + (1 - options.momentum) * (gradient - former)
    state.tensors["momentum_buffer"] = momentum
    let direction = options.nesterov ? gradient + options.momentum * (momentum - gradient) : momentum
    let rows = parameter.shape[0]
    let columns = parameter.count / max(1, rows)
    let step = Self.orthogonal(direction.reshape(rows, columns), options).reshape(parameter.shape)
    let (tall, wide) = (Double(rows), Double(columns))
    let length =
      options.matchesAdamW
      ? 0.2 * max(tall, wide).squareRoot() : max(1, tall / wide).squareRoot()
    let shrinkage = options.learningRate * options.weightDecay
    parameter.value -= shrinkage * parameter.value.detach() + options.learningRate * length * step
  }

  /// About U Vᵀ of x = U S Vᵀ: x p(xᵀ x) for an odd polynomial of degree 5 again and again, whose coefficients lift small
  /// singular values fast and leave all of them between 0.7 and 1.2.
  private static func orthogonal(_ x: Tensor, _ options: MuonOptions) -> Tensor {
    let isTall = x.shape[0] > x.shape[1]
    var y = isTall ? x.transpose(0, 1) : x
    y = y / y.norm().clamp(min: options.epsilon)
    for _ in 0..<options.iterations {
      let gram = y.matmul(y.transpose(0, 1))
      y = 3.4445 * y + (-4.775 * gram + 2.0315 * gram.matmul(gram)).matmul(y)
    }
    return isTall ? y.transpose(0, 1) : y
  }
}
