import CNNKernels
import NNCore

/// Changes parameters along their gradients, one step at a time; as `torch.optim.Optimizer`.
///
///     optimizer.zeroGrad()
///     loss.backward()
///     optimizer.step()
///
/// The library's optimizers are ``GroupedOptimizer``s. Options other than the learning rate are set in a closure;
/// parameters may come in groups (``ParameterGroup``) with options of their own.
///
///     SGD(net.parameters(), learningRate: 0.1) { $0.momentum = 0.9 }
public protocol Optimizer: AnyObject {
  /// The parameters of each group.
  var groupedParameters: [[Parameter]] { get }
  /// Learning rate of each group in force.
  var learningRates: [Double] { get set }
  /// Learning rate of each group before a scheduler changed it; nil before there was one.
  var initialLearningRates: [Double?] { get set }
  /// Momentum of each group (of Adam and its relatives the first beta), which some schedulers change; nil for an
  /// optimizer that has none.
  var momenta: [Double]? { get set }

  /// Changes every parameter that has a gradient. Parameters without one, and their state, stay untouched.
  func step()
  /// Drops the gradients of all parameters.
  func zeroGrad()
  /// Forgets what former steps left (momenta, averages, their number), as if none had been made; options stay.
  func resetState()

  /// Everything a resumed training needs to continue with the same bits: options and state as tensors, numbers as
  /// 0-dimensional ones. Keys: `state.<parameter>.<name>`, `param_groups.<group>.<option>`, with PyTorch's names.
  func stateDict() -> StateDict
  /// Takes over what `stateDict()` gave. Everything is checked before anything is changed.
  /// - Throws: `StateError.invalid` if it comes from other groups, parameters or another kind of optimizer.
  func loadStateDict(_ state: StateDict) throws
}

extension Optimizer {
  /// All parameters, group by group.
  public var parameters: [Parameter] { groupedParameters.flatMap { $0 } }

  public func zeroGrad() {
    for parameter in parameters { parameter.grad = nil }
  }
}

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

/// What an optimizer keeps for one parameter.
public struct ParameterState {
  /// Steps made so far.
  public var step = 0
  /// Tensors of the parameter's shape by PyTorch's names (`exp_avg`, …).
  public var tensors: [String: Tensor] = [:]
  /// Numbers by PyTorch's names.
  public var numbers: [String: Double] = [:]
}

/// An optimizer whose parameters come in groups with options of their own. A subclass computes the step of one
/// parameter in `update`.
open class GroupedOptimizer<Options: OptimizerOptions>: Optimizer {
  public internal(set) var groups: [ParameterGroup<Options>]
  var states: [ObjectIdentifier: ParameterState] = [:]

  /// What the options start from.
  open class var defaultOptions: Options { Options() }

  /// - Parameters:
  ///   - groups: each parameter in one of them.
  ///   - learningRate: of the groups that set none themselves; nil for the optimizer's default.
  ///   - adjust: sets the other options of the groups that do not set them themselves.
  public init(
    _ groups: [ParameterGroup<Options>], learningRate: Double? = nil,
    _ adjust: (inout Options) -> Void = { _ in }
  ) {
    var options = Self.defaultOptions
    if let learningRate { options.learningRate = learningRate }
    adjust(&options)
    self.groups = groups.map { group in
      var group = group
      group.options = options
      group.adjust(&group.options)
      if let problem = group.options.problem { fail("Optimizer", "\(Self.self): \(problem)") }
      return group
    }
    let all = parameters
    require(!all.isEmpty, "Optimizer", "\(Self.self) got no parameters")
    require(
      Set(all.map(ObjectIdentifier.init)).count == all.count, "Optimizer",
      "\(Self.self) got a parameter twice")
  }

  /// All parameters in one group.
  public convenience init(
    _ parameters: [Parameter], learningRate: Double? = nil, _ adjust: (inout Options) -> Void = { _ in }
  ) {
    self.init([ParameterGroup(parameters)], learningRate: learningRate, adjust)
  }

  public var groupedParameters: [[Parameter]] { groups.map(\.parameters) }

  public var learningRates: [Double] {
    get { groups.map(\.options.learningRate) }
    set { for (place, value) in newValue.enumerated() { groups[place].options.learningRate = value } }
  }

  public var initialLearningRates: [Double?] {
    get { groups.map(\.initialLearningRate) }
    set { for (place, value) in newValue.enumerated() { groups[place].initialLearningRate = value } }
  }

  public var momenta: [Double]? {
    get {
      let all = groups.compactMap(\.options.scheduledMomentum)
      return all.count == groups.count ? all : nil
    }
    set {
      for (place, value) in (newValue ?? []).enumerated() { groups[place].options.scheduledMomentum = value }
    }
  }

