import Foundation
import NNCore
import TestSupport

/// One golden case on one device.
struct Check {
  let group: String
  let name: String
  /// Whether products of full precision are asked for.
  var isFull = false
  /// What differs, one line each.
  let failures: () throws -> [String]
}

/// All golden cases that can run on a device, in an order that the fixtures alone decide.
struct CheckList {
  private(set) var checks: [Check] = []
  private let kind: CheckedDevice
  private let device: Device

  /// How far results whose factors were rounded to TF32 may be off, relative to the greatest expected value.
  private static let roundedFactors = 3e-3
  /// How far the losses of a training with such factors may be off, relatively.
  private static let roundedTraining = 1e-2

  /// - Parameter groups: beginnings of the names of the groups that are wanted; all if there are none.
  init(_ kind: CheckedDevice, fixtures: [URL], groups: [String]) throws {
    self.kind = kind
    device = try kind.open()
    for folder in fixtures {
      addOperations("ops", FixtureTables.opsSubjects, in: folder)
      addOperations("nn", FixtureTables.nnSubjects, in: folder)
      addBFloat16(in: folder)
      addOptimizers(in: folder)
      addTrainings(in: folder)
    }
    if kind.keepsRecordings { addGraphs() }
    if !groups.isEmpty {
      checks.removeAll { check in !groups.contains { check.group.hasPrefix($0) } }
    }
  }

  private mutating func addOperations(
    _ name: String, _ subjects: KeyValuePairs<String, FixtureTable>, in folder: URL
  ) {
    for fixture in FixtureGroup(name, in: folder).cases {
      let subject = subjects.first { $0.value[fixture.operation] != nil }?.key ?? name
      let isRounded = subject == "convolutions" && kind.roundsFactors
      if isRounded {
        add(fixture, "\(subject), TF32", [.float32], looseness: Self.roundedFactors)
      }
      add(fixture, subject, [.float32, .float64], isFull: isRounded)
    }
  }

  /// A case in some types and every layout.
  private mutating func add(
    _ fixture: FixtureCase, _ group: String, _ types: [DType], looseness: Double = 0, isFull: Bool = false
  ) {
    checks.append(
      Check(group: group, name: "\(fixture)", isFull: isFull) { [device] in
        types.flatMap { dtype in
          FixtureLayout.allCases.flatMap { layout in
            fixture.failures(
              FixtureTables.all, dtype: dtype, layout: layout, on: device, looseness: looseness
            ).map { "\(dtype) \(layout.rawValue): \($0)" }
          }
        }
      })
  }

  /// The cases of bfloat16, and all others with their inputs rounded to that.
  private mutating func addBFloat16(in folder: URL) {
    for fixture in FixtureGroup("bfloat16", in: folder).cases {
      checks.append(
        Check(group: "bfloat16", name: "\(fixture)") { [device] in
          FixtureLayout.allCases.flatMap { layout in
            fixture.failures(FixtureTables.all, dtype: .bfloat16, layout: layout, on: device)
              .map { "\(layout.rawValue): \($0)" }
          }
        })
    }
    for fixture in ["ops", "nn"].flatMap({ FixtureGroup($0, in: folder).cases }) {
      checks.append(
        Check(group: "bfloat16, rounded", name: "\(fixture)") { [device] in
          fixture.roundedFailures(FixtureTables.all, on: device)
        })
    }
  }

  private mutating func addOptimizers(in folder: URL) {
    for fixture in FixtureGroup("optim", in: folder).cases {
      if fixture.operation.hasPrefix("clip") {
        checks.append(
          Check(group: "clipping", name: "\(fixture)") { [device] in
            try catchingMistakes { try OptimizerTrajectory.clippingDifferences(fixture, on: device) }
          })
        continue
      }
      checks.append(
        Check(group: "optimizers", name: "\(fixture)") { [device] in
          try [DType.float32, .float64].flatMap { dtype in
            try catchingMistakes { try OptimizerTrajectory.differences(fixture, dtype, on: device) }
              .map { "\(dtype): \($0)" }
          }
        })
    }
  }

  private mutating func addTrainings(in folder: URL) {
    let files = try? FileManager.default.contentsOfDirectory(
      atPath: folder.appendingPathComponent("training").path)
    for name in (files ?? []).sorted() where name.hasSuffix("_sgd.json") {
      let name = String(name.dropLast(".json".count))
      func add(_ group: String, _ slack: GoldenTraining.Slack, isFull: Bool) {
        checks.append(
          Check(group: group, name: name, isFull: isFull) { [device] in
            try catchingMistakes {
              try GoldenTraining(name, in: folder).differences(on: device, slack: slack)
            }
          })
      }
      if kind.roundsFactors { add("trainings, TF32", .relative(Self.roundedTraining), isFull: false) }
      add("trainings", .golden(kind.slack), isFull: true)
    }
  }

  /// Trainings whose steps are started as CUDA graphs, against the same without.
  private mutating func addGraphs() {
    for (name, dropout, isAdaptive) in [("sgd", 0.0, false), ("dropout and adamw", 0.3, true)] {
      checks.append(
        Check(group: "graphs", name: name) { [device, kind] in
          // The chapter's sizes where there is a card.
          let (channels, batch) = kind == .cuda ? ([64, 128, 256, 512], 256) : ([4, 8, 8, 16], 4)
          return try catchingMistakes {
            RepeatedTraining(
              on: device, channels: channels, batch: batch, dropout: dropout, isAdaptive: isAdaptive
            ).differences()
          }
        })
    }
  }
}
