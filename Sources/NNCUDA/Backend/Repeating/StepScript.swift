/// The commands of every step, or of every second one.
struct StepScript {
  /// Commands without one that varies; those of a short one are started by themselves.
  struct Segment {
    let begin, end: Int
    let graph: (any CUDAGraph)?
  }

  var commands: [CardCommand] = []
  /// Which commands are started by themselves.
  var varies: [Bool] = []
  /// How often a command that did not vary was another one.
  var changes: [Int: Int] = [:]
  /// Whether the segments are of other commands than these.
  var isOutdated = false
  var segments: [Segment] = []
}
