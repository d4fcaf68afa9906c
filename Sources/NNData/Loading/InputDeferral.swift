import NNCore

/// Decides whether the inputs of a batch are made at all.
package protocol InputDeferral: AnyObject, Sendable {
  /// The inputs of a batch, or something that makes them when it is asked. Called on the threads of the workers.
  ///
  /// - Parameters:
  ///   - sources: number of each input; see ``RepeatableDataset``.
  ///   - seed: of the random transforms of the pass.
  ///   - make: makes the inputs as they are in an epoch of a run of a seed.
  func inputs(
    _ sources: [Int], seed: UInt64, epoch: Int,
    make: @escaping @Sendable (_ seed: UInt64, _ epoch: Int) throws -> Tensor
  ) throws -> Tensor
}

/// A loader whose inputs can be lazy.
package protocol DeferringLoader: AnyObject {
  /// What it loads, if the inputs are known to be repeatable or not.
  var repeatableDataset: (any RepeatableDataset)? { get }
  /// What is done to whole batches, nil for nothing.
  var batchTransformName: String? { get }
  /// From the next pass on `deferral` makes the inputs; nil: the loader itself.
  func deferInputs(to deferral: (any InputDeferral)?)
}

extension DataLoader: DeferringLoader {
  package var repeatableDataset: (any RepeatableDataset)? {
    recipe.collectDeferred == nil ? nil : dataset as? any RepeatableDataset
  }
  package var batchTransformName: String? { recipe.transform.map { "\($0)" } }
  package func deferInputs(to deferral: (any InputDeferral)?) { inputs.withLock { $0 = deferral } }

  /// How a batch is made whose inputs somebody else decides about; nil if the elements are no samples.
  static func deferredCollection<Data: Dataset>(
    _ dataset: Data,
    _ collect:
      @escaping @Sendable (_ indices: [Int], _ context: (Int) throws -> SampleContext) throws -> Batch
  ) -> BatchRecipe<Batch>.DeferredCollection? {
    guard Batch.self == Sample.self, let dataset = dataset as? any RepeatableDataset else { return nil }
    return { deferral, indices, context in
      guard let first = indices.first else { return try collect(indices, context) }
      let start = try context(first)
      let input = try deferral.inputs(
        indices.map { dataset.source(of: $0) }, seed: start.seed, epoch: start.epoch
      ) { seed, epoch in
        let batch = try collect(indices) { SampleContext(seed: seed, epoch: epoch, index: $0) }
        guard let sample = batch as? Sample else { fail("DataLoader", "a batch is no sample") }
        return sample.input
      }
      let sample = Sample(input: input, target: try dataset.targets(at: indices))
      guard let batch = sample as? Batch else { fail("DataLoader", "a batch is no sample") }
      return batch
    }
  }
}
