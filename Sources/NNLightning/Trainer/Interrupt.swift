import Foundation
import NNCore
import Synchronization

/// Watches for signals while a run lasts. Ctrl-C (SIGINT), SIGTERM, a closed terminal (SIGHUP) and output that nobody
/// reads any more (SIGPIPE) ask the loop to finish its step and return. A second Ctrl-C or SIGTERM ends the process at
/// once; a terminal that is closed sends several SIGHUPs, and goes on waiting.
///
/// A signal that was ignored when the run began stays ignored, as `nohup` and shells want it for what they start. Runs at
/// the same time, as those of threads that train together, all hear of a signal.
final class Interrupt {
  private let requestsAtStart: Int
  private let pipesAtStart: Int
  /// Whether nobody reads standard output or error any more.
  private var isOutputGone = false
  /// What the thread of the run had blocked.
  private var blocked = sigset_t()

  init() {
    watch.withLock { $0.begin() }
    // Workers of Dispatch block signals, and so do processes that they start: here is a thread that takes them.
    var wanted = sigset_t()
    sigemptyset(&wanted)
    for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&wanted, number) }
    pthread_sigmask(SIG_UNBLOCK, &wanted, &blocked)
    requestsAtStart = requests.load(ordering: .relaxed)
    pipesAtStart = brokenPipes.load(ordering: .relaxed)
  }

  /// Whether the run was asked to end.
  var isRequested: Bool {
    if requests.load(ordering: .relaxed) > requestsAtStart || isOutputGone { return true }
    // Other pipes than those of the output break as well.
    guard brokenPipes.load(ordering: .relaxed) > pipesAtStart,
      isAbandoned(STDOUT_FILENO) || isAbandoned(STDERR_FILENO)
    else { return false }
    isOutputGone = true
    return true
  }

  deinit {
    pthread_sigmask(SIG_SETMASK, &blocked, nil)
    watch.withLock { [isOutputGone] in $0.end(isOutputGone: isOutputGone) }
  }
}

// What the handlers count. Touched before they are installed, so that they only count.
private let requests = Atomic<Int>(0)
/// Ctrl-C and SIGTERM since the watch began.
private let urgentRequests = Atomic<Int>(0)
/// Requests since the watch began.
private let announcements = Atomic<Int>(0)
/// Writes so far whose reader was gone.
private let brokenPipes = Atomic<Int>(0)

private let watch = Mutex(SignalWatch())

private typealias Handler = @convention(c) (Int32) -> Void

/// The handlers, as long as there is a run.
private struct SignalWatch: Sendable {
  private var runs = 0
  /// What the signals did before.
  private var former: [(number: Int32, handler: Handler?)] = []
  private var isOutputGone = false

  mutating func begin() {
    runs += 1
    if runs > 1 { return }
    announcements.store(0, ordering: .relaxed)
    urgentRequests.store(0, ordering: .relaxed)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      let handler = signal(number, receive)
      if number == SIGHUP, isIgnore(handler) {
        signal(number, SIG_IGN)
      } else {
        former.append((number, handler))
      }
    }
    // This one comes to the thread that writes, whose `write` fails then.
    former.append((SIGPIPE, signal(SIGPIPE) { _ in brokenPipes.add(1, ordering: .relaxed) }))
  }

  mutating func end(isOutputGone: Bool) {
    runs -= 1
    self.isOutputGone = self.isOutputGone || isOutputGone
    if runs > 0 { return }
    for (number, handler) in former { signal(number, handler) }
    former = []
    // What the program does behind the run is not to be ended by its next word.
    if self.isOutputGone { signal(SIGPIPE, SIG_IGN) }
    self.isOutputGone = false
  }
}

/// A handler may come between any two instructions: it counts and writes, and allocates nothing.
private func receive(_ number: Int32) {
  let error = errno
  defer { errno = error }
  if number == SIGINT || number == SIGTERM, urgentRequests.add(1, ordering: .relaxed).newValue > 1 {
    signal(number, SIG_DFL)
    raise(number)
  }
  requests.add(1, ordering: .relaxed)
  if announcements.add(1, ordering: .relaxed).newValue == 1 {
    let text: StaticString = "\nStopping after this step; once more ends at once.\n"
    _ = write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
  }
}

private func isIgnore(_ handler: Handler?) -> Bool {
  unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
}
