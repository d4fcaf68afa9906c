import Foundation
import NNCore
import NNLightning

/// Processes (or threads) that exchange bytes through a transport.
///
/// A thread of its own calls the transport, so that gradients travel while others are computed. It makes one exchange
/// after the other, in the order in which they were asked for, and looks for signs of life of the process before it
/// in the ring of ranks, also where nothing is exchanged.
public final class ProcessGroup: Communicator, @unchecked Sendable {
  // Invariant: `condition` guards `jobs`, `failure`, `isEndTold`, `isEnding`, `isOver` and `counted`; the rest is of the thread
  // alone, but for what is constant.

  /// How long it is waited for others.
  public struct Patience: Sendable {
    /// Without a sign of life of a process, in seconds.
    public var silence = 15.0
    /// For a process that lives and does not come to an exchange, in seconds.
    public var lateness = 600.0

    public init() {}
  }

  struct Job {
    let run: (ProcessGroup) throws -> Void
    let fail: (ProcessError) -> Void
  }

  public let rank: Int
  public let count: Int
  let transport: any Transport
  private let condition = NSCondition()
  private var jobs: [Job] = []
  private var failure: ProcessError?
  /// Whether the others know of the failure, and the line about it is written.
  private var isEndTold = false
  private var isEnding = false
  private var isOver = false
  private var counted = Traffic()

  let watch: PeerWatch
  /// Exchanges so far.
  var sequence: UInt64 = 0
  /// Memory for what arrives.
  var room = FixedBytes(count: 0)
  /// Of transfers that were given up, and may still write.
  var abandoned: [Transfer] = []
  private let announce: @Sendable (String) -> Void

  /// - Parameters:
  ///   - make: begins the transport, on the thread that will use it.
  ///   - announce: takes the line about the end of the group, in the process that finds the cause.
  init(
    patience: Patience = Patience(), announce: @escaping @Sendable (String) -> Void = { _ in },
    _ make: @escaping @Sendable () throws -> any Transport
  ) throws {
    let started = Exchange<Start>()
    let thread = Thread {
      do {
        let start = Start(transport: try make())
        started.finish(.success(start))
        start.waitForGroup()?.loop()
      } catch {
        started.finish(.failure(error))
      }
    }
    thread.name = "nn-processes"
    thread.start()
    let start = try started.wait()
    transport = start.transport
    (rank, count) = (transport.rank, transport.count)
    watch = PeerWatch(transport, patience)
    self.announce = announce
    start.hand(self)
  }

  /// What the thread and the one that made it tell each other.
  private final class Start: @unchecked Sendable {
    // Invariant: the group is set before the semaphore is signalled.
    let transport: any Transport
    private var group: ProcessGroup?
    private let isSet = DispatchSemaphore(value: 0)

    init(transport: any Transport) { self.transport = transport }

    func hand(_ group: ProcessGroup) {
      self.group = group
      isSet.signal()
    }
    func waitForGroup() -> ProcessGroup? {
      isSet.wait()
      return group
    }
  }

  // MARK: Jobs

  /// Has the thread do something.
  func start<Value: Sendable>(_ body: @escaping (ProcessGroup) throws -> Value) -> Exchange<Value> {
    let exchange = Exchange<Value>()
    let job = Job {
      exchange.finish(.success(try body($0)))
    } fail: {
      exchange.finish(.failure($0))
    }
    condition.lock()
    defer { condition.unlock() }
    if let failure {
      job.fail(failure)
    } else {
      jobs.append(job)
      condition.signal()
    }
    return exchange
  }

  /// The same for one who needs the result, with the time counted.
  func run<Value: Sendable>(_ body: @escaping (ProcessGroup) throws -> Value) throws -> Value {
    try waiting { try start(body).wait() }
  }

  /// Waits for exchanges, with the time counted.
  public func waiting<Value>(_ body: () throws -> Value) rethrows -> Value {
    let begin = ContinuousClock().now
    defer {
      let seconds = (ContinuousClock().now - begin).seconds
      count { $0.waitSeconds += seconds }
    }
    return try body()
  }

  func count(_ body: (inout Traffic) -> Void) {
    condition.lock()
    body(&counted)
    condition.unlock()
  }

  public var traffic: Traffic {
    condition.lock()
    defer { condition.unlock() }
    return counted
  }

  /// Why the processes do not work together any more, nil as long as they do.
  var problem: ProcessError? {
    condition.lock()
    defer { condition.unlock() }
    return failure
  }

  /// Comes back when the others were told.
  public func abort(_ reason: String) {
    condition.lock()
    defer { condition.unlock() }
    if failure == nil { watch.requestEnd(reason) }
    condition.broadcast()
    let limit = Date(timeIntervalSinceNow: 5)
    while !isEndTold, condition.wait(until: limit) {}
  }

  /// Ends together with the others; the time for it is limited. A group that failed just ends.
  public func close() {
    condition.lock()
    isEnding = true
    condition.signal()
    let limit = Date(timeIntervalSinceNow: 30)
    while !isOver, condition.wait(until: limit) {}
    condition.unlock()
  }

  // MARK: The thread

  private func loop() {
    while let job = next() {
      let begin = ContinuousClock().now
      do {
        try job.run(self)
      } catch {
        end(error)
        job.fail(problem ?? .failed(rank: rank, reason: "\(error)"))
      }
      let seconds = (ContinuousClock().now - begin).seconds
      count { $0.exchangeSeconds += seconds }
    }
    if problem == nil {
      // The others may still have something to exchange; then this is what they learn.
      do {
        try meet(.end, size: 0)
        try transport.finish()
      } catch {
        end(error)
      }
    }
    condition.lock()
    isOver = true
    condition.broadcast()
    condition.unlock()
  }

  /// Waits for the next job, and looks at the others meanwhile; nil at the end.
  private func next() -> Job? {
    while true {
      condition.lock()
      if jobs.isEmpty, !isEnding { _ = condition.wait(until: Date(timeIntervalSinceNow: 0.1)) }
      let (job, isEnd) = (jobs.isEmpty ? nil : jobs.removeFirst(), isEnding)
      let isBroken = failure != nil
      condition.unlock()
      if !isBroken {
        do { try watch.look() } catch { end(error) }
      }
      if let job {
        if let problem { job.fail(problem) } else { return job }
      } else if isEnd {
        return nil
      }
    }
  }

  /// The group is over: everybody hears why.
  private func end(_ error: any Error) {
    let problem = error as? ProcessError ?? .failed(rank: rank, reason: "\(error)")
    condition.lock()
    let isFirst = failure == nil
    failure = failure ?? problem
    let waiting = jobs
    jobs = []
    condition.unlock()
    if isFirst, !watch.wasTold {
      // What names a rank already, all found together: the first one says so.
      let isCommon = if case .failed(rank, let reason) = problem { reason.hasPrefix("rank ") } else { false }
      if !isCommon || rank == 0 { announce(problem.description) }
      watch.tell("\(problem)")
    }
    condition.lock()
    isEndTold = true
    condition.broadcast()
    condition.unlock()
    for job in waiting { job.fail(problem) }
  }
}
