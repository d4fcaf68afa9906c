import Foundation
import NNCore

/// Metrics that grow over a pass, by name in the order of their first value.
struct EpochLog {
  private enum Entry {
    case metric(any Metric)
    /// From a checkpoint: the state as JSON, of a type that is known when the next value comes; and its value, in case
    /// none comes.
    case saved(Data, value: Double)
  }

  private var names: [String] = []
  private var entries: [String: Entry] = [:]
  /// What a checkpoint had that the steps now log as another kind of metric.
  private(set) var problem: String?

  var isEmpty: Bool { names.isEmpty }

  mutating func merge<M: Metric>(_ name: String, _ metric: M) {
    switch entries[name] {
    case nil:
      names.append(name)
      entries[name] = .metric(metric)
    case .metric(let former):
      guard var sum = former as? M else {
        fail(
          "StepContext.log", "\(name) was logged as \(type(of: former)) before, and as \(M.self) now")
      }
      entries[name] = nil  // so that arrays inside are not copied
      sum.merge(metric)
      entries[name] = .metric(sum)
    case .saved(let data, _):
      guard var sum = try? SavedState.decode(M.self, from: String(decoding: data, as: UTF8.self)),
        sum.canMerge(metric)
      else {
        problem = "\(printable(name)) as another kind of metric than \(M.self), or of other settings"
        return
      }
      sum.merge(metric)
      entries[name] = .metric(sum)
    }
  }

  var metrics: Metrics {
    var metrics: Metrics = [:]
    for name in names {
      switch entries[name] {
      case .metric(let metric): metrics[name] = metric.value
      case .saved(_, let value): metrics[name] = value
      case nil: break
      }
    }
    return metrics
  }

  // MARK: Checkpoints

  struct Saved: Codable {
    var name: String
    var state: String
    var bits: UInt64
  }

  func saved() throws -> [Saved] {
    try names.compactMap { name in
      switch entries[name] {
      case .metric(let metric):
        Saved(
          name: name, state: try SavedState.encode(metric),
          bits: metric.value.bitPattern)
      case .saved(let data, let value):
        Saved(name: name, state: String(decoding: data, as: UTF8.self), bits: value.bitPattern)
      case nil: nil
      }
    }
  }

  /// What all processes logged, by rank, of which this is one.
  func merged(_ all: [[Saved]]) throws -> EpochLog {
    var result = EpochLog()
    for entry in all.joined() where result.entries[entry.name] == nil {
      result.names.append(entry.name)
      let states = all.compactMap { $0.first { $0.name == entry.name } }
      if case .metric(let own) = entries[entry.name] {
        result.entries[entry.name] = .metric(try own.merged(states))
      } else {
        // Of an unknown type, as this process had no batch: the first process tells the others the value.
        result.entries[entry.name] = .saved(Data(entry.state.utf8), value: Double(bitPattern: entry.bits))
      }
    }
    return result
  }

  init(_ saved: [Saved] = []) {
    for entry in saved where entries[entry.name] == nil {
      names.append(entry.name)
      entries[entry.name] = .saved(Data(entry.state.utf8), value: Double(bitPattern: entry.bits))
    }
  }
}

extension Metric {
  /// The metric of several states of this type, in their order.
  fileprivate func merged(_ states: [EpochLog.Saved]) throws -> any Metric {
    let metrics = try states.map { try SavedState.decode(Self.self, from: $0.state) }
    guard var sum = metrics.first else { return self }
    for (metric, state) in zip(metrics, states).dropFirst() {
      guard sum.canMerge(metric) else {
        throw CheckpointError.invalid(
          "\(printable(state.name)) of the same settings in all processes", "others")
      }
      sum.merge(metric)
    }
    return sum
  }
}
