/// Something that yields batches, again and again: what a `Trainer` takes. `DataLoader` is one; anything that
/// can make a throwing iterator can be another.
public protocol BatchLoader<Batch> {
  associatedtype Batch
  /// Batches of one pass, nil if not known beforehand.
  var batchCount: Int? { get }
  /// Starts the next pass (epoch).
  func makeBatchIterator() -> any BatchIterator<Batch>
  /// How long the loop waited for data in the pass begun last; nil if that is not measured.
  var times: LoadingTimes? { get }
}

extension BatchLoader {
  public var times: LoadingTimes? { nil }
}

/// One pass over the batches. What goes wrong while a batch is made is thrown by `next()`.
public protocol BatchIterator<Batch> {
  associatedtype Batch
  /// The next batch, nil at the end.
  mutating func next() throws -> Batch?
}
