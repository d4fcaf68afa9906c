import Foundation

/// Threads that run one job after the other and wait in between. They end with this object, after the jobs they are
/// at.
///
/// Invariant for `@unchecked Sendable`: constant.
package final class WorkerThreads: @unchecked Sendable {
  /// What the threads hold on to.
  ///
  /// Invariant for `@unchecked Sendable`: the variables are touched only under `condition`.
  private final class Queue: @unchecked Sendable {
    let condition = NSCondition()
    var jobs: [@Sendable () -> Void] = []
    var idle = 0
    var started = 0
    var isClosed = false

    func run() {
      condition.lock()
      while true {
        if !jobs.isEmpty {
          let job = jobs.removeFirst()
          condition.unlock()
          job()
          condition.lock()
        } else if isClosed {
          condition.unlock()
          return
        } else {
          idle += 1
          condition.wait()
          idle -= 1
        }
      }
    }
  }

  private let queue = Queue()

  init() {}

  deinit {
    queue.condition.lock()
    queue.isClosed = true
    queue.condition.broadcast()
    queue.condition.unlock()
  }

  /// Runs a job on a thread that is free, or on a new one: jobs never wait for each other.
  func start(_ job: @escaping @Sendable () -> Void) {
    let queue = queue
    queue.condition.lock()
    defer { queue.condition.unlock() }
    queue.jobs.append(job)
    if queue.jobs.count <= queue.idle {
      queue.condition.signal()
      return
    }
    queue.started += 1
    let thread = Thread { queue.run() }
    thread.name = "nn-loader-\(queue.started)"
    thread.stackSize = 8 << 20
    thread.start()
  }

  /// Threads started so far.
  package var startedThreads: Int {
    queue.condition.lock()
    defer { queue.condition.unlock() }
    return queue.started
  }
}
