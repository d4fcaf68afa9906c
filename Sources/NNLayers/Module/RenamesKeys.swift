import NNCore
import NNFiles

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
    let names = currentNames(of: state.keys)
    return names.isEmpty ? state : try state.renaming { names[$0] ?? $0 }
  }

  /// The present names of those keys that have another one.
  func currentNames(of keys: [String]) -> [String: String] {
    var present = Set(keys)
    var current = keys
    for (name, module) in namedModules() {
      guard let module = module as? any RenamesKeys else { continue }
      let prefix = name.isEmpty ? "" : name + "."
      for (place, old) in current.enumerated() where old.hasPrefix(prefix) {
        let new = prefix + module.currentKey(String(old.dropFirst(prefix.count)))
        if new != old && present.insert(new).inserted { current[place] = new }
      }
    }
    return Dictionary(zip(keys, current).filter { $0 != $1 }) { first, _ in first }
  }
}
