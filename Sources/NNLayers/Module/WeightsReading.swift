import NNCore
import NNFiles

/// One way to read a weight file for a module: a dictionary in the file and a prefix of its keys.
///
/// Which ways there are is found by looking: a prefix is whatever stands before a key of the module.
package struct WeightsReading {
  let part: WeightFile.Part
  let prefix: String
  /// The file's key for each key of the module that it has with the right shape.
  package private(set) var matched: [(key: String, fileKey: String)] = []
  /// What keeps the reading from being complete.
  private(set) var report = StateDictReport()
  private(set) var leftOut: [WeightsReport.LeftOut] = []
  private(set) var kept: [String] = []

  var fits: Bool { report.isEmpty && !matched.isEmpty }

  /// What a module has in its state dict, and what it wants to know of keys.
  package struct Target {
    let slots: [(key: String, shape: [Int], isFloatingPoint: Bool, mayBeMissing: Bool)]
    /// Keys that the file may lack, or have in another shape.
    let isOptional: (String) -> Bool
    /// The present names of old keys.
    let currentNames: ([String]) -> [String: String]

    /// Number of tensors of the module.
    package var count: Int { slots.count }
  }

  init(_ part: WeightFile.Part, prefix: String, target: Target, dropping wrappers: Set<String> = []) {
    (self.part, self.prefix) = (part, prefix)
    var entries: [String: (fileKey: String, shape: [Int], isFloatingPoint: Bool)] = [:]
    var order: [String] = []
    for tensor in part.tensors {
      guard tensor.key.utf8.starts(with: prefix.utf8) else {
        leftOut.append(WeightsReport.LeftOut(tensor.key, tensor.shape))
        continue
      }
      var key = String(decoding: tensor.key.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
      if !wrappers.isEmpty {
        key = key.split(separator: ".", omittingEmptySubsequences: false).filter {
          !wrappers.contains(String($0))
        }
        .joined(separator: ".")
      }
      if entries.updateValue((tensor.key, tensor.shape, tensor.isFloatingPoint), forKey: key) == nil {
        order.append(key)
      } else {
        report.unexpected.append(tensor.key)
      }
    }
    let names = target.currentNames(order)
    for (old, new) in names { entries[new] = entries.removeValue(forKey: old) }
    var used: Set<String> = []
    for slot in target.slots {
      used.insert(slot.key)
      guard let entry = entries[slot.key] else {
        if slot.mayBeMissing { continue }
        if target.isOptional(slot.key) { kept.append(slot.key) } else { report.missing.append(slot.key) }
        continue
      }
      if entry.shape == slot.shape && entry.isFloatingPoint == slot.isFloatingPoint {
        matched.append((slot.key, entry.fileKey))
      } else if target.isOptional(slot.key) {
        kept.append(slot.key)
        leftOut.append(WeightsReport.LeftOut(entry.fileKey, entry.shape))
      } else if entry.shape != slot.shape {
        report.mismatched.append("\(slot.key): expected \(slot.shape), found \(entry.shape)")
      } else {
        report.mismatched.append(
          "\(slot.key): expected \(slot.isFloatingPoint ? "floating point" : "integers"), found the other kind"
        )
      }
    }
    for key in order {
      let key = names[key] ?? key
      guard !used.contains(key), let entry = entries[key] else { continue }
      if target.isOptional(key) || Self.isBeside(key, entry.shape) {
        leftOut.append(WeightsReport.LeftOut(entry.fileKey, entry.shape))
      } else {
        report.unexpected.append(entry.fileKey)
      }
    }
  }

  /// Whether a tensor that the module does not have is none of its weights: a number beside them, as the `n_averaged` of
  /// an averaged model, or what tools for counting and statistics of batches leave in modules.
  private static func isBeside(_ key: String, _ shape: [Int]) -> Bool {
    let leaf = key.split(separator: ".").last ?? ""
    return (!key.contains(".") && shape.allSatisfy { $0 == 1 })
      || ["total_ops", "total_params", "num_batches_tracked"].contains(leaf)
  }

  /// The readings of a part, the most fitting ones first: with every prefix that stands before enough of the module's
  /// keys, or with the one that is asked for.
  package static func all(of part: WeightFile.Part, prefix: String?, target: Target) -> [WeightsReading] {
    // What wrappers put inside of keys, where parts of a network are wrapped.
    let wrappers: Set<String> = [
      "module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module",
    ]
    func readings(_ dropping: Set<String>) -> [WeightsReading] {
      (prefix.map { [$0] } ?? prefixes(of: part, target)).map {
        WeightsReading(part, prefix: $0, target: target, dropping: dropping)
      }.sorted { ($0.matched.count, -$0.prefix.utf8.count) > ($1.matched.count, -$1.prefix.utf8.count) }
    }
    let plain = readings([])
    let isWrapped = part.tensors.contains { tensor in
      tensor.key.split(separator: ".").contains { wrappers.contains(String($0)) }
    }
    return isWrapped && !plain.contains(where: \.fits) ? plain + readings(wrappers) : plain
  }

  /// What stands before keys of the module: the most frequent ones, and none.
  private static func prefixes(of part: WeightFile.Part, _ target: Target) -> [String] {
    let known = Set(target.slots.map(\.key))
    var votes: [String: Int] = [:]
    for (key, _, _) in part.tensors where key.utf8.count <= 1_000 {
      var place = key.startIndex
      while let dot = key[place...].firstIndex(of: ".") {
        place = key.index(after: dot)
        if known.contains(String(key[place...])) { votes[String(key[..<place]), default: 0] += 1 }
      }
    }
    let best = votes.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(8).map(\.key)
    return [""] + best
  }
}
