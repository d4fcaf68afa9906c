import NNCore

/// A module whose weights some older files have under other keys, as PyTorch's `_load_from_state_dict` deals with.
///
/// `loadStateDict` and `loadWeights` ask every module of this kind, at any depth, for the keys below its own.
public protocol RenamesKeys: Module {
  /// The key, relative to the module, that an entry of a file is meant for: itself if nothing changed.
  func currentKey(_ key: String) -> String
}

extension Module {
  /// The entries of a state dict under the keys of today. An old key beside the present one stays as it is, and is
  /// then reported as unexpected.
  func renamingOldKeys(of state: StateDict) throws -> StateDict {
    var present = Set(state.keys)
    var state = state
    for (name, module) in namedModules() {
      guard let module = module as? any RenamesKeys else { continue }
      let prefix = name.isEmpty ? "" : name + "."
      let changes = state.keys.compactMap { old -> (old: String, new: String)? in
        guard old.hasPrefix(prefix) else { return nil }
        let new = prefix + module.currentKey(String(old.dropFirst(prefix.count)))
        return new != old && present.insert(new).inserted ? (old, new) : nil
      }
      if changes.isEmpty { continue }
      let names = Dictionary(uniqueKeysWithValues: changes.map { ($0.old, $0.new) })
      state = try state.renaming { names[$0] ?? $0 }
    }
    return state
  }
}
