import NNLayers
import NNModels

/// The network of a run: one of the library as it is, or a pretrained one under a new head.
enum RunNetwork {
  case whole(any ImageClassifier)
  case transfer(TransferNetwork)

  /// A network as a saved model tells of it, with starting weights.
  ///
  /// - Parameters:
  ///   - configuration: what decides on its function beside its weights; untrusted.
  ///   - form: what a new head is and what it is given; nil if there is no new head.
  init(
    _ arch: String, classes: Int, configuration: [String: String], form: TransferForm?
  ) throws {
    let network = try makeModel(arch, classes: classes, configuration: configuration)
    if let form {
      self = .transfer(try TransferNetwork(network, classes: classes, form: form))
    } else {
      self = .whole(network)
    }
  }

  var module: any CallableModule {
    switch self {
    case .whole(let network): network
    case .transfer(let network): network
    }
  }

  /// What decides on the function of the network of the library beside its weights.
  var configuration: [String: String] {
    switch self {
    case .whole(let network): network.configuration
    case .transfer(let network): network.configuration
    }
  }

  /// What a new head is and what it is given; nil if there is no new head.
  var transferForm: TransferForm? {
    switch self {
    case .whole: nil
    case .transfer(let network): network.form
    }
  }
}
