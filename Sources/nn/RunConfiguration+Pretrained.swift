import Foundation
import NNCore
import NNData
import NNLayers
import NNLightning
import NNModels

/// How images become the input of pretrained weights, as it stands beside a saved model.
struct Preprocessing: Codable, Equatable {
  var resize: Int
  var crop: Int
  var interpolation: String
  var mean: [Float]
  var std: [Float]

  init(_ preset: ImageClassification) {
    (resize, crop) = (preset.resize, preset.crop)
    interpolation = preset.interpolation.rawValue
    (mean, std) = (preset.mean, preset.std)
  }

  /// What is wrong with values from a file, nil if nothing is.
  var problem: String? {
    if resize < 1 || crop < 1 || resize > 10_000 || crop > 10_000 {
      return "expected a preprocessing with sizes in 1...10000, found resize \(resize) and crop \(crop)"
    }
    if InterpolationMode(rawValue: interpolation) == nil {
      return "expected a known interpolation, found \(interpolation)"
    }
    if mean.count != 3 || std.count != 3 || !std.allSatisfy({ $0 > 0 }) {
      return "expected 3 means and 3 positive deviations, found \(mean) and \(std)"
    }
    return nil
  }

  /// - Precondition: there is no `problem`.
  var transform: ImageClassification {
    ImageClassification(
      crop: crop, resize: resize, interpolation: InterpolationMode(rawValue: interpolation) ?? .bilinear,
      mean: mean, std: std)
  }
}

extension RunConfiguration {
  /// What the weights of `nn finetune` want; nil for other runs.
  var preprocessing: Preprocessing? {
    get throws {
      guard pretrained else { return nil }
      // The drawn images as they are.
      if arch == "shapesnet" {
        return Preprocessing(ImageClassification(crop: 32, resize: 32, mean: [0, 0, 0], std: [1, 1, 1]))
      }
      let entry = try weights.flatMap { try official(fileName: $0) } ?? officialWeights(arch)
      return Preprocessing(entry.transforms)
    }
  }

  /// Nil for what suits the network.
  var normalizesFeatures: Bool? {
    switch head {
    case "linear": false
    case "batchnorm": true
    default: nil
    }
  }

  /// The entry of official weights whose file has this name.
  private func official(fileName path: String) throws -> PretrainedWeights? {
    let name = URL(fileURLWithPath: path).lastPathComponent
    return try modelWeights(arch).first { $0.fileName == name }
  }

  /// Loads a weight file into a network with the head that the file has.
  func load(_ path: String, into network: any ImageClassifier) throws {
    if let official = try official(fileName: path) {
      try network.loadWeights(official, from: path)
    } else {
      try network.loadWeights(from: path)
    }
  }

  /// The network with the weights of the file, or else with its official ones, which are downloaded if need be.
  func pretrainedNetwork() throws -> any ImageClassifier {
    if arch == "shapesnet" {
      return try weights.map { try ShapesNet(contentsOf: $0) } ?? ShapesNet.pretrained()
    }
    guard let weights else {
      return try NNModels.model(arch, weights: .default, progress: Downloader.printingLines())
    }
    let network = try skipInit { try NNModels.model(arch) }
    try load(weights, into: network)
    return network
  }

  var featureCaching: FeatureCaching {
    switch cache {
    case "off": .off
    case "memory": .memory
    default: .disk(cache)
    }
  }

  func phasePlan() throws -> PhasePlan? { try phases.map { try PhasePlan($0) } }
}
