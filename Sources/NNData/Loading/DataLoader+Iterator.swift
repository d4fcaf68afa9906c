import NNCore

extension DataLoader {
  /// One pass over the batches. It belongs to one thread at a time; letting go of it ends its workers.
  public final class Iterator: BatchIterator {
    private let loader: DataLoader
    private let id: Int
    private var state: DataLoaderState
    private let baseSeed: Int
    private var batches: [[Int]]?
    package private(set) var prefetcher: Prefetcher<Batch>?
    private var isFinished = false
    private let inputs: (any InputDeferral)?
    private let device: Device
    /// How long the loop waited for its data so far.
    public private(set) var times: LoadingTimes
    private var lastReturn: ContinuousClock.Instant

    init(_ loader: DataLoader, id: Int, state: DataLoaderState, baseSeed: Int) {
      self.loader = loader
      self.id = id
      self.state = state
      self.baseSeed = baseSeed
      inputs = loader.inputs.withLock { $0 }
      device = loader.destination.withLock { $0 }
      times = LoadingTimes(workers: loader.workers)
      lastReturn = .now
    }

    deinit { finish() }

    /// The next batch; nil at the end, and after an error was thrown.
    public func next() throws -> Batch? {
      let called = ContinuousClock.now
      let batch = try produce()
      if batch != nil { measure(from: called) }
      return batch
    }

    private func measure(from called: ContinuousClock.Instant) {
      let now = ContinuousClock.now
      if times.batches == 0 {
        times.first = (now - called) / .seconds(1)
      } else {
        times.worked += (called - lastReturn) / .seconds(1)
        times.waited += (now - called) / .seconds(1)
      }
      times.batches += 1
      lastReturn = now
      loader.progress.withLock { $0.record(times, of: id) }
    }

    private func produce() throws -> Batch? {
      if isFinished { return nil }
      let batches = self.batches ?? begin()
      let position = state.position
      if position >= batches.count {
        finish()
        return nil
      }
      do {
        let batch: Batch
        if let prefetcher {
          batch = try prefetcher.next()
        } else {
          batch = try noGrad {
            try loader.recipe.makeLocated(
              batches[position], of: loader.dataset, number: position, inputs: inputs, on: device
            ) { index in
              SampleContext(seed: UInt64(baseSeed), epoch: state.epoch, index: index)
            }
          }
        }
        advance(to: position + 1)
        return batch
      } catch {
        let located = error as? LocatedError
        loader.progress.withLock { $0.record(failedSample: located?.sample, of: id) }
        finish()
        throw located?.error ?? error
      }
    }

    /// Draws the order and starts the workers.
    private func begin() -> [[Int]] {
      let source = loader.batchSampler.generator ?? .default
      let batches: [[Int]]
      if let drawnAt = state.orderState {
        // Going on in the middle of a pass: its order was drawn before, and counts as drawn.
        let now = source.state
        source.state = drawnAt
        batches = loader.batchSampler.order(epoch: state.epoch)
        source.state = now
      } else {
        state.orderState = source.state
        batches = loader.batchSampler.order(epoch: state.epoch)
      }
      self.batches = batches
      loader.progress.withLock { $0.record(order: batches, of: id) }
      let remaining = min(state.position, batches.count)..<batches.count
      if loader.workers > 0, !remaining.isEmpty {
        let (recipe, dataset, baseSeed, epoch, inputs, device) = (
          loader.recipe, loader.dataset, baseSeed, state.epoch, inputs, device
        )
        prefetcher = Prefetcher(
          numbers: remaining, workers: loader.workers, ahead: loader.prefetch,
          on: loader.persistent ?? WorkerThreads()
        ) { number, isStopped in
          try recipe.makeLocated(
            batches[number], of: dataset, number: number, inputs: inputs, on: device
          ) { index in
            if isStopped() { throw CancellationError() }
            return SampleContext(seed: UInt64(baseSeed), epoch: epoch, index: index)
          }
        }
      }
      advance(to: state.position)
      return batches
    }

    private func advance(to position: Int) {
      state.position = position
      loader.progress.withLock { $0.record(state, of: id) }
    }

    private func finish() {
      isFinished = true
      prefetcher?.stop()
      loader.progress.withLock { $0.finish(id) }
    }
  }
}
