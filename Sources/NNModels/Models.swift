import NNCore
import NNLayers

/// All networks by torchvision's names.
private let builders: [String: @Sendable (_ classes: Int) -> any ImageClassifier] = [
  "resnet18": resnet18, "resnet34": resnet34, "resnet50": resnet50, "resnet101": resnet101,
  "resnet152": resnet152,
  "resnext50_32x4d": resnext50_32x4d, "resnext101_32x8d": resnext101_32x8d,
  "resnext101_64x4d": resnext101_64x4d,
  "wide_resnet50_2": wide_resnet50_2, "wide_resnet101_2": wide_resnet101_2,
  "squeezenet1_0": squeezenet1_0, "squeezenet1_1": squeezenet1_1,
]

/// Names of all networks, in alphabetical order.
public func listModels() -> [String] { builders.keys.sorted() }

/// A new network by its name, such as `resnet18`, with starting weights drawn from the default generator.
///
///     let network = try model("squeezenet1_0")
///     try network.loadWeights(from: "squeezenet1_0-b66bff10.pth")
///
/// - Parameters:
///   - name: one of ``listModels()``.
///   - classes: number of outputs.
/// - Throws: ``ModelError`` if there is no network of that name.
public func model(_ name: String, classes: Int = 1000) throws -> any ImageClassifier {
  guard let build = builders[name] else { throw ModelError.unknown(name, nearest: nearestNames(to: name)) }
  return build(classes)
}

/// A network that cannot be made.
public enum ModelError: Error, Equatable, CustomStringConvertible {
  /// There is no network of that name.
  case unknown(String, nearest: [String])

  public var description: String {
    switch self {
    case .unknown(let name, let nearest):
      "unknown network \(name.debugDescription); nearest names: \(nearest.joined(separator: ", "))"
    }
  }
}

/// The three names with the fewest characters to change.
private func nearestNames(to name: String) -> [String] {
  let distances = listModels().map { (name: $0, distance: editDistance($0, name.prefix(64).lowercased())) }
  return distances.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(3).map(\.name)
}