  public func step() {
    for group in groups {
      for parameter in group.parameters {
        guard let gradient = parameter.grad else { continue }
        let id = ObjectIdentifier(parameter)
        // Out of the table while it changes, so that its tensors are not copied.
        var state = states.removeValue(forKey: id) ?? ParameterState()
        state.step += 1
        let dense = gradient.detach().to(parameter.value.dtype).contiguous()
        noGrad { update(parameter, gradient: dense, state: &state, options: group.options) }
        states[id] = state
      }
    }
  }

  public func resetState() { states = [:] }

  /// Changes one parameter. Runs without recording.
  ///
  /// - Parameters:
  ///   - gradient: of the parameter's shape and type, row-major.
  ///   - state: what `update` kept at the former step; `step` counts this one already, from 1.
  open func update(
    _ parameter: Parameter, gradient: Tensor, state: inout ParameterState, options: Options
  ) {
    fail("Optimizer", "\(Self.self) does not override update")
  }

  /// Names of the entries of `ParameterState.numbers` that `update` uses, so that a loaded state is told apart.
  open var numberNames: Set<String> { [] }

  // MARK: State

  public func stateDict() -> StateDict {
    var result = StateDict()
    for (place, parameter) in parameters.enumerated() {
      guard let state = states[ObjectIdentifier(parameter)] else { continue }
      result["state.\(place).step"] = Tensor(state.step)
      for (name, value) in state.tensors.sorted(by: { $0.key < $1.key }) {
        result["state.\(place).\(name)"] = value
      }
      for (name, value) in state.numbers.sorted(by: { $0.key < $1.key }) {
        result["state.\(place).\(name)"] = Tensor(value)
      }
    }
    var first = 0
    for (place, group) in groups.enumerated() {
      let prefix = "param_groups.\(place)."
      for field in Options.fields {
        switch field {
        case .number(let name, let path): result[prefix + name] = Tensor(group.options[keyPath: path])
        case .flag(let name, let path): result[prefix + name] = Tensor(group.options[keyPath: path])
        }
      }
      if let rate = group.initialLearningRate { result[prefix + "initial_lr"] = Tensor(rate) }
      result[prefix + "params"] = Tensor(Array(first..<first + group.parameters.count))
      first += group.parameters.count
    }
    return result
  }

  public func loadStateDict(_ state: StateDict) throws {
    let reader = StateReader(state, owner: "\(Self.self)")
    var newGroups = groups
    var first = 0
    for place in groups.indices {
      let prefix = "param_groups.\(place)."
      let own = Array(first..<first + groups[place].parameters.count)
      first += own.count
      let indices = try reader.tensor(prefix + "params").array(of: Int.self)
      try reader.check(indices == own, prefix + "params", "\(own)", "\(indices)")
      for field in Options.fields {
        switch field {
        case .number(let name, let path):
          newGroups[place].options[keyPath: path] = try reader.number(prefix + name)
        case .flag(let name, let path):
          newGroups[place].options[keyPath: path] = try reader.number(prefix + name) != 0
        }
      }
      newGroups[place].initialLearningRate = try reader.optionalNumber(prefix + "initial_lr")
      let problem = newGroups[place].options.problem
      try reader.check(problem == nil, prefix, "valid options", problem ?? "")
    }
    try reader.check(
      !state.keys.contains { $0.hasPrefix("param_groups.\(groups.count).") }, "param_groups",
      "\(groups.count) groups", "more")
    let newStates = try reader.parameterStates(parameters, numberNames: numberNames)
    groups = newGroups
    states = newStates
  }
}

extension StateReader {
  /// The entries `state.<parameter>.<name>`.
  func parameterStates(
    _ parameters: [Parameter], numberNames: Set<String>
  ) throws -> [ObjectIdentifier: ParameterState] {
    var result: [ObjectIdentifier: ParameterState] = [:]
    for (key, value) in state where key.hasPrefix("state.") {
      let words = key.split(separator: ".", maxSplits: 2).map(String.init)
      guard words.count == 3, let place = Int(words[1]), parameters.indices.contains(place) else {
        throw StateError.invalid(
          owner: owner, expected: "state of the parameters 0..<\(parameters.count)", found: "the key \(key)")
      }
      let parameter = parameters[place]
      let id = ObjectIdentifier(parameter)
      var entry = result[id] ?? ParameterState()
      if words[2] == "step" {
        entry.step = try integer(key)
      } else if numberNames.contains(words[2]) {
        entry.numbers[words[2]] = try number(key)
      } else {
        try check(
          value.shape == parameter.shape && value.dtype == parameter.value.dtype, key,
          "\(parameter.value.dtype) \(parameter.shape)", "\(value.dtype) \(value.shape)")
        entry.tensors[words[2]] = value.detach()
      }
      result[id] = entry
    }
    return result
  }
}
