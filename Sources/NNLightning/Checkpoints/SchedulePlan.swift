/// How long a fit was to be when a checkpoint was written, and its schedules with it.
struct SchedulePlan: Codable, Sendable, Equatable {
  /// Length of each schedule, nil for one without end.
  var lengths: [Int?]
  /// Epochs and optimizer steps of the whole fit, as far as known.
  var epochs: Int?
  var steps: Int?
}
