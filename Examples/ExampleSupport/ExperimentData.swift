import NNCore
import NNData
import NNLightning

/// The three parts of a data set and how they are batched.
public struct ExperimentData: DataModule {
  public let train: any Dataset<Sample>
  public let validation: any Dataset<Sample>
  public let test: any Dataset<Sample>
  public let batchSize: Int

  /// Workers that prepare batches ahead of the training.
  private static let workers = 1

  public func trainLoader() -> (any BatchLoader<Sample>)? {
    loader(train, shuffle: true, generator: .default)
  }
  // Generators of their own: evaluation leaves the stream of the training untouched.
  public func validationLoader() -> (any BatchLoader<Sample>)? {
    loader(validation, shuffle: false, generator: Generator(seed: 1))
  }
  public func testLoader() -> (any BatchLoader<Sample>)? {
    loader(test, shuffle: false, generator: Generator(seed: 2))
  }

  private func loader(_ data: some Dataset<Sample>, shuffle: Bool, generator: Generator) -> DataLoader<Sample>
  {
    DataLoader(data, batchSize: batchSize, shuffle: shuffle, workers: Self.workers, generator: generator)
  }
}
