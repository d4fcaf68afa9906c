/// A loader of a data set whose batches another sampler may decide about, as where processes divide the data.
public protocol ResamplableLoader<Batch>: BatchLoader {
  /// Decides which elements make a batch.
  var batchSampler: any Sampler<[Int]> { get }
  /// A loader of the same data set with the batches of another sampler. It begins with its first pass.
  func withBatchSampler(_ sampler: any Sampler<[Int]>) -> any BatchLoader<Batch>
}

extension DataLoader: ResamplableLoader {
  public func withBatchSampler(_ sampler: any Sampler<[Int]>) -> any BatchLoader<Batch> {
    DataLoader(
      dataset: dataset, batchSampler: sampler, workers: workers, prefetch: prefetch,
      persistentWorkers: persistent != nil, generator: generator, recipe: recipe)
  }
}
