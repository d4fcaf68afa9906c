import NNCore
import NNFiles

/// One of the steps of a ``StagedModule``: a part of the module, or a function.
public struct Stage {
  /// Name of the part (its key), or a name for what the function does.
  public let name: String
  /// Nil for a function.
  public let module: (any CallableModule)?
  private let function: (Tensor) -> Tensor

  public init(_ name: String, _ module: any CallableModule) {
    self.name = name
    self.module = module
    function = { module.calledWithHooks($0) }
  }

  public init(_ name: String, _ function: @escaping (Tensor) -> Tensor) {
    self.name = name
    module = nil
    self.function = function
  }

  public func callAsFunction(_ x: Tensor) -> Tensor { function(x) }
}

/// A network that is a chain: it says its steps, and is run, cut off and looked into by them.
///
///     final class Net: Module, StagedModule {
///       let conv = Conv2d(3, 8, kernelSize: 3)
///       let fc = Linear(8, 10)
///       var stages: [Stage] { [Stage("conv", conv), Stage("mean") { $0.mean([2, 3]) }, Stage("fc", fc)] }
///     }
///     let extractor = try Net().features(at: "conv")
public protocol StagedModule: Layer {
  /// The steps in order. They hold the parts as they are now, so this is a computed property.
  var stages: [Stage] { get }
}

extension StagedModule {
  public func forward(_ x: Tensor) -> Tensor { stages.reduce(x) { $1($0) } }

  /// Names of everything whose output `features(at:)` gives, in the order of the stages: of each stage, and before
  /// it of the layers in it (`layer3.0.conv1`, …, `layer3.0`, …, `layer3`).
  ///
  /// A layer that runs several times in one pass (a ReLU in a residual block) stands here once; as in torchvision
  /// its later outputs are called `layer3.0.relu_1` and so on.
  public var nodeNames: [String] {
    stages.flatMap { stage in
      (stage.module.map { innerNames(of: $0, prefix: stage.name + ".") } ?? []) + [stage.name]
    }
  }

  private func innerNames(of module: Module, prefix: String) -> [String] {
    module.namedChildren().filter { $0.module is any CallableModule }.flatMap { name, child in
      innerNames(of: child, prefix: "\(prefix)\(name).") + [prefix + name]
    }
  }

  /// The network up to a node, as a layer that gives the node's output; see ``FeatureExtractor``. As
  /// `torchvision.models.feature_extraction.create_feature_extractor`.
  ///
  ///     let backbone = try resnet18().features(at: "layer3")
  ///     let map = backbone(images)  // [N, 256, H / 16, W / 16]
  ///
  /// - Parameter nodes: one or more of ``nodeNames``.
  /// - Throws: ``NodeError`` if there is no node of a name.
  public func features(at nodes: String...) throws -> FeatureExtractor {
    try features(at: nodes)
  }
  /// The network up to the last of some nodes. See `features(at:)` above.
  public func features(at nodes: [String]) throws -> FeatureExtractor {
    try FeatureExtractor(self, at: nodes)
  }
}

/// A node that a network does not have.
public enum NodeError: Error, Equatable, CustomStringConvertible {
  case unknown(String, network: String, nodes: [String])

  public var description: String {
    switch self {
    case .unknown(let node, let network, let nodes):
      "\(network) has no node \(quoted(node)); its stages are \(nodes.joined(separator: ", "))"
    }
  }
}
