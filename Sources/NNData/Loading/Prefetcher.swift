import CThreadState
import Foundation
import NNCore
import Synchronization

/// Makes numbered batches on threads of its own, a bounded number of them ahead, and hands them out in order.
///
/// Which thread makes which batch is left to chance; what a batch contains must not depend on it.
package final class Prefetcher<Batch: Sendable>: @unchecked Sendable {
  // Invariant: the variables are touched only under `condition`.
  private let condition = NSCondition()
  private let end: Int
  private let capacity: Int
  private let make: @Sendable (_ number: Int, _ isStopped: () -> Bool) throws -> Batch
  private let stopped = Atomic<Bool>(false)
  private var claimed: Int
  private var delivered: Int
  private var ready: [Int: Result<Batch, any Error>] = [:]
  private var threads = 0

  /// Starts the work.
  ///
  /// - Parameters:
  ///   - numbers: the batches to make.
  ///   - pool: where the threads come from.
  ///   - ahead: batches that may be made and waiting, for each thread.
  ///   - make: makes a batch, or throws; it looks at `isStopped` from time to time and throws then.
  init(
    numbers: Range<Int>, workers: Int, ahead: Int, on pool: WorkerThreads,
    make: @escaping @Sendable (_ number: Int, _ isStopped: () -> Bool) throws -> Batch
  ) {
    end = numbers.upperBound
    claimed = numbers.lowerBound
    delivered = numbers.lowerBound
    capacity = workers * ahead
    self.make = make
    threads = min(workers, numbers.count)
    for _ in 0..<threads { pool.start { [self] in run() } }
  }

  /// Waits for the next batch in order; must not be called more often than there are batches.
  func next() throws -> Batch {
    condition.lock()
    defer { condition.unlock() }
    while true {
      if let result = ready.removeValue(forKey: delivered) {
        delivered += 1
        condition.broadcast()
        return try result.get()
      }
      condition.wait()
    }
  }

  /// Makes the threads end after the element they are at, without waiting for them.
  func stop() {
    stopped.store(true, ordering: .relaxed)
    condition.lock()
    claimed = end
    ready = [:]
    condition.broadcast()
    condition.unlock()
  }

  /// Threads that are at work.
  package var liveThreads: Int {
    condition.lock()
    defer { condition.unlock() }
    return threads
  }

  private func run() {
    // Tensor operations of a worker stay on its thread, and leave the shared pool to the training step.
    nn_set_inside_parallel(1)
    while let number = claim() {
      let result = Result { try noGrad { try make(number) { stopped.load(ordering: .relaxed) } } }
      condition.lock()
      if case .failure = result { claimed = end }  // nothing behind an error will be asked for
      if !stopped.load(ordering: .relaxed) { ready[number] = result }
      condition.broadcast()
      condition.unlock()
    }
    condition.lock()
    threads -= 1
    condition.unlock()
  }

  private func claim() -> Int? {
    condition.lock()
    defer { condition.unlock() }
    while claimed < end, claimed - delivered >= capacity { condition.wait() }
    if claimed >= end { return nil }
    defer { claimed += 1 }
    return claimed
  }
}
