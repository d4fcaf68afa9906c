import Foundation
import NNCore
import NNData
import NNLayers
import NNLightning
import NNModels

extension RunConfiguration {
  /// How files become the input of the network.
  var preprocessing: Preprocessing {
    get throws {
      var result = try weightsPreprocessing ?? Preprocessing(size: imageSize ?? 32, normalize: normalize)
      if pretrained, let imageSize { result = result.scaled(to: imageSize) }
      result = result.of(channels: channels)
      result.orientation = (upright ? Image.Orientation.apply : .ignore).rawValue
      result.decoding = decoding.rawValue
      return result
    }
  }

  /// What the weights of `nn finetune` want; nil for other runs.
  private var weightsPreprocessing: Preprocessing? {
    get throws {
      guard pretrained else { return nil }
      if let preparation = try HubWeights.model(weights)?.preparation { return Preprocessing(preparation) }
      let weights = try weightsPath
      if let weights, let model = try SavedModel.description(of: weights) { return model.preprocessing }
      let entry = try weights.flatMap { try official(fileName: $0) } ?? officialWeights(arch)
      return Preprocessing(entry.transforms)
    }
  }

  /// What the features are and what the head consists of; a head that is solved is put there when it is.
  func form(_ network: any ImageClassifier) throws -> TransferForm {
    var form = try TransferForm(suiting: network)
    if head != .auto { form.normalizes = head != .linear }
    guard features == .several else { return form }
    form.nodes = network.deepNodes()
    if form.nodes.isEmpty {
      throw CommandError(
        "features: expected last, as \(printable(arch)) is no chain of convolutions, found several")
    }
    form.featureCount = try network.featureCount(of: form.nodes, imageSize: preprocessing.crop)
    return form
  }

  /// The entry of official weights whose file has this name.
  private func official(fileName path: String) throws -> PretrainedWeights? {
    let name = URL(fileURLWithPath: path).lastPathComponent
    return try modelWeights(arch).first { $0.fileName == name }
  }

  /// A new network, or a pretrained one under a new head.
  func network(classes: Int) throws -> RunNetwork {
    if pretrained {
      let network = try pretrainedNetwork()
      let transfer = try TransferNetwork(network, classes: classes, form: form(network))
      if freeze { transfer.backbone.freeze() }
      if let lora, transfer.backbone.addLoRA(rank: lora) == 0 {
        throw CommandError(
          "lora: expected a network with linear or attention layers below its head, found \(printable(arch))")
      }
      return .transfer(transfer)
    }
    guard let weights = try weightsPath else {
      if freeze { throw CommandError("freeze: expected starting weights (--weights), found none") }
      return .whole(try newNetwork(classes: classes, channels: channels))
    }
    let network = try network(weights: weights)
    if freeze { network.freeze() }
    network.replaceHead(classes: classes)
    return .whole(network)
  }

  /// The network with the weights of a file, or of another run, under the head that they have.
  private func network(weights path: String) throws -> any ImageClassifier {
    if let model = try SavedModel.description(of: path) {
      guard model.arch == arch else {
        throw CommandError(
          "\(printable(path)): expected weights of \(arch), found a model of \(printable(model.arch))")
      }
      let network = try SavedModel(contentsOf: path).classifier()
      network.adaptInput(channels: channels)
      try network.configureTraining(dropPath: dropPath, dropout: dropout)
      return network
    }
    let network = try skipInit { try newNetwork() }
    let report = try network.loadPretrainedWeights(
      from: path, key: weightsKey, prefix: weightsPrefix, replacingHead: true)
    say("\(report)")
    network.adaptInput(channels: channels)
    return network
  }

  /// A network with the settings for training.
  ///
  /// - Parameter weights: official ones; nil for none.
  private func newNetwork(
    _ weights: WeightsName? = nil, classes: Int? = nil, channels: Int = 3
  ) throws -> any ImageClassifier {
    let takesOneSize = try officialWeights(arch).imageSize != nil
    return try makeModel(
      arch, weights: weights, classes: classes, channels: channels, imageSize: takesOneSize ? imageSize : nil,
      dropPath: dropPath, dropout: dropout, progress: Downloader.printingLines())
  }

  /// The network with the weights of the file, or else with its official ones, which are downloaded if need be.
  func pretrainedNetwork() throws -> any ImageClassifier {
    if let weights = try weightsPath { return try network(weights: weights) }
    return try newNetwork(.default, channels: channels)
  }

  func phasePlan() throws -> PhasePlan? { try phases.map { try PhasePlan($0) } }
}
