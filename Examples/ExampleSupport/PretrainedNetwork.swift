import NNCore
import NNData
import NNLayers
import NNModels

/// A network with weights, and where they came from.
public struct PretrainedNetwork {
  public let model: any ImageClassifier
  public let origin: String
  /// How photos become its input.
  public let transforms: ImageClassification
}

/// Makes a network and loads its weights: from a file, or the official ones from a cache or the Internet.
public func pretrainedNetwork(_ architecture: String, weights path: String?) throws -> PretrainedNetwork {
  let official = try officialWeights(architecture)
  if let path {
    let network = try skipInit { try makeModel(architecture) }
    try network.loadWeights(official, from: path)
    return PretrainedNetwork(model: network, origin: path, transforms: official.transforms)
  }
  var cache = WeightCache.default
  // One quick attempt: without Internet the answer should come at once.
  cache.downloader = Downloader(timeout: 15, retries: 0, busyTimeout: 3600)
  let isOnDisk = cache.existingFile(for: official) != nil
  let network = try official.model(cache: cache, progress: Downloader.printingLines())
  let file = cache.existingFile(for: official) ?? cache.folder
  return PretrainedNetwork(
    model: network, origin: isOnDisk ? file : "\(cache.url(of: official)), now in \(file)",
    transforms: official.transforms)
}
