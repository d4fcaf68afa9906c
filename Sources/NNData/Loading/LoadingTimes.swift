import Foundation

/// How long a training loop waited for its data in one pass: measured by the loader's iterator, from call to call of
/// `next()`.
public struct LoadingTimes: Sendable, Equatable, CustomStringConvertible {
  /// Threads that made batches.
  public let workers: Int
  /// Batches handed out.
  public package(set) var batches = 0
  /// Seconds until the first batch was there: starting up, which happens once.
  public package(set) var first = 0.0
  /// Seconds spent in `next()` for all further batches.
  public package(set) var waited = 0.0
  /// Seconds between one batch and the call for the next: the loop's own work.
  public package(set) var worked = 0.0

  package init(workers: Int) { self.workers = workers }

  /// Share of the time behind the first batch that the loop stood still, 0...1.
  public var waitingShare: Double { waited + worked > 0 ? waited / (waited + worked) : 0 }

  /// What would help, in one line; nil if less than a tenth of the time was spent waiting, or after fewer than
  /// ten batches.
  public var suggestion: String? { suggestion(processors: ProcessInfo.processInfo.activeProcessorCount) }

  package func suggestion(processors: Int) -> String? {
    if batches < 10 || waitingShare < 0.1 { return nil }
    let share = Int((waitingShare * 100).rounded())
    let head = "waited for data \(share)% of the time with \(workers) workers"
    if workers == 0 { return "\(head): make batches beside the training step with workers: 1 or more" }
    if workers < processors { return "\(head): use up to workers: \(processors)" }
    return
      "\(head) on \(processors) processors: make loading cheaper, for instance with images stored smaller"
  }

  public var description: String {
    func text(_ seconds: Double) -> String { String(format: "%.3f s", seconds) }
    return "\(batches) batches, first after \(text(first)), waited \(text(waited)), worked \(text(worked))"
  }
}
