import NNCore

/// Weights in several files, with an index that says which key is where: `model.safetensors.index.json`, as
/// Hugging Face's libraries write it.
package enum ShardedIndex {
  /// Indices of more bytes are refused; those of the largest models have a few megabytes.
  package static let sizeLimit = 100_000_000

  /// Names of the files that an index names, each once. Throws `FileError`.
  package static func fileNames(at path: String) throws -> [String] {
    let file = try FileBytes(mapping: path).whole
    var seen: Set<String> = []
    return try FileError.naming(path) { try parse(file) }.map(\.file).filter { seen.insert($0).inserted }
  }

  /// Reads the files, which lie beside the index. Every key must be in the file that the index names, and no other.
  static func read(_ file: FileSlice, _ path: String) throws -> StateDict {
    let index = try FileError.naming(path) { try parse(file) }
    let folder = folderAndName(path).folder
    var state = StateDict()
    var shards: [String: StateDict] = [:]
    for (key, name) in index {
      let shard = try shards[name] ?? readShard(folder + name)
      shards[name] = shard
      guard let value = shard[key] else {
        throw FileError.malformed(
          file: folder + name, expected: "\(quoted(key)), as the index says", found: "no such key")
      }
      state[key] = value
      state.storedTypes[key] = shard.storedTypes[key]
    }
    for (name, shard) in shards.sorted(by: { $0.key < $1.key }) {
      if let extra = shard.keys.first(where: { state[$0] == nil }) {
        throw FileError.malformed(
          file: folder + name, expected: "only keys that the index lists", found: quoted(extra))
      }
      state.metadata.merge(shard.metadata) { first, _ in first }
    }
    return state
  }

  /// A safetensors file or a PyTorch checkpoint. Never an index: one that is named by itself would be read for ever.
  private static func readShard(_ path: String) throws -> StateDict {
    let file = try FileBytes(mapping: path).whole
    return try FileError.naming(path) {
      if Safetensors.matches(file) { return try Safetensors.read(file) }
      guard !path.hasSuffix(".json"), try TorchCheckpoint.reads(file, path) else {
        throw Malformed(
          expected: "a safetensors file or a PyTorch checkpoint, as an index names them",
          found: "another kind of file")
      }
      return try TorchCheckpoint(file, path).stateDict(nil)
    }
  }

  /// Keys and file names in the order of the index.
  private static func parse(_ file: FileSlice) throws -> [(key: String, file: String)] {
    guard file.count <= sizeLimit else {
      throw Malformed(expected: "an index of at most \(sizeLimit) bytes", found: "\(file.count)")
    }
    var entries: [(key: String, file: String)]?
    try file.withBytes { bytes in
      var scanner = JSONScanner(bytes)
      try scanner.object { scanner, field in
        guard field == "weight_map" else { return try scanner.skipValue() }
        var found: [(key: String, file: String)] = []
        try scanner.object { scanner, key in
          let name = try scanner.string()
          // The files of an index lie beside it.
          guard isPlainFileName(name) else {
            throw Malformed(expected: "the name of a file for \(quoted(key))", found: quoted(name))
          }
          found.append((key, name))
        }
        entries = found
      }
      try scanner.end()
    }
    guard let entries else {
      throw Malformed(expected: "\"weight_map\" in the index", found: "none")
    }
    return entries
  }
}
