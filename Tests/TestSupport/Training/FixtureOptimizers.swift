import NNLayers

/// The optimizer of a case, its groups included.
func makeOptimizer(_ fixture: FixtureCase, _ parameters: [Parameter]) throws -> any Optimizer {
  if let problem = fixture.problem { throw FixtureError(problem) }
  func groups<Options: OptimizerOptions>(_ type: Options.Type) throws -> [ParameterGroup<Options>] {
    let given = fixture.entry["groups"]?.elements ?? [.object([:])]
    return try given.map { entry in
      let places = entry["params"]?.ints ?? Array(parameters.indices)
      guard parameters.indices.contains(places.min() ?? 0), parameters.indices.contains(places.max() ?? 0)
      else {
        throw FixtureError("a group of parameters \(places), there are \(parameters.count)")
      }
      var options = entry.entries ?? [:]
      options["params"] = nil
      let changes =
        try fixture.kwargs.map { try change(Options.self, $0.key, $0.value) }
        + options.map { try change(Options.self, $0.key, $0.value) }
      return ParameterGroup(places.map { parameters[$0] }) { options in
        for change in changes { change(&options) }
      }
    }
  }
  switch fixture.operation {
  case "SGD": return SGD(try groups(SGDOptions.self))
  case "Adam" where fixture.kwargs["decoupled_weight_decay"]?.bool == true:
    return AdamW(try groups(AdamOptions.self)) { $0.weightDecay = 0 }
  case "Adam": return Adam(try groups(AdamOptions.self))
  case "AdamW": return AdamW(try groups(AdamOptions.self))
  case "RMSprop": return RMSprop(try groups(RMSpropOptions.self))
  case "Adagrad": return Adagrad(try groups(AdagradOptions.self))
  case "Adadelta": return Adadelta(try groups(AdadeltaOptions.self))
  case "NAdam": return NAdam(try groups(NAdamOptions.self))
  case "RAdam": return RAdam(try groups(RAdamOptions.self))
  case "Adamax": return Adamax(try groups(AdamaxOptions.self))
  case "Adafactor": return Adafactor(try groups(AdafactorOptions.self))
  case "Lion": return Lion(try groups(LionOptions.self))
  case "Lamb": return LAMB(try groups(LAMBOptions.self))
  case "Muon": return Muon(try groups(MuonOptions.self))
  default: throw FixtureError("operation not supported: \(fixture.operation)")
  }
}

/// How an option of PyTorch's name is set.
private func change<Options: OptimizerOptions>(
  _ type: Options.Type, _ name: String, _ value: JSONValue
) throws -> (inout Options) -> Void {
  // These choose between implementations, not between results.
  if ["foreach", "fused", "capturable", "differentiable"].contains(name) || value.isNull { return { _ in } }
  // Which of Adam and AdamW it is.
  if name == "decoupled_weight_decay", Options.self == AdamOptions.self { return { _ in } }
  if name == "adjust_lr_fn" { return try change(type, value.string ?? "", .bool(true)) }
  if name == "betas" || name == "eps", let pair = value.doubles, pair.count == 2 {
    let changes = try pair.indices.map { try change(type, "\(name).\($0)", .number(pair[$0])) }
    return { options in for change in changes { change(&options) } }
  }
  for field in Options.fields {
    switch field {
    case .number(name, let path):
      if let number = value.double { return { $0[keyPath: path] = number } }
    case .flag(name, let path):
      if let flag = value.bool { return { $0[keyPath: path] = flag } }
    default: continue
    }
    throw FixtureError("argument \(name): \(value) has the wrong form")
  }
  throw FixtureError("argument not supported: \(name)")
}
