import NNCore
import NNFiles

extension Module {
  /// Takes over the weights of a file: a checkpoint of `torch.save` (`.pth`, `.pt`, `.ckpt`) or a
  /// `.safetensors` file, exactly as its arguments say. Everything is checked before anything is changed.
  /// ``loadFittingWeights(from:key:prefix:isOptional:)`` finds out by itself where the weights are.
  ///
  /// - Parameters:
  ///   - path: the file; untrusted, see `StateDict(contentsOf:)`.
  ///   - key: where in a checkpoint the weights are, as `"state_dict"` in Lightning's; nil for all of it.
  ///   - prefix: dropped from the keys that have it: `"module."` of DataParallel, `"model."` of Lightning.
  ///   - renaming: gives each key of the file (behind the prefix) the name that the module has for it.
  ///   - strict: whether missing and unexpected keys are an error. Other shapes always are.
  /// - Returns: what differed; empty if `strict`.
  /// - Throws: `FileError`, one line that names the file and the first missing, unexpected and mismatched keys.
  @discardableResult
  public func loadWeights(
    from path: String, key: String? = nil, prefix: String = "", renaming: ((String) -> String)? = nil,
    strict: Bool = true
  ) throws -> StateDictReport {
    var state = try StateDict(contentsOf: path, key: key, prefix: prefix)
    if let renaming {
      do {
        state = try state.renaming(renaming)
      } catch {
        throw FileError.malformed(file: path, expected: "keys that differ after renaming", found: "\(error)")
      }
    }
    do {
      return try loadStateDict(state, strict: strict)
    } catch StateError.mismatch(let module, let report) {
      throw FileError.malformed(file: path, expected: "the weights of \(module)", found: "\(report)")
    }
  }
}
