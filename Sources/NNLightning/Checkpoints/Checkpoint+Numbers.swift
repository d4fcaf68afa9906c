import NNCore
import NNData

extension FitProgress {
  func check() throws {
    let counts = 0...SavedState.greatestCount
    try SavedState.check("epoch", epoch, in: counts)
    try SavedState.check("batch", batch, in: counts)
    try SavedState.check("totalBatches", totalBatches, in: counts)
    try SavedState.check("globalStep", globalStep, in: counts)
    if let batchSize { try SavedState.check("batchSize", batchSize, in: 1...1 << 40) }
    try SavedState.check(seconds: seconds, "seconds")
  }
}

extension SchedulePlan {
  func check() throws {
    for length in lengths.compactMap({ $0 }) {
      try SavedState.check("length of a schedule", length, in: 0...Int.max)
    }
    if let epochs { try SavedState.check("epochs of the schedules", epochs, in: 0...Int.max) }
    if let steps { try SavedState.check("steps of the schedules", steps, in: 0...Int.max) }
  }
}

extension CallbackState {
  /// A whole number as the state of a callback.
  func count(_ name: String, in range: ClosedRange<Int> = 0...SavedState.greatestCount) throws -> Int {
    let value: Int = try value()
    try SavedState.check(name, value, in: range)
    return value
  }
}
