/// Watches what steps ask of a device, and lets it do what repeats as a whole; see `MemoryDevice.makeWorkRepeater`. Results
/// are those of the steps without it. Used by one thread at a time.
package protocol WorkRepeater: AnyObject {
  /// What the calling thread asks for until `end` is one step.
  func begin()
  func end()
  /// Why nothing will repeat, in one line; nil as long as it does or may.
  var problem: String? { get }
  var progress: WorkProgress { get }
}

/// What came of a `WorkRepeater`.
package struct WorkProgress: Sendable, Equatable {
  /// Steps that were done as a repetition.
  package let repeats: Int
  /// Commands of a step that are part of a recording, and all.
  package let recorded, commands: Int
  /// Recordings that a step consists of.
  package let graphs: Int

  package init(repeats: Int, recorded: Int, commands: Int, graphs: Int) {
    (self.repeats, self.recorded, self.commands, self.graphs) = (repeats, recorded, commands, graphs)
  }
}
