import ArgumentParser
import NNCore
import NNData
import NNLayers
import NNModels

/// Which pretrained network is used.
public struct PretrainedOptions: ParsableArguments {
  @Option(help: "Architecture of the pretrained network: \(listModels().joined(separator: ", ")).")
  public var arch = "resnet18"

  @Option(
    help: """
      File with its weights (.pth or .safetensors). Without it the official ones are taken from PyTorch's cache or \
      downloaded.
      """)
  public var weights: String?

  public init() {}

  /// Makes the network and loads its weights: from a file, or the official ones from a cache or the Internet.
  public func network() throws -> PretrainedNetwork {
    let official = try officialWeights(arch)
    if let weights {
      let network = try skipInit { try makeModel(arch) }
      try network.loadWeights(official, from: weights)
      return PretrainedNetwork(model: network, origin: weights, transforms: official.transforms)
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
}

/// A network with weights, and where they came from.
public struct PretrainedNetwork {
  public let model: any ImageClassifier
  public let origin: String
  /// How photos become its input.
  public let transforms: ImageClassification
}
