import ArgumentParser
import Foundation
import NNCore
import TestSupport

/// Runs the golden cases on a device, for machines that have no Swift compiler.
@main
struct DeviceCheck: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs the golden cases of operations, layers, losses, optimizers and trainings on a device.",
    discussion: """
      Each case runs in a process that may die of it; the next one goes on behind it. Example:

      DeviceCheck --device emulated --fixtures Tests/NNCoreTests/Fixtures --fixtures Tests/NNLayersTests/Fixtures

      Exit status: 0 all cases passed, 1 some failed.
      """)

  @Option(help: "Where the cases run: \(CheckedDevice.allCases.map(\.rawValue).joined(separator: ", ")).")
  var device = CheckedDevice.cpu
  @Option(help: "Folder of fixtures; may be repeated (default: those of this package).")
  var fixtures: [String] = []
  @Option(help: "Only groups whose name begins so; may be repeated.")
  var group: [String] = []
  @Option(help: "File for the results as JSON.")
  var json: String?
  @Option(help: "Seconds that a case may take.")
  var timeout = 60.0
  @Option(help: .hidden) var worker: Int?

  func run() throws {
    let folders =
      fixtures.isEmpty
      ? ["NNCoreTests", "NNLayersTests"].map { packageRoot.appendingPathComponent("Tests/\($0)/Fixtures") }
      : fixtures.map { URL(fileURLWithPath: $0) }
    if let worker {
      let checks = try CheckList(device, fixtures: folders, groups: group).checks
      return try CheckWorker(kind: device, checks: checks).run(from: worker)
    }
    let names = try CheckList(device, fixtures: folders, groups: group).checks.map { ($0.group, $0.name) }
    guard !names.isEmpty else {
      throw CheckError(
        "no golden case was found in \(folders.map { printable($0.path) }.joined(separator: ", "))")
    }
    let arguments =
      ["--device", device.rawValue] + folders.flatMap { ["--fixtures", $0.path] }
      + group.flatMap { ["--group", $0] }
    var supervisor = CheckSupervisor(arguments, count: names.count, limit: timeout)
    try supervisor.run { place, outcome in
      guard !outcome.failures.isEmpty else { return }
      say("FAILED \(names[place].0): \(printable(names[place].1))")
      for line in outcome.failures.prefix(3) { say("    \(printable(line))") }
    }
    let report = CheckReport(
      device: device.rawValue, names: names, outcomes: supervisor.outcomes, restarts: supervisor.restarts)
    say(report.table)
    if let json { try report.json().write(to: URL(fileURLWithPath: json)) }
    if !report.isPassed { throw ExitCode(1) }
  }
}
