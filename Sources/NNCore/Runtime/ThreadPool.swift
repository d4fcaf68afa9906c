import CThreadState
import COpenBLAS
import Foundation
import Synchronization

/// The one pool of worker threads that every operation shares.
///
/// Work comes as numbered pieces whose size the caller fixes without looking at the number of threads, so the
/// results are the same bits for any thread count. A loop inside a loop, or a second loop at the same time from
/// another thread, runs serially on its own thread.
public final class ThreadPool: @unchecked Sendable {
  // Invariant: only the holder of `owner` writes `job` and `workers`; a worker reads `job` between taking a seat and
  // counting down `running`, and the owner writes again after `running` is 0. `epoch` is never freed.

  /// The pool of this process.
  public static let shared = ThreadPool()

  private struct Job: @unchecked Sendable {
    let body: (Int) -> Void
    let count: Int
    let next: UnsafeMutablePointer<Atomic<Int>>
    /// Nanoseconds of all threads in it, if they are measured.
    let busy: UnsafeMutablePointer<Atomic<Int>>?
    /// Where the thread runs that published it.
    let processor: Int32
  }

  private let owner = NSLock()
  /// The current job's number, and in the lower half how many workers may still join it.
  private let ticket = Atomic<UInt64>(0)
  /// The same number once more, as the word that workers sleep on: whoever counted itself among the sleepers before it
  /// changed is woken, and whoever comes later finds it changed.
  private let epoch = UnsafeMutablePointer<Atomic<UInt32>>.allocate(capacity: 1)
  private let running = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
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
    epoch.initialize(to: Atomic(0))
    let wish = ProcessInfo.processInfo.environment["NN_THREADS"].flatMap { Int($0) }
    limit = Atomic(max(1, wish ?? ProcessInfo.processInfo.activeProcessorCount))
  }

  /// Runs `body(0)` … `body(pieces - 1)`, in any order and on any thread, and returns when all are done.
  ///
  /// - Parameter name: of the loop, where times are measured.
  package func parallelFor(pieces: Int, name: StaticString = #function, _ body: (Int) -> Void) {
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
    let times = PoolTimes.shared
    let busy = times.map { _ in UnsafeMutablePointer<Atomic<Int>>.allocate(capacity: 1) }
    busy?.initialize(to: Atomic(0))
    defer { busy?.deallocate() }
    let began = times.map { _ in PoolTimes.now } ?? 0
    withoutActuallyEscaping(body) { body in
      let job = Job(body: body, count: pieces, next: next, busy: busy, processor: nn_processor())
      let number = (ticket.load(ordering: .relaxed) >> 32 &+ 1) << 32
      self.job = job
      running.store(threads - 1, ordering: .relaxed)
      ticket.store(number | UInt64(threads - 1), ordering: .sequentiallyConsistent)
      epoch.pointee.store(UInt32(truncatingIfNeeded: number >> 32), ordering: .sequentiallyConsistent)
      if sleepers.load(ordering: .sequentiallyConsistent) > 0 { nn_wake(epoch, Int32(threads - 1)) }
      Self.work(job)
      // No piece is left: who has not joined by now need not.
      let unused = ticket.exchange(number, ordering: .acquiringAndReleasing) - number
      running.subtract(Int(unused), ordering: .relaxed)
      // Workers that are late by a little are cheaper to wait for by spinning than by sleeping.
      var spins = 0
      while running.load(ordering: .acquiring) != 0 {
        spins += 1
        if spins > 2_000 { sched_yield() } else { nn_spin_pause() }
      }
      self.job = nil
    }
    if let times, let busy {
      times.add(name, began: began, busy: busy.pointee.load(ordering: .relaxed), threads: threads)
    }
  }

  private static func work(_ job: Job) {
    nn_set_inside_parallel(1)
    defer { nn_set_inside_parallel(0) }
    let began = job.busy == nil ? 0 : PoolTimes.now
    defer {
      if let busy = job.busy { busy.pointee.add(PoolTimes.now - began, ordering: .relaxed) }
    }
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
    var seen: UInt64 = 0
    var jobsToStay = 0
    while true {
      waitForJob(after: seen)
      let current = ticket.load(ordering: .acquiring)
      seen = current >> 32
      if !takesSeat(current) { continue }
      work(&jobsToStay)
      running.subtract(1, ordering: .releasing)
    }
  }

  /// Operations that need threads follow each other within tens of microseconds, and waking up takes as long: a worker looks
  /// for the next job before it goes to sleep.
  private func waitForJob(after seen: UInt64) {
    for spin in 0..<Self.spins {
      if ticket.load(ordering: .acquiring) >> 32 != seen { return }
      // Others that want this processor go first.
      if spin < 2_000 { nn_spin_pause() } else { sched_yield() }
    }
    sleepers.add(1, ordering: .sequentiallyConsistent)
    let word = UInt32(truncatingIfNeeded: seen)
    while epoch.pointee.load(ordering: .sequentiallyConsistent) == word { nn_wait(epoch, word) }
    sleepers.subtract(1, ordering: .relaxed)
  }

  private static let spins = 2_300

  private func takesSeat(_ current: UInt64) -> Bool {
    var current = current
    while current & 0xffff_ffff > 0 {
      let (taken, found) = ticket.weakCompareExchange(
        expected: current, desired: current - 1, ordering: .acquiring)
      if taken { return true }
      if found >> 32 != current >> 32 { return false }
      current = found
    }
    return false
  }

  /// Works on the current job. A function of its own, never inlined: its references to the job's closure must be
  /// gone before the worker reports that it left, because the closure ends its life then.
  ///
  /// - Parameter jobsToStay: so many jobs the worker stays where it is. The scheduler may leave a worker for a tenth of a
  ///   second on the processor of the thread that it works for, beside an idle one: it is moved then, but seldom, because
  ///   there may be no idle one.
  @inline(never)
  private func work(_ jobsToStay: inout Int) {
    guard let job else { return }
    if jobsToStay > 0 {
      jobsToStay -= 1
    } else if job.processor >= 0 && nn_processor() == job.processor {
      nn_leave_processor(job.processor)
      jobsToStay = 1_000
    }
    Self.work(job)
  }
}

extension ThreadPool {
  /// Runs phases of pieces as one loop: a piece runs when all pieces of the phases before its own are done. That is less
  /// than a loop for each phase, whose threads would have to be told of it and come together at its end.
  package func parallelFor(
    phases: [Int], name: StaticString = #function, _ body: (_ phase: Int, _ piece: Int) -> Void
  ) {
    var begins = [0]
    for count in phases { begins.append(begins[begins.count - 1] + count) }
    let done = Atomic(0)
    let (starts, pieces) = (begins, begins[begins.count - 1])
    parallelFor(pieces: pieces, name: name) { number in
      var phase = 0
      while starts[phase + 1] <= number { phase += 1 }
      // Pieces are taken in their order, so those that are waited for are all with threads that work on them.
      var spins = 0
      while done.load(ordering: .acquiring) < starts[phase] {
        spins += 1
        if spins > 2_000 { sched_yield() } else { nn_spin_pause() }
      }
      body(phase, number - starts[phase])
      done.add(1, ordering: .releasing)
    }
  }

  /// Runs `body` over `0..<count` in ranges of `grain` elements; small work stays on the calling thread.
  package func parallelFor(
    count: Int, grain: Int, name: StaticString = #function, _ body: (Range<Int>) -> Void
  ) {
    let pieces = (count + grain - 1) / grain
    parallelFor(pieces: pieces, name: name) { piece in
      body(piece * grain..<min(count, (piece + 1) * grain))
    }
  }
}
