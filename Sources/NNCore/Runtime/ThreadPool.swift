import CNNKernels
import COpenBLAS
import Foundation
import Synchronization

/// The one pool of worker threads that every operation shares.
///
/// Work comes as numbered pieces whose size the caller fixes without looking at the number of threads, so the
/// results are the same bits for any thread count. A loop inside a loop, or a second loop at the same time from
/// another thread, runs serially on its own thread.
public final class ThreadPool: @unchecked Sendable {
  // Invariant: `job`, `generation`, `idle` and `threads` are touched only under `mutex`;
  // only the holder of `owner` publishes a job, and waits for all workers to leave it before letting go.

  /// The pool of this process.
  public static let shared = ThreadPool()

  private struct Job: @unchecked Sendable {
    let body: (Int) -> Void
    let count: Int
    let next: UnsafeMutablePointer<Atomic<Int>>
  }

  private let condition = NSCondition()
  private let finished = NSCondition()
  private let owner = NSLock()
  private let published = Atomic<Int>(0)
  private let running = Atomic<Int>(0)
  private var job: Job?
  private var workers = 0
  private let limit: Atomic<Int>

  /// Number of threads that work on one operation, the calling one included. At first the number of processors,
  /// or what the environment variable `NN_THREADS` says.
  public var threadCount: Int {
    get { limit.load(ordering: .relaxed) }
    set {
      require(newValue >= 1, "ThreadPool.threadCount", "expected at least 1, got \(newValue)")
      limit.store(newValue, ordering: .relaxed)
    }
  }

  private init() {
    // Our pieces run beside each other; OpenBLAS must not start threads of its own.
    openblas_set_num_threads(1)
    let wish = ProcessInfo.processInfo.environment["NN_THREADS"].flatMap { Int($0) }
    limit = Atomic(max(1, wish ?? ProcessInfo.processInfo.activeProcessorCount))
  }

  /// Runs `body(0)` … `body(pieces - 1)`, in any order and on any thread, and returns when all are done.
  package func parallelFor(pieces: Int, _ body: (Int) -> Void) {
    let threads = min(threadCount, pieces)
    if threads <= 1 || nn_inside_parallel() != 0 || !owner.try() {
      for piece in 0..<max(0, pieces) { body(piece) }
      return
    }
    defer { owner.unlock() }
    startWorkers(threads - 1)
    let next = UnsafeMutablePointer<Atomic<Int>>.allocate(capacity: 1)
    next.initialize(to: Atomic(0))
    defer { next.deallocate() }
    withoutActuallyEscaping(body) { body in
      let job = Job(body: body, count: pieces, next: next)
      condition.lock()
      self.job = job
      running.store(threads - 1, ordering: .relaxed)
      seats = threads - 1
      published.add(1, ordering: .releasing)
      condition.broadcast()
      condition.unlock()
      Self.work(job)
      // Workers that are late by a little are cheaper to wait for by spinning than by sleeping.
      var spins = 0
      while running.load(ordering: .acquiring) != 0 {
        spins += 1
        if spins > 2_000 {
          condition.lock()
          // A worker that never took its seat has nothing left to do: take the seat away.
          running.subtract(seats, ordering: .acquiringAndReleasing)
          seats = 0
          condition.unlock()
          sched_yield()
        }
      }
      condition.lock()
      self.job = nil
      condition.unlock()
    }
  }

  private var seats = 0

  private static func work(_ job: Job) {
    nn_set_inside_parallel(1)
    defer { nn_set_inside_parallel(0) }
    while true {
      let piece = job.next.pointee.add(1, ordering: .relaxed).oldValue
      if piece >= job.count { return }
      job.body(piece)
    }
  }

  private func startWorkers(_ wanted: Int) {
    while workers < wanted {
      workers += 1
      let thread = Thread { [unowned self] in workerLoop() }
      thread.stackSize = 8 << 20
      thread.name = "nn-worker-\(workers)"
      thread.start()
    }
  }

  private func workerLoop() {
    var seen = 0
    while true {
      // Operations that need threads follow each other within tens of microseconds, and waking up takes as long: look
      // for the next job before going to sleep.
      var spins = 0
      while published.load(ordering: .acquiring) == seen, spins < 2_000 {
        nn_spin_pause()
        spins += 1
      }
      condition.lock()
      while published.load(ordering: .relaxed) == seen { condition.wait() }
      seen = published.load(ordering: .relaxed)
      condition.unlock()
      if takeSeat() { running.subtract(1, ordering: .releasing) }
    }
  }

  /// Works on the current job if it still has a seat. A function of its own, never inlined: its references to the
  /// job's closure must be gone before the worker reports that it left, because the closure ends its life then.
  @inline(never)
  private func takeSeat() -> Bool {
    condition.lock()
    guard let job, seats > 0 else {
      condition.unlock()
      return false
    }
    seats -= 1
    condition.unlock()
    Self.work(job)
    return true
  }
}

extension ThreadPool {
  /// Runs `body` over `0..<count` in ranges of `grain` elements; small work stays on the calling thread.
  package func parallelFor(count: Int, grain: Int, _ body: (Range<Int>) -> Void) {
    let pieces = (count + grain - 1) / grain
    parallelFor(pieces: pieces) { piece in
      body(piece * grain..<min(count, (piece + 1) * grain))
    }
  }
}
