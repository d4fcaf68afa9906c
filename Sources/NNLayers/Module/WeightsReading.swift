import NNCore
import NNFiles

/// One way to read a weight file for a module: a dictionary in the file, a prefix of its keys, and whose names they are.
///
/// Which ways there are is found by looking: a prefix is whatever stands before a key of the module.
package struct WeightsReading {
  let part: WeightFile.Part
  let prefix: String
  /// Nil for the module's own keys.
  let map: KeyMap?
  /// For each key of the module that the file has in the right shape: what it is made of.
  package private(set) var matched: [(key: String, origin: KeyMap.Origin)] = []
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
    /// How other libraries call the keys.
    let maps: [KeyMap]
    /// Whether the module can make a tensor of one of another shape.
    let canAdapt: (_ key: String, _ shape: [Int]) -> Bool

    /// Number of tensors of the module.
    package var count: Int { slots.count }
  }

  private typealias Entry = (fileKey: String, shape: [Int], isFloatingPoint: Bool)

  init(
    _ part: WeightFile.Part, prefix: String, map: KeyMap? = nil, target: Target,
    dropping wrappers: Set<String> = []
  ) {
    (self.part, self.prefix, self.map) = (part, prefix, map)
    var entries: [String: Entry] = [:]
    var order: [String] = []
    // Heads lie outside of what a map's prefix stands before.
    var outside: [String: Entry] = [:]
    for tensor in part.tensors {
      guard tensor.key.utf8.starts(with: prefix.utf8) else {
        leftOut.append(WeightsReport.LeftOut(tensor.key, tensor.shape))
        if map != nil { outside[tensor.key] = (tensor.key, tensor.shape, tensor.isFloatingPoint) }
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
    let names = map == nil ? target.currentNames(order) : [:]
    for (old, new) in names { entries[new] = entries.removeValue(forKey: old) }
    var used: Set<String> = []
    for slot in target.slots {
      let origin = map?.origin(of: slot.key) ?? KeyMap.Origin(slot.key)
      used.formUnion(origin.keys)
      let found = origin.keys.compactMap { entries[$0] ?? outside[$0] }
      guard found.count == origin.keys.count else {
        if slot.mayBeMissing { continue }
        if target.isOptional(slot.key) { kept.append(slot.key) } else { report.missing.append(slot.key) }
        continue
      }
      let shape = origin.shape { (entries[$0] ?? outside[$0])?.shape } ?? found[0].shape
      let isSameKind = found.allSatisfy { $0.isFloatingPoint == slot.isFloatingPoint }
      // Another library may have dimensions of size 1 elsewhere.
      let isSame =
        shape == slot.shape || (map != nil && shape.filter { $0 != 1 } == slot.shape.filter { $0 != 1 })
      if isSameKind && (isSame || target.canAdapt(slot.key, shape)) {
        let fileKeys = KeyMap.Origin(
          summands: origin.summands.map { keys, part in
            (keys.compactMap { (entries[$0] ?? outside[$0])?.fileKey }, part)
          })
        matched.append((slot.key, fileKeys))
      } else if target.isOptional(slot.key) {
        kept.append(slot.key)
        leftOut += found.map { WeightsReport.LeftOut($0.fileKey, $0.shape) }
      } else if !isSame {
        report.mismatched.append("\(slot.key): expected \(slot.shape), found \(shape)")
      } else {
        report.mismatched.append(
          "\(slot.key): expected \(slot.isFloatingPoint ? "floating point" : "integers"), found the other kind"
        )
      }
    }
    for key in order {
      let key = names[key] ?? key
      guard !used.contains(key), let entry = entries[key] else { continue }
      if target.isOptional(key) || Self.isBeside(key, entry.shape) || map?.ignores(key) == true {
        leftOut.append(WeightsReport.LeftOut(entry.fileKey, entry.shape))
      } else {
        report.unexpected.append(entry.fileKey)
      }
    }
    if map != nil {
      let taken = Set(matched.flatMap(\.origin.keys))
      leftOut.removeAll { taken.contains($0.key) }
    }
  }

  /// The module's tensors from the file's, in the shapes that the file has them in.
  func state(file: String) throws -> StateDict {
    let tensors = try part.state(of: Set(matched.flatMap(\.origin.keys)), file: file)
    var state = StateDict()
    for (key, origin) in matched { state[key] = origin.tensor(tensors) }
    return state
  }

  /// Whether a tensor that the module does not have is none of its weights: a number beside them, as the `n_averaged` of
  /// an averaged model, or what tools for counting and statistics of batches leave in modules.
  private static func isBeside(_ key: String, _ shape: [Int]) -> Bool {
    let leaf = key.split(separator: ".").last ?? ""
    return (!key.contains(".") && shape.allSatisfy { $0 == 1 })
      || ["total_ops", "total_params", "num_batches_tracked"].contains(leaf)
  }

  /// The readings of a part, the most fitting ones first: with every prefix that stands before enough of the module's
  /// keys, or with the one that is asked for; under the module's own keys and, if none fits, under those of others.
  package static func all(of part: WeightFile.Part, prefix: String?, target: Target) -> [WeightsReading] {
    // What wrappers put inside of keys, where parts of a network are wrapped.
    let wrappers: Set<String> = [
      "module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module",
    ]
    func readings(_ dropping: Set<String>, _ map: KeyMap?) -> [WeightsReading] {
      (prefix.map { [$0] } ?? prefixes(of: part, target, map)).map {
        WeightsReading(part, prefix: $0, map: map, target: target, dropping: dropping)
      }
    }
    func sorted(_ readings: [WeightsReading]) -> [WeightsReading] {
      readings.sorted {
        ($0.matched.count, -$0.prefix.utf8.count) > ($1.matched.count, -$1.prefix.utf8.count)
      }
    }
    let plain = sorted(readings([], nil))
    if plain.contains(where: \.fits) { return plain }
    let isWrapped = part.tensors.contains { tensor in
      tensor.key.split(separator: ".").contains { wrappers.contains(String($0)) }
    }
    let own = isWrapped ? plain + sorted(readings(wrappers, nil)) : plain
    if target.maps.isEmpty || own.contains(where: \.fits) { return own }
    return sorted(own + target.maps.flatMap { readings(isWrapped ? wrappers : [], $0) })
  }

  /// What stands before keys of the module: the most frequent ones, and none.
  private static func prefixes(of part: WeightFile.Part, _ target: Target, _ map: KeyMap?) -> [String] {
    let known = Set(target.slots.flatMap { map?.origin(of: $0.key).keys ?? [$0.key] })
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
