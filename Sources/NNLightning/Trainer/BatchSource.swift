import NNData

/// The batches of one training epoch, each with the knowledge whether it is the last.
struct BatchSource<Batch> {
  private var batches: any BatchIterator<Batch>
  private let limit: Int?
  private let looksAhead: Bool
  private var index: Int
  private var upcoming: Batch?

  /// - Parameters:
  ///   - limit: batches of the epoch at most; the number of them for a loader that can be resumed.
  ///   - start: batches that were done before the fit was resumed. A loader that cannot be put back is asked for them
  ///     again.
  init(_ loader: any BatchLoader<Batch>, limit: Int?, start: Int) throws {
    batches = loader.makeBatchIterator()
    self.limit = limit
    index = start
    let isResumable = loader is any ResumableLoader
    // The position of a resumable loader is saved: it must not be a batch ahead.
    looksAhead = !isResumable
    if !isResumable { for _ in 0..<start { _ = try batches.next() } }
  }

  mutating func next() throws -> (batch: Batch, isLast: Bool)? {
    if index >= limit ?? .max { return nil }
    let batch = try upcoming ?? batches.next()
    upcoming = nil
    guard let batch else { return nil }
    index += 1
    if index >= limit ?? .max { return (batch, true) }
    if looksAhead {
      upcoming = try batches.next()
      return (batch, upcoming == nil)
    }
    return (batch, false)
  }
}

/// Batches from memory, the same in every pass: what `overfitBatches` trains on.
struct ReplayLoader<Batch>: BatchLoader {
  struct Iterator: BatchIterator {
    var rest: ArraySlice<Batch>
    mutating func next() -> Batch? { rest.popFirst() }
  }

  private let batches: [Batch]

  /// The first `count` batches of a pass.
  init(first count: Int, of loader: any BatchLoader<Batch>) throws {
    var iterator = loader.makeBatchIterator()
    var batches: [Batch] = []
    while batches.count < count, let batch = try iterator.next() { batches.append(batch) }
    self.batches = batches
  }

  var batchCount: Int? { batches.count }
  func makeBatchIterator() -> any BatchIterator<Batch> { Iterator(rest: batches[...]) }
}
