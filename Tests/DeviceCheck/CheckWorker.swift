import Foundation
import NNCore
import TestSupport

/// What the process that runs cases tells the one that started it, as a line of JSON.
enum Progress: Codable {
  case began(Int)
  case ended(Int, failures: [String], seconds: Double)
  /// The device cannot be used any more in this process, which ends.
  case broken(String)
}

/// Runs cases one after the other in a process that may die of one.
struct CheckWorker {
  let kind: CheckedDevice
  let checks: [Check]

  /// So many lines are told of a case.
  private static let lineLimit = 8

  func run(from first: Int) throws {
    let clock = ContinuousClock()
    for place in first..<checks.count {
      let check = checks[place]
      try tell(.began(place))
      kind.setPrecision(isFull: check.isFull)
      let begin = clock.now
      var failures: [String]
      do { failures = try check.failures() } catch { failures = ["\(error)"] }
      if failures.count > Self.lineLimit {
        failures = failures.prefix(Self.lineLimit) + ["and \(failures.count - Self.lineLimit) more"]
      }
      try tell(.ended(place, failures: failures, seconds: (clock.now - begin) / .seconds(1)))
      // An error of a card may leave nothing that can be computed there by this process.
      if !failures.isEmpty, let problem = problem() { return try tell(.broken(problem)) }
    }
  }

  /// Why the device does not add 1 and 1 any more; nil if it does.
  private func problem() -> String? {
    do {
      let device = try kind.open()
      let sum = try catchingMistakes {
        (Tensor.ones(4).to(device) + Tensor.ones(4).to(device)).array(of: Double.self)
      }
      return sum == [2, 2, 2, 2] ? nil : "1 + 1 is \(sum)"
    } catch {
      return "\(error)"
    }
  }

  private func tell(_ progress: Progress) throws {
    try FileHandle.standardOutput.write(contentsOf: JSONEncoder().encode(progress) + Data("\n".utf8))
  }
}
