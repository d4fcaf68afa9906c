import NNCore
import NNData
import NNLayers
import NNModels

/// A network with weights, and where they came from.
public struct PretrainedNetwork {
  public let model: any CallableModule
  public let origin: String
}

/// Makes a network and loads its weights: from a file, or the official ones from a cache or the Internet.
public func pretrainedNetwork(_ architecture: String, weights path: String?) throws -> PretrainedNetwork {
  let network = try model(architecture)
  if let path {
    try network.loadWeights(from: path)
    return PretrainedNetwork(model: network, origin: path)
  }
  guard let official = PretrainedWeights.official(for: architecture) else {
    throw WeightsError.noneKnown(architecture)
  }
  let isOnDisk = official.existingFile != nil
  // One quick attempt: without Internet the answer should come at once.
  let file = try official.file(
    downloader: Downloader(timeout: 15, retries: 0), progress: Downloader.printingLines())
  try network.loadWeights(from: file)
  return PretrainedNetwork(model: network, origin: isOnDisk ? file : "\(official.url), now in \(file)")
}

/// Weights that cannot be had.
public enum WeightsError: Error, CustomStringConvertible {
  case noneKnown(String)

  public var description: String {
    switch self {
    case .noneKnown(let architecture):
      "\(architecture): expected a weight file by --weights, found none; no official address is known for it"
    }
  }
}

/// What torchvision's ImageNet weights expect: the shorter side at `resize`, the middle `crop` pixels, in [0, 1],
/// less the mean of ImageNet and divided by its standard deviation.
public func imageNetTransform(resize: Int, crop: Int) -> some Transform<Image, Tensor> {
  Compose {
    Resize(resize)
    CenterCrop(crop, crop)
    ToTensor()
    Normalize(mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
  }
}
