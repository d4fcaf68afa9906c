import Dispatch
import Foundation
import Synchronization

/// Watches for Ctrl-C and SIGTERM while a run lasts: the first asks the loop to finish its step and return, the
/// second ends the process at once.
final class Interrupt {
  private final class Counter: Sendable {
    let value = Atomic<Int>(0)

    func receive(_ number: Int32) {
      if value.add(1, ordering: .relaxed).newValue == 1 {
        FileHandle.standardError.write(Data("\nStopping after this step; once more ends at once.\n".utf8))
      } else {
        signal(number, SIG_DFL)
        raise(number)
      }
    }
  }

  private let counter = Counter()
  private var sources: [any DispatchSourceSignal] = []

  init() {
    let counter = counter
    sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)  // the source sees it all the same; the default would end the process
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { counter.receive(number) }
      source.resume()
      return source
    }
  }

  /// Whether the run was asked to end.
  var isRequested: Bool { counter.value.load(ordering: .relaxed) > 0 }

  deinit {
    for source in sources { source.cancel() }
    signal(SIGINT, SIG_DFL)
    signal(SIGTERM, SIG_DFL)
  }
}
