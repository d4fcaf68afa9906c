import NNCore

/// A network up to some node, whose output it gives. It runs nothing behind the last node that is asked for, and has
/// only the parts up to there, under the keys that they have in the network.
///
/// The parts are shared with the network: training the one trains the other.
///
///     let extractor = try network.features(at: "layer2", "layer4")
///     let maps = extractor.outputs(images)  // maps["layer2"], maps["layer4"]
///     let last = extractor(images)          // the same as maps["layer4"]
public final class FeatureExtractor: Module, Layer {
  /// The nodes that were asked for.
  public let nodes: [String]
  @Untracked private var network: any StagedModule
  @Untracked private var stages: [Stage]
  /// Nodes inside of stages: which call of which module gives them.
  @Untracked private var targets: [(node: String, module: Module, call: Int)]

  init(_ network: any StagedModule, at nodes: [String]) throws {
    require(!nodes.isEmpty, "features(at:)", "needs at least one node")
    self.nodes = nodes
    self.network = network
    let all = network.stages
    var (places, targets): ([Int], [(node: String, module: Module, call: Int)]) = ([], [])
    for node in nodes {
      let parts = node.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard let place = all.firstIndex(where: { $0.name == parts[0] }) else {
        throw NodeError.unknown(node, network: network.typeName, nodes: all.map(\.name))
      }
      places.append(place)
      guard parts.count == 2 else { continue }
      guard let module = all[place].module, let (target, call) = Self.target(parts[1], in: module) else {
        throw NodeError.unknown(node, network: network.typeName, nodes: all.map(\.name))
      }
      targets.append((node, target, call))
    }
    self.targets = targets
    let last = places.max() ?? 0
    var stages = Array(all[...last])
    if let module = stages[last].module,
      !zip(nodes, places).contains(where: { $0 == stages[last].name && $1 == last })
    {
      let inner = zip(nodes, places).filter { $1 == last }.map {
        String($0.0.dropFirst(stages[last].name.count + 1))
      }
      stages[last] = Stage(stages[last].name, Self.cut(module, behind: inner))
    }
    self.stages = stages
    super.init()
    inputNormalization = network.inputNormalization
  }

  /// The module of a path, and which of its calls is meant: `0.relu_1` is the second of `0.relu`, unless there is a
  /// part of that name.
  private static func target(_ path: String, in module: Module) -> (Module, Int)? {
    let parts = Dictionary(module.namedModules().map { ($0.name, $0.module) }) { first, _ in first }
    if path.isEmpty { return nil }
    if let part = parts[path] { return part is any CallableModule ? (part, 0) : nil }
    guard let line = path.lastIndex(of: "_"), let call = Int(path[path.index(after: line)...]), call > 0,
      let part = parts[String(path[..<line])], part is any CallableModule
    else { return nil }
    return (part, call)
  }

  /// A sequence without the layers behind the last of some paths; other modules as they are.
  private static func cut(_ module: any CallableModule, behind paths: [String]) -> any CallableModule {
    guard let sequence = module as? Sequential, type(of: sequence) == Sequential.self else { return module }
    let names = sequence.names
    let heads = paths.map { path in path.split(separator: ".", maxSplits: 1).map(String.init) }
    guard let last = heads.compactMap({ names.firstIndex(of: $0[0]) }).max() else { return module }
    let part = sequence.prefix(through: last)
    let inner = heads.filter { $0[0] == names[last] }
    if inner.allSatisfy({ $0.count == 2 }) { part[last] = cut(part[last], behind: inner.map { $0[1] }) }
    return part
  }

  override func members() -> [(key: String, member: Member)] {
    let kept = Dictionary(stages.compactMap { stage in stage.module.map { (stage.name, $0) } }) { first, _ in
      first
    }
    return network.members().compactMap { key, member in
      guard case .module = member else { return (key, member) }
      return kept[key].map { (key, .module($0)) }
    }
  }

  /// The output of the last of ``nodes``.
  public func forward(_ x: Tensor) -> Tensor {
    let all = outputs(x)
    guard let last = nodes.last, let output = all[last] else {
      fail("FeatureExtractor", "a node of \(nodes) was not reached")
    }
    return output
  }

  /// The outputs of all nodes by name.
  public func outputs(_ x: Tensor) -> [String: Tensor] {
    var found: [String: Tensor] = [:]
    let handles = targets.map { node, module, call in
      var calls = 0
      return module.registerForwardHook { _, _, output in
        if calls == call { found[node] = output }
        calls += 1
        return nil
      }
    }
    defer { for handle in handles { handle.remove() } }
    var y = x
    for stage in stages {
      y = stage(y)
      if nodes.contains(stage.name) { found[stage.name] = y }
    }
    for node in nodes where found[node] == nil {
      fail("FeatureExtractor", "the node \(node) was not reached; the layer ran fewer times")
    }
    return found
  }

  public override var extraDescription: String { nodes.joined(separator: ", ") }
}
