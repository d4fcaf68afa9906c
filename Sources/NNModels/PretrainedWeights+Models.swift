import NNData

extension PretrainedWeights {
  /// All weights of all networks.
  public static var all: [PretrainedWeights] { listModels().flatMap { (try? modelWeights($0)) ?? [] } }

  /// The network with these weights, in training mode.
  ///
  /// - Parameters:
  ///   - classes: number of outputs; if it is not that of the weights, the network gets a new head.
  ///   - cache: where the file is looked for, and downloaded to.
  ///   - progress: told about a download, ten times a second.
  /// - Throws: ``WeightsError``, `FileError` or `DownloadError`, in one line.
  public func model(
    classes: Int? = nil, cache: WeightCache = .default, progress: ((DownloadProgress) -> Void)? = nil
  ) throws -> any ImageClassifier {
    try NNModels.architecture(architecture)
      .makeNetwork(self, classes: classes, cache: cache, progress: progress)
  }
}
