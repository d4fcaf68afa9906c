import NNCore

/// Parameters that share their options.
///
///     SGD([ParameterGroup(net.body.parameters()) { $0.learningRate = 1e-4 },
///          ParameterGroup(net.head.parameters())], learningRate: 1e-2)
public struct ParameterGroup<Options: OptimizerOptions> {
  public let parameters: [Parameter]
  public var options = Options()
  /// Learning rate before a scheduler changed it.
  public var initialLearningRate: Double?
  let adjust: (inout Options) -> Void

  /// - Parameter adjust: changes the options that differ from those given to the optimizer.
  public init(_ parameters: [Parameter], _ adjust: @escaping (inout Options) -> Void = { _ in }) {
    self.parameters = parameters
    self.adjust = adjust
  }
}

/// Settings of an optimizer, the same for all parameters of a group.
public protocol OptimizerOptions: Sendable {
  /// PyTorch's default values.
  init()
  /// Size of a step.
  var learningRate: Double { get set }
  /// How strongly parameters are drawn towards 0; see each optimizer.
  var weightDecay: Double { get set }
  /// Momentum, or the first beta; nil if there is none.
  var scheduledMomentum: Double? { get set }
  /// All options by PyTorch's names, for state dicts.
  static var fields: [OptionField<Self>] { get }
  /// What is wrong with the values, nil if nothing is.
  var problem: String? { get }
}

extension OptimizerOptions {
  public var scheduledMomentum: Double? {
    get { nil }
    set {}
  }
}

/// Where an option lives.
public enum OptionField<Options> {
  case number(String, WritableKeyPath<Options, Double>)
  case flag(String, WritableKeyPath<Options, Bool>)

  var name: String {
    switch self {
    case .number(let name, _), .flag(let name, _): name
    }
  }
}
