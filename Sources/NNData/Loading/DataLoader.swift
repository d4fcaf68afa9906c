import NNCore
import Synchronization

/// Goes through a data set in batches, again and again, `torch.utils.data.DataLoader`.
///
///     let loader = DataLoader(train, batchSize: 64, shuffle: true, workers: 2)
///     for epoch in 0..<10 {
///       let batches = loader.makeIterator()
///       while let batch = try batches.next() {
///         // batch.input: (64, 3, 32, 32), batch.target: (64)
///       }
///     }
///
/// Reading data can fail, so `next()` throws. Swift's `for` loop has no place for that: a `Sequence` would
/// have to end silently or stop the program, so this is none. `try loader.forEach { batch in … }` is the
/// short form for loops without `break`.
///
/// **Order.** The batches are a function of the generator's state when a pass begins, the same for any number
/// of workers. They are PyTorch's: making an iterator draws one seed from the generator (from it the random
/// transforms of this pass get their numbers), and with `shuffle` the first `next()` draws another, which
/// gives the order. So an epoch takes 4 words of the default generator, or 2 without `shuffle`.
///
/// **Workers.** With `workers: 0` a batch is made when it is asked for, on the calling thread. Otherwise as
/// many threads make up to `workers * prefetch` batches ahead. An error in a worker is thrown by the `next()`
/// whose batch it is. The workers end when the pass ends or its iterator is let go of.
///
/// No gradient is recorded while batches are made.
public final class DataLoader<Batch: Sendable>: BatchLoader, Sendable {
  /// What the batches are made of.
  public let dataset: any Dataset
  /// Decides which elements make a batch.
  public let batchSampler: any Sampler<[Int]>
  /// Threads that make batches ahead; 0: none.
  public let workers: Int
  /// Batches that each worker may have ready.
  public let prefetch: Int
  /// Where seeds and orders come from; nil stands for `Generator.default`.
  public let generator: Generator?

  let recipe: BatchRecipe<Batch>
  /// Threads that are kept from pass to pass.
  package let persistent: WorkerThreads?
  let progress = Mutex(LoaderProgress())
  /// Who makes the inputs, nil for the recipe itself.
  let inputs = Mutex<(any InputDeferral)?>(nil)
  /// Where batches are to be.
  let destination = Mutex(Device.cpu)

  /// A loader of elements that know how to make a batch (`Sample`, `Tensor`, numbers, your own `Collatable`).
  ///
  /// - Parameters:
  ///   - batchSize: elements per batch; the last batch may have fewer.
  ///   - shuffle: a new random order in every pass.
  ///   - sampler: decides the order instead of `shuffle`.
  ///   - batchSampler: decides the batches instead of `batchSize`, `shuffle`, `sampler` and `dropLast`.
  ///   - dropLast: leaves a last batch that is not full out.
  ///   - workers: threads that make batches ahead.
  ///   - prefetch: batches that each worker may have ready.
  ///   - persistentWorkers: keeps the threads from pass to pass.
  ///   - generator: where the random numbers come from; `Generator.default` if nil.
  ///   - batchTransform: what is done to each batch by its worker, as ``MixUp``; its random numbers are those of
  ///     the batch.
  public convenience init<Data: Dataset>(
    _ dataset: Data, batchSize: Int = 1, shuffle: Bool = false, sampler: (any Sampler<Int>)? = nil,
    batchSampler: (any Sampler<[Int]>)? = nil, dropLast: Bool = false, workers: Int = 0, prefetch: Int = 2,
    persistentWorkers: Bool = false, generator: Generator? = nil,
    batchTransform: (any Transform<Batch, Batch>)? = nil
  ) where Data.Element: Collatable, Data.Element.Batch == Batch {
    self.init(
      dataset: dataset,
      batchSampler: Self.batchSampler(
        dataset.count, batchSize, shuffle, sampler, batchSampler, dropLast, generator),
      workers: workers, prefetch: prefetch, persistentWorkers: persistentWorkers, generator: generator,
      recipe: .collating(dataset, batchTransform))
  }

  /// A loader that puts elements together with a function of your own.
  ///
  /// - Parameter collate: makes a batch of its elements; it is called on several threads at the same time.
  public convenience init<Data: Dataset>(
    _ dataset: Data, batchSize: Int = 1, shuffle: Bool = false, sampler: (any Sampler<Int>)? = nil,
    batchSampler: (any Sampler<[Int]>)? = nil, dropLast: Bool = false, workers: Int = 0, prefetch: Int = 2,
    persistentWorkers: Bool = false, generator: Generator? = nil,
    batchTransform: (any Transform<Batch, Batch>)? = nil,
    collate: @escaping @Sendable ([Data.Element]) throws -> Batch
  ) {
    self.init(
      dataset: dataset,
      batchSampler: Self.batchSampler(
        dataset.count, batchSize, shuffle, sampler, batchSampler, dropLast, generator),
      workers: workers, prefetch: prefetch, persistentWorkers: persistentWorkers, generator: generator,
      recipe: .collating(dataset, batchTransform, with: collate))
  }

