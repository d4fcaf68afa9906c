import NNCore
import NNData

/// Numbers of a checkpoint are from outside: arithmetic with them must not leave the range of `Int`.
extension Checkpoint {
  /// The greatest counter: as a `Double` it is exact, and what is added to it later is far from overflowing.
  static let greatestCount = 1 << 53

  /// Refuses a number that is outside its range.
  static func check(_ name: String, _ value: Int, in range: ClosedRange<Int>) throws {
    guard range.contains(value) else {
      throw CheckpointError.invalid("\(name) in \(range.lowerBound)...\(range.upperBound)", "\(value)")
    }
  }

  /// Refuses what is no time that a run can have taken.
  static func check(seconds: Double, _ name: String) throws {
    guard (0...1e12).contains(seconds) else {
      throw CheckpointError.invalid("\(name) in 0...1e12 seconds", "\(seconds)")
    }
  }
}

extension FitProgress {
  func check() throws {
    let counts = 0...Checkpoint.greatestCount
    try Checkpoint.check("epoch", epoch, in: counts)
    try Checkpoint.check("batch", batch, in: counts)
    try Checkpoint.check("totalBatches", totalBatches, in: counts)
    try Checkpoint.check("globalStep", globalStep, in: counts)
    if let batchSize { try Checkpoint.check("batchSize", batchSize, in: 1...1 << 40) }
    try Checkpoint.check(seconds: seconds, "seconds")
  }
}

extension SchedulePlan {
  func check() throws {
    for length in lengths.compactMap({ $0 }) {
      try Checkpoint.check("length of a schedule", length, in: 0...Int.max)
    }
    if let epochs { try Checkpoint.check("epochs of the schedules", epochs, in: 0...Int.max) }
    if let steps { try Checkpoint.check("steps of the schedules", steps, in: 0...Int.max) }
  }
}

extension CallbackState {
  /// A whole number as the state of a callback.
  func count(_ name: String, in range: ClosedRange<Int> = 0...Checkpoint.greatestCount) throws -> Int {
    let value: Int = try value()
    try Checkpoint.check(name, value, in: range)
    return value
  }
}
