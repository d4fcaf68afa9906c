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
  /// What the signals did before; a run inside a run leaves the outer one's watch in place.
  private var former: [(number: Int32, handler: (@convention(c) (Int32) -> Void)?)] = []

  init() {
    let counter = counter
    sources = [SIGINT, SIGTERM].map { number in
      // The source sees it all the same; the default would end the process.
      former.append((number, signal(number, SIG_IGN)))
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
    for (number, handler) in former { signal(number, handler) }
  }
}
