import NNCore
import NNData
import NNFiles
import NNModels
import Synchronization

/// Weights that `--weights hf:owner/name` takes from a hub.
enum HubWeights {
  static let prefix = "hf:"
  /// What this process asked for, so that each model is asked for and checked once.
  private static let known = Mutex<[String: (model: HubModel, file: String?)]>([:])

  /// The model that `weights` names, nil if that is a file or folder.
  static func model(_ weights: String?) throws -> HubModel? {
    guard let weights, weights.hasPrefix(prefix) else { return nil }
    if let entry = known.withLock({ $0[weights] }) { return entry.model }
    let model = try HubModel(HubRepository(String(weights.dropFirst(prefix.count))))
    known.withLock { ($0[weights], $0[name(of: model)]) = ((model, nil), (model, nil)) }
    return model
  }

  /// The file of its weights, downloaded if need be.
  static func file(of model: HubModel) throws -> String {
    let name = name(of: model)
    if let file = known.withLock({ $0[name]?.file }) { return file }
    let file = try model.weights(progress: Downloader.printingLines())
    known.withLock { $0[name] = (model, file) }
    return file
  }

  /// What `--weights` calls it, with its commit.
  static func name(of model: HubModel) -> String {
    "\(prefix)\(model.repository.name)@\(model.repository.revision)"
  }
}

extension RunConfiguration {
  /// The file or folder of the weights, downloaded if need be.
  var weightsPath: String? {
    get throws {
      guard let model = try HubWeights.model(weights) else { return weights }
      return try HubWeights.file(of: model)
    }
  }

  /// These settings with the commit of a model of a hub, so that the run means the same model for ever, and with its
  /// network, unless one was given.
  func pinningHub(isArchGiven: Bool) throws -> RunConfiguration {
    guard let model = try HubWeights.model(weights) else { return self }
    var result = self
    result.weights = HubWeights.name(of: model)
    if isArchGiven { return result }
    let name = model.architecture ?? ""
    guard listModels().contains(name) else {
      let near = nearestNames(to: name, among: listModels(), count: 3).joined(separator: ", ")
      throw CommandError(
        "\(printable(weights ?? "")): expected a network that is known here, found \(quoted(name)); --arch names one"
          + (near.isEmpty ? "" : ", such as \(near)"))
    }
    result.arch = name
    return result
  }
}
