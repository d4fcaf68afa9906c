import NNData
import NNLayers

extension ImageClassifier {
  /// Takes over official weights, downloaded if they are not on disk; the network must have their number of classes
  /// and its auxiliary heads.
  ///
  ///     let network = skipInit { resnet50() }
  ///     try network.loadWeights(resnet50.defaultWeights)
  ///
  /// - Throws: ``WeightsError``, `FileError` or `DownloadError`, in one line; nothing was changed then.
  public func loadWeights(
    _ weights: PretrainedWeights, cache: WeightCache = .default, progress: ((DownloadProgress) -> Void)? = nil
  ) throws {
    try loadWeights(weights, from: cache.file(for: weights, progress: progress))
  }

  /// Takes over official weights from a file that lies somewhere else; the network must have their number of classes
  /// and its auxiliary heads.
  ///
  /// - Throws: `FileError`, in one line; nothing was changed then.
  public func loadWeights(_ weights: PretrainedWeights, from path: String) throws {
    try loadFittingWeights(from: path)
    didLoadOfficialWeights()
    inputNormalization = InputNormalization(mean: weights.transforms.mean, std: weights.transforms.std)
  }
}
