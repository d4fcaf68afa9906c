import Foundation

/// What came of all cases.
struct CheckReport: Encodable {
  struct Group: Encodable {
    let name: String
    var passed = 0
    var failed = 0
    var notRun = 0
    var seconds = 0.0

    enum CodingKeys: String, CodingKey { case name, passed, failed, notRun = "not_run", seconds }
  }
  struct Failure: Encodable {
    let group, name: String
    let lines: [String]
  }

  let device: String
  /// How often the process that runs the cases was started again.
  let restarts: Int
  private(set) var groups: [Group] = []
  private(set) var failures: [Failure] = []

  init(device: String, names: [(String, String)], outcomes: [CheckSupervisor.Outcome?], restarts: Int) {
    (self.device, self.restarts) = (device, restarts)
    for ((group, name), outcome) in zip(names, outcomes) {
      let place = groups.firstIndex { $0.name == group } ?? groups.count
      if place == groups.count { groups.append(Group(name: group)) }
      groups[place].seconds += outcome?.seconds ?? 0
      guard let outcome else {
        groups[place].notRun += 1
        continue
      }
      if outcome.failures.isEmpty {
        groups[place].passed += 1
      } else {
        groups[place].failed += 1
        failures.append(Failure(group: group, name: name, lines: outcome.failures))
      }
    }
  }

  var isPassed: Bool { groups.allSatisfy { $0.failed + $0.notRun == 0 } }

  /// A row per group.
  var table: String {
    var rows = groups
    var total = Group(name: "all")
    for group in groups {
      total.passed += group.passed
      total.failed += group.failed
      total.notRun += group.notRun
      total.seconds += group.seconds
    }
    rows.append(total)
    let lines = rows.map { row in
      "| \(row.name) | \(row.passed) | \(row.failed) | \(row.notRun) | \(String(format: "%.1f", row.seconds)) |"
    }
    return
      (["| golden cases on \(device) | passed | failed | not run | seconds |", "|---|---|---|---|---|"]
      + lines)
      .joined(separator: "\n")
  }

  func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return try encoder.encode(self)
  }
}
