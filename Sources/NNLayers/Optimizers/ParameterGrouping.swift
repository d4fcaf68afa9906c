import NNCore

extension Module {
  /// Parameters in groups whose rates and decays suit their place: the usual way to fine-tune a large network.
  ///
  ///     AdamW(net.parameterGroups(layerDecay: 0.75), learningRate: 1e-3) { $0.weightDecay = 0.05 }
  ///
  /// - Parameters:
  ///   - sparingVectors: leaves biases, the factors of normalisations and all other vectors without weight decay: to make
  ///     them small does not simplify a network.
  ///   - layerDecay: what the rate is multiplied by from each stage to the one before it, above 0 and at most 1; what is
  ///     deeper holds more of what was learnt before. The stages are those of ``depthStages()``.
  /// - Returns: the groups that are not empty, from the output to the input. Frozen parameters are among them.
  public func parameterGroups<Options>(
    sparingVectors: Bool = true, layerDecay: Double = 1
  ) -> [ParameterGroup<Options>] {
    require(
      layerDecay > 0 && layerDecay <= 1, "parameterGroups",
      "layerDecay must be above 0 and at most 1, got \(layerDecay)")
    let stages = layerDecay == 1 ? [parameters()] : depthStages().reversed()
    return stages.enumerated().flatMap { depth, parameters in
      var factor = 1.0
      for _ in 0..<depth { factor *= layerDecay }
      return Self.splitByDecay(parameters, sparingVectors).map { part, decays in
        ParameterGroup<Options>(part) { options in
          options.learningRate *= factor
          if !decays { options.weightDecay = 0 }
        }
      }
    }
  }

  /// Those that decay, and those that are spared; neither list is empty.
  package static func splitByDecay(
    _ parameters: [Parameter], _ sparingVectors: Bool
  ) -> [(parameters: [Parameter], decays: Bool)] {
    let isSpared = { (parameter: Parameter) in sparingVectors && parameter.shape.count <= 1 }
    return [(parameters.filter { !isSpared($0) }, true), (parameters.filter(isSpared), false)].filter {
      !$0.0.isEmpty
    }
  }

  /// All parameters by depth, from the input to the output: those of each stage of a ``StagedModule``, or of each part of
  /// another module. A part that holds more than half of all parameters is taken apart itself.
  public func depthStages() -> [[Parameter]] {
    let all = parameters()
    let half = all.reduce(0) { $0 + $1.count } / 2
    var seen: Set<ObjectIdentifier> = []
    func own(_ parameters: [Parameter]) -> [Parameter] {
      parameters.filter { seen.insert(ObjectIdentifier($0)).inserted }
    }
    func stages(_ module: Module) -> [[Parameter]] {
      let inner =
        (module as? any StagedModule)?.stages.compactMap { $0.module as Module? } ?? module.children
      let size = module.parameters().reduce(0) { $0 + $1.count }
      guard inner.count > 1 || inner.count == 1 && size > half, size > half else {
        return [own(module.parameters())]
      }
      // What belongs to no part (tokens, positions) comes first.
      let inside = Set(inner.flatMap { $0.parameters() }.map(ObjectIdentifier.init))
      let loose = own(module.parameters().filter { !inside.contains(ObjectIdentifier($0)) })
      return [loose] + inner.flatMap { stages($0) }
    }
    return stages(self).filter { !$0.isEmpty }
  }
}
