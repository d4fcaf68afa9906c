import NNCore

/// A weight file before it is known which of its tensors are wanted: the dictionaries of tensors in it, with shapes only.
package struct WeightFile {
  /// One dictionary of tensors.
  package struct Part {
    /// The keys that lead to it, joined by dots; empty for the whole file.
    package let path: String
    /// What is in it, in the order of the file.
    package let tensors: [(key: String, shape: [Int], isFloatingPoint: Bool)]
    /// Keys of values that are no tensors, which are passed over.
    package let others: [String]
    fileprivate let read: (Set<String>) throws -> StateDict

    /// Reads the tensors of some keys.
    package func state(of keys: Set<String>, file: String) throws -> StateDict {
      try FileError.naming(file) { try read(keys) }
    }
  }

  package let path: String
  /// In the order of the file, the outer before the inner.
  package let parts: [Part]
  /// Text beside the tensors of a safetensors file.
  package let metadata: [String: String]

  /// Opens a file of any of the formats of `StateDict(contentsOf:)`. Objects of unknown classes in a checkpoint are passed
  /// over; of a pickled module the parameters and buffers are a dictionary too.
  ///
  /// - Throws: `FileError` if it cannot be read or has no tensors with names.
  package init(contentsOf path: String) throws {
    self.path = path
    let file = try FileBytes(mapping: path).whole
    if try !path.hasSuffix(".index.json") && FileError.naming(path, { try TorchCheckpoint.reads(file, path) })
    {
      let checkpoint = try TorchCheckpoint(file, path)
      metadata = [:]
      parts = checkpoint.parts
      guard !parts.isEmpty else {
        throw FileError.malformed(file: path, expected: "tensors with names", found: checkpoint.root.summary)
      }
      return
    }
    let state = try StateDict(file, path)
    metadata = state.metadata
    let tensors = state.map { ($0.key, $0.value.shape, $0.value.dtype.isFloatingPoint) }
    parts = [Part(path: "", tensors: tensors, others: []) { keys in state.filter { keys.contains($0.key) } }]
  }
}

extension TorchCheckpoint {
  // Bounds on what hostile files may ask for; values of a pickle can be reached in many ways.
  /// Dictionaries of tensors lie no deeper in checkpoints.
  private static let depthLimit = 5
  /// Dictionaries with tensors in one checkpoint.
  private static let partLimit = 1_000
  /// Modules in modules.
  private static let moduleDepthLimit = 64
  /// Entries of dictionaries that are looked at.
  private static let entryLimit = 4_000_000
  /// Bytes in the name of a tensor.
  fileprivate static let nameLimit = 1_000

  /// The dictionaries with tensors, breadth first, each once.
  fileprivate var parts: [WeightFile.Part] {
    var found: [WeightFile.Part] = []
    var seen: Set<Int> = []
    var queue: [(path: [String], value: PickleValue)] = [([], root)]
    var (place, budget) = (0, Self.entryLimit)
    while place < queue.count, found.count < Self.partLimit, budget > 0 {
      let (path, value) = queue[place]
      place += 1
      guard seen.insert(value.id).inserted else { continue }
      var tensors: [(key: String, record: TensorRecord)] = []
      var others: [String] = []
      switch value.kind {
      case .name: tensors = moduleTensors(value, &budget)
      case .dict(let pairs):
        budget -= pairs.count
        for (key, value) in pairs {
          // Numbers as keys belong to optimizers.
          guard let key = key.text, key.isName else { continue }
          switch value.kind {
          case .tensor(let record): tensors.append((key, record))
          case .dict, .name:
            others.append(key)
            if path.count < Self.depthLimit { queue.append((path + [key], value)) }
          default: others.append(key)
          }
        }
      default: continue
      }
      guard !tensors.isEmpty else { continue }
      found.append(
        WeightFile.Part(
          path: path.joined(separator: "."),
          tensors: tensors.map { ($0.key, $0.record.shape, $0.record.type.dtype.isFloatingPoint) },
          others: others, read: { keys in try self.stateDict(tensors.filter { keys.contains($0.key) }) }))
    }
    return found
  }

  /// The state dict of a module that was saved as a whole: `_parameters` and `_buffers` of it and, under their names, of
  /// its `_modules`. Empty for other objects.
  ///
  /// - Parameter budget: entries that may still be looked at.
  private func moduleTensors(_ module: PickleValue, _ budget: inout Int) -> [(
    key: String, record: TensorRecord
  )] {
    var found: [(key: String, record: TensorRecord)] = []
    var stack: [(prefix: String, value: PickleValue, depth: Int)] = [("", module, 0)]
    while let (prefix, value, depth) = stack.popLast(), budget > 0 {
      guard let attributes = value.state, depth <= Self.moduleDepthLimit else { continue }
      func pairs(_ name: String) -> [(key: PickleValue, value: PickleValue)] {
        let pairs = attributes[name]?.pairs ?? []
        budget -= pairs.count
        return pairs
      }
      budget -= 1 + (attributes.pairs?.count ?? 0)
      let volatile = attributes["_non_persistent_buffers_set"]?.elements ?? []
      budget -= volatile.count
      let skipped = Set(volatile.compactMap(\.text))
      let buffers = pairs("_buffers").filter { !($0.key.text.map(skipped.contains) ?? true) }
      for (key, value) in pairs("_parameters") + buffers {
        guard let key = key.text, case .tensor(let record) = value.kind, (prefix + key).isName else {
          continue
        }
        found.append((prefix + key, record))
      }
      let children = pairs("_modules").compactMap { key, value -> (String, PickleValue, Int)? in
        guard let key = key.text, (prefix + key).isName else { return nil }
        return (prefix + key + ".", value, depth + 1)
      }
      stack += children.reversed()
    }
    return found
  }
}

extension String {
  /// Whether a text from a file is short enough for the name of a tensor.
  fileprivate var isName: Bool { utf8.count <= TorchCheckpoint.nameLimit }
}