  init(
    dataset: any Dataset, batchSampler: any Sampler<[Int]>, workers: Int, prefetch: Int,
    persistentWorkers: Bool, generator: Generator?, recipe: BatchRecipe<Batch>
  ) {
    require(workers >= 0, "DataLoader", "workers must not be negative, got \(workers)")
    require(prefetch >= 1, "DataLoader", "prefetch must be at least 1, got \(prefetch)")
    self.dataset = dataset
    self.batchSampler = batchSampler
    self.workers = workers
    self.prefetch = prefetch
    self.generator = generator
    persistent = persistentWorkers && workers > 0 ? WorkerThreads() : nil
    self.recipe = recipe
  }

  private static func batchSampler(
    _ count: Int, _ batchSize: Int, _ shuffle: Bool, _ sampler: (any Sampler<Int>)?,
    _ batchSampler: (any Sampler<[Int]>)?, _ dropLast: Bool, _ generator: Generator?
  ) -> any Sampler<[Int]> {
    if let batchSampler {
      require(
        batchSize == 1 && !shuffle && sampler == nil && !dropLast, "DataLoader",
        "batchSampler excludes batchSize, shuffle, sampler and dropLast")
      return batchSampler
    }
    require(sampler == nil || !shuffle, "DataLoader", "sampler excludes shuffle")
    let order: any Sampler<Int> =
      sampler
      ?? (shuffle ? RandomSampler(sourceCount: count, generator: generator) : SequentialSampler(count: count))
    return BatchSampler(order, batchSize: batchSize, dropLast: dropLast)
  }

  public var times: LoadingTimes? { progress.withLock { $0.times } }

  /// Batches of one pass.
  public var batchCount: Int? { batchSampler.count }

  /// Begins the next pass: draws its seed. Making and dropping an iterator counts as a pass.
  public func makeIterator() -> Iterator {
    var (id, start) = progress.withLock { $0.begin() }
    let baseSeed = start.baseSeed ?? (generator ?? .default).nextSeed()
    start.baseSeed = baseSeed
    progress.withLock { [start, id] in $0.record(start, of: id) }
    return Iterator(self, id: id, state: start, baseSeed: baseSeed)
  }

  public func makeBatchIterator() -> any BatchIterator<Batch> { makeIterator() }

  /// Calls `body` with the batches of one pass. What `body` or the reading of data throws ends the pass.
  public func forEach(_ body: (Batch) throws -> Void) throws {
    let batches = makeIterator()
    while let batch = try batches.next() { try body(batch) }
  }
}

/// How a batch is made.
struct BatchRecipe<Batch: Sendable>: Sendable {
  typealias Collection =
    @Sendable (
      _ indices: [Int], _ context: (Int) throws -> SampleContext
    ) throws -> Batch
  typealias DeferredCollection =
    @Sendable (
      _ inputs: any InputDeferral, _ indices: [Int], _ context: (Int) throws -> SampleContext
    ) throws -> Batch

  /// Makes the batch of some indices; the contexts have the same order.
  let collect: Collection
  /// The same with inputs that somebody else decides about.
  let collectDeferred: DeferredCollection?
  let transform: (any Transform<Batch, Batch>)?

  /// As the elements say.
  static func collating<Data: Dataset>(
    _ dataset: Data, _ transform: (any Transform<Batch, Batch>)?
  ) -> BatchRecipe where Data.Element: Collatable, Data.Element.Batch == Batch {
    let batched = dataset as? any BatchedDataset<Data.Element>
    let collect: Collection = { indices, context in
      if let batched { return try batched.batch(at: indices, contexts: indices.map(context)) }
      return try Data.Element.collate(count: indices.count) { place in
        try dataset.element(at: indices[place], context: context(indices[place]))
      }
    }
    return BatchRecipe(
      collect: collect, collectDeferred: DataLoader.deferredCollection(dataset, collect), transform: transform
    )
  }

  /// With a function that is given.
  static func collating<Data: Dataset>(
    _ dataset: Data, _ transform: (any Transform<Batch, Batch>)?,
    with collate: @escaping @Sendable ([Data.Element]) throws -> Batch
  ) -> BatchRecipe {
    BatchRecipe(
      collect: { indices, context in
        try collate(indices.map { try dataset.element(at: $0, context: context($0)) })
      }, collectDeferred: nil, transform: transform)
  }

  func make(
    _ indices: [Int], number: Int, inputs: (any InputDeferral)?, on device: Device,
    _ context: (Int) throws -> SampleContext
  ) throws -> Batch {
    let batch = try make(indices, number: number, inputs: inputs, context)
    return device == .cpu ? batch : moved(batch, to: device)
  }

  private func make(
    _ indices: [Int], number: Int, inputs: (any InputDeferral)?, _ context: (Int) throws -> SampleContext
  ) throws -> Batch {
    if let inputs, let collectDeferred, transform == nil {
      return try collectDeferred(inputs, indices, context)
    }
    let batch = try collect(indices, context)
    guard let transform else { return batch }
    // Negative numbers belong to no element.
    return transform(batch, context: try context(-1 - number))
  }
}
