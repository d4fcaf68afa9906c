import NNCore
import NNFiles

extension GroupedOptimizer {
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
    let newStates = try reader.parameterStates(parameters, numberNames: numberNames, shape: stateShape)
    groups = newGroups
    states = newStates
  }
}

extension StateReader {
  /// The entries `state.<parameter>.<name>`.
  func parameterStates(
    _ parameters: [Parameter], numberNames: Set<String>, shape: (String, Parameter) -> [Int]
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
        let shape = shape(words[2], parameter)
        try check(
          value.shape == shape && value.dtype == parameter.value.dtype, key,
          "\(parameter.value.dtype) \(shape)", "\(value.dtype) \(value.shape)")
        entry.tensors[words[2]] = value.detach()
      }
      result[id] = entry
    }
    return result
  }
}
