import Dispatch
import Foundation
import NNCore
import Synchronization

/// Watches for signals while a run lasts. Ctrl-C (SIGINT), SIGTERM, a closed terminal (SIGHUP) and output that nobody
/// reads any more (SIGPIPE) ask the loop to finish its step and return. A second Ctrl-C or SIGTERM ends the process at
/// once; a terminal that is closed sends several SIGHUPs, and goes on waiting.
///
/// A signal that was ignored when the run began stays ignored, as `nohup` and shells want it for what they start.
final class Interrupt {
  private final class Counter: Sendable {
    private let requests = Atomic<Int>(0)
    private let urgent = Atomic<Int>(0)

    var isRequested: Bool { requests.load(ordering: .relaxed) > 0 }

    func receive(_ number: Int32) {
      if number == SIGINT || number == SIGTERM, urgent.add(1, ordering: .relaxed).newValue > 1 {
        signal(number, SIG_DFL)
        raise(number)
      }
      if requests.add(1, ordering: .relaxed).newValue == 1 {
        writeToStandardError("\nStopping after this step; once more ends at once.\n")
      }
    }

  }

  private typealias Handler = @convention(c) (Int32) -> Void

  private let counter = Counter()
  private var sources: [any DispatchSourceSignal] = []
  /// What the signals did before; a run inside a run leaves the outer one's watch in place.
  private var former: [(number: Int32, handler: Handler?)] = []
  private let pipesAtStart: Int
  /// Whether nobody reads standard output or error any more.
  private var isOutputGone = false

  init() {
    pipesAtStart = brokenPipes.load(ordering: .relaxed)
    let counter = counter
    for number in [SIGINT, SIGTERM, SIGHUP] {
      // The source sees it all the same; the default would end the process.
      let handler = signal(number, SIG_IGN)
      if number == SIGHUP, isIgnore(handler) { continue }
      former.append((number, handler))
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { counter.receive(number) }
      source.resume()
      sources.append(source)
    }
    // This one comes to the thread that writes, whose `write` fails then: no source would see it.
    former.append((SIGPIPE, signal(SIGPIPE) { _ in brokenPipes.add(1, ordering: .relaxed) }))
  }

  /// Whether the run was asked to end.
  var isRequested: Bool {
    if counter.isRequested || isOutputGone { return true }
    // Other pipes than those of the output break as well.
    guard brokenPipes.load(ordering: .relaxed) > pipesAtStart,
      isAbandoned(STDOUT_FILENO) || isAbandoned(STDERR_FILENO)
    else { return false }
    isOutputGone = true
    return true
  }

  deinit {
    for source in sources { source.cancel() }
    for (number, handler) in former { signal(number, handler) }
    // What the program does behind the run is not to be ended by its next word.
    if isOutputGone { signal(SIGPIPE, SIG_IGN) }
  }
}

/// Writes so far whose reader was gone. Touched before the handler is installed, so that it only counts.
private let brokenPipes = Atomic<Int>(0)

private func isIgnore(_ handler: (@convention(c) (Int32) -> Void)?) -> Bool {
  unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
}
