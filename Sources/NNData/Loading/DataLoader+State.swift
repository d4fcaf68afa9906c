import NNCore

/// Where a loader is: which pass, and how far. Together with the state of the default generator it is all
/// that is needed to go on with the very same batches in the middle of an epoch.
public struct DataLoaderState: Sendable, Equatable, Codable {
  /// Passes begun before this one.
  public internal(set) var epoch = 0
  /// Batches of this pass that were handed out.
  public internal(set) var position = 0
  /// Seed of the random transforms of the pass under way; nil between passes.
  var baseSeed: Int?
  /// The generator as it was before the order of the pass under way was drawn.
  var orderState: Generator.State?
}

/// A loader that can be put back to where it was, so that a training goes on with the very same batches.
public protocol ResumableLoader {
  /// Where it is, with the random generators of its own.
  var snapshot: LoaderSnapshot { get }
  /// Makes the next pass the one that `snapshot` was taken in. Throws if it does not fit, and changes nothing then.
  func restore(_ snapshot: LoaderSnapshot) throws
  /// Whether the batches come in a random order.
  var isShuffled: Bool { get }
  /// The pass under way counts as over, even if batches of it were left: the next one is another.
  func endPass()
}

/// The state of a loader and of the generators that only it uses; the default generator is not among them.
public struct LoaderSnapshot: Sendable, Equatable, Codable {
  public let position: DataLoaderState
  let generators: [Generator.State]
}

extension DataLoader: ResumableLoader {
  public var snapshot: LoaderSnapshot {
    LoaderSnapshot(position: state, generators: ownGenerators.map(\.state))
  }

  public func restore(_ snapshot: LoaderSnapshot) throws {
    let generators = ownGenerators
    guard generators.count == snapshot.generators.count else {
      throw DataLoaderError.stateDoesNotFit(
        expected: "\(generators.count) generators", found: "\(snapshot.generators.count)")
    }
    try restore(snapshot.position)
    for (generator, state) in zip(generators, snapshot.generators) { generator.state = state }
  }

  /// True also for a batch sampler of one's own, unless it cuts the plain order.
  public var isShuffled: Bool {
    let all = (batchSampler as? DistributedBatchSampler)?.batches ?? batchSampler
    return !((all as? BatchSampler)?.sampler is SequentialSampler)
  }

  public func endPass() { progress.withLock { $0.endPass() } }

  private var ownGenerators: [Generator] {
    var own: [Generator] = []
    for generator in [generator, batchSampler.generator] {
      if let generator, generator !== Generator.default, !own.contains(where: { $0 === generator }) {
        own.append(generator)
      }
    }
    return own
  }
}

/// A loader whose batches can be made larger or smaller.
public protocol ResizableLoader<Batch>: BatchLoader {
  /// Elements per batch; nil if something else decides about the batches.
  var batchSize: Int? { get }
  /// A loader of the same elements in the same order, cut otherwise; nil if something else decides about the batches.
  /// It begins with its first pass.
  func withBatchSize(_ size: Int) -> (any BatchLoader<Batch>)?
}

extension DataLoader: ResizableLoader {
  public var batchSize: Int? { (batchSampler as? BatchSampler)?.batchSize }

  public func withBatchSize(_ size: Int) -> (any BatchLoader<Batch>)? {
    guard let sampler = batchSampler as? BatchSampler else { return nil }
    return withBatchSampler(BatchSampler(sampler.sampler, batchSize: size, dropLast: sampler.dropLast))
  }
}

/// What can be wrong with a loader.
public enum DataLoaderError: Error, Equatable, CustomStringConvertible {
  /// A saved state belongs to another loader, or is damaged.
  case stateDoesNotFit(expected: String, found: String)
  /// A sampler asks for an element that the data set does not have.
  case indexOutside(index: Int, count: Int)

  public var description: String {
    switch self {
    case .stateDoesNotFit(let expected, let found):
      "state of a DataLoader: expected \(expected), found \(found)"
    case .indexOutside(let index, let count):
      "DataLoader: expected indices of the data set in 0..<\(count), found \(index)"
    }
  }
}

extension DataLoader {
  /// Where the loader is; counts for the pass that was begun last.
  public var state: DataLoaderState { progress.withLock { $0.state } }

  /// Makes the next pass the one that `state` was taken in, without the batches already handed out and
  /// without drawing its random numbers a second time. Throws if the state does not fit this loader.
  public func restore(_ state: DataLoaderState) throws {
    let count = batchSampler.count
    let epochs = 0...1 << 53
    guard epochs.contains(state.epoch) else {
      throw DataLoaderError.stateDoesNotFit(
        expected: "an epoch in 0...\(epochs.upperBound)", found: "\(state.epoch)")
    }
    guard (0...count).contains(state.position) else {
      throw DataLoaderError.stateDoesNotFit(
        expected: "a position in 0...\(count)", found: "\(state.position)")
    }
    if state.position > 0, state.baseSeed == nil || state.orderState == nil {
      throw DataLoaderError.stateDoesNotFit(
        expected: "seed and generator of the pass under way", found: "position \(state.position) without them"
      )
    }
    if let seed = state.baseSeed, seed < 0 {
      throw DataLoaderError.stateDoesNotFit(expected: "a seed of at least 0", found: "\(seed)")
    }
    progress.withLock { $0.restore(state) }
  }
}

/// The passes over a loader. Several may be under way; the one begun last is reported.
struct LoaderProgress: Sendable {
  private(set) var state = DataLoaderState()
  private(set) var times: LoadingTimes?
  /// Batches of the pass begun last, as far as its order is drawn.
  private(set) var order: [[Int]] = []
  private(set) var failedSample: Int?
  private var passes = 0
  private var isUnderWay = false

  /// Begins a pass: its number, and where it starts.
  mutating func begin() -> (id: Int, start: DataLoaderState) {
    if isUnderWay { state = DataLoaderState(epoch: state.epoch + 1) }
    passes += 1
    isUnderWay = true
    (times, order, failedSample) = (nil, [], nil)
    return (passes, state)
  }

  mutating func record(_ state: DataLoaderState, of id: Int) {
    if id == passes, isUnderWay { self.state = state }
  }

  mutating func record(order: [[Int]], of id: Int) {
    if id == passes { self.order = order }
  }

  mutating func record(failedSample: Int?, of id: Int) {
    if id == passes { self.failedSample = failedSample }
  }

  mutating func record(_ times: LoadingTimes, of id: Int) {
    if id == passes { self.times = times }
  }

  /// The next pass goes on at `state`; iterators made before no longer count.
  mutating func restore(_ state: DataLoaderState) {
    passes += 1
    isUnderWay = false
    self.state = state
  }

  mutating func endPass() { finish(passes) }

  mutating func finish(_ id: Int) {
    if id != passes || !isUnderWay { return }
    isUnderWay = false
    state = DataLoaderState(epoch: state.epoch + 1)
  }
}
