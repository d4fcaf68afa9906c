import NNCore

/// What an optimizer keeps for one parameter.
public struct ParameterState {
  /// Steps made so far.
  public var step = 0
  /// Tensors of the parameter's shape by PyTorch's names (`exp_avg`, …).
  public var tensors: [String: Tensor] = [:]
  /// Numbers by PyTorch's names.
  public var numbers: [String: Double] = [:]
}

extension ParameterState {
  /// A tensor of the state for a step to change in place; one that is not there yet starts filled with `value`.
  mutating func owned(_ name: String, like model: Tensor, startingWith value: Double) -> Tensor {
    guard let place = tensors.index(forKey: name) else {
      var tensor = model.backend.fill(model.shape, value, dtype: model.dtype)
      // A device may share numbers that are asked for often.
      tensor.makeUnique()
      tensors[name] = tensor
      return tensor
    }
    if tensors.values[place].device != model.device {
      tensors.values[place] = tensors.values[place].to(model.device)
    }
    tensors.values[place].makeUnique()
    return tensors.values[place]
  }
}

/// The rule of an optimizer's next step.
struct UpdatePlan {
  let rule: UpdateRule
  /// Names of the tensors of the state, in the rule's order.
  var state: [String] = []
  /// What these start filled with.
  var start = 0.0
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

  public var groupedParameters: [[Parameter]] { groups.map { $0.parameters } }

  public var learningRates: [Double] {
    get { groups.map { $0.options.learningRate } }
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
    var steps: [ParameterStep] = []
    var device = Device.cpu
    for group in groups {
      for parameter in group.parameters {
        guard let gradient = parameter.grad?.detach().to(parameter.value.dtype) else { continue }
        require(
          gradient.shape == parameter.shape, "Optimizer",
          "gradient of shape \(gradient.shape) for a parameter of shape \(parameter.shape)")
        let id = ObjectIdentifier(parameter)
        // Out of the table while it changes, so that its tensors are not copied.
        var state = states.removeValue(forKey: id) ?? ParameterState()
        state.step += 1
        if let update = plan(group.options, &state) {
          let kept = update.state.map { state.owned($0, like: parameter.value, startingWith: update.start) }
          parameter.value.makeUnique()
          let values = parameter.value.detach()
          if values.device != device { run(&steps) }
          device = values.device
          steps.append(ParameterStep(update.rule, parameter: values, gradient: gradient, state: kept))
        } else {
          noGrad {
            update(parameter, gradient: gradient.contiguous(), state: &state, options: group.options)
          }
        }
        states[id] = state
      }
    }
    run(&steps)
  }

  /// Carries out steps of one device, and empties the list.
  private func run(_ steps: inout [ParameterStep]) {
    steps.first?.parameter.backend.step(steps)
    steps = []
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

  /// The library's own optimizers give a rule here in place of a step in `update`, for the device to carry out.
  func plan(_ options: Options, _ state: inout ParameterState) -> UpdatePlan? { nil }

  /// The shape of a tensor that `update` keeps for a parameter, against which a loaded state is checked; by default the
  /// parameter's.
  open func stateShape(_ name: String, of parameter: Parameter) -> [Int] { parameter.shape }

  /// Names of the entries of `ParameterState.numbers` that `update` uses, so that a loaded state is told apart.
  open var numberNames: Set<String> { [] }
}
