import NNCore

/// Tensors by name in a fixed order: a module's parameters and buffers, or the content of a weight file.
///
/// Keys are PyTorch's (`layer1.0.conv1.weight`). Looking up a key takes constant time, going through the
/// entries keeps the order in which they were added or stand in the file.
public struct StateDict: Sendable {
  /// One named tensor.
  public typealias Element = (key: String, value: Tensor)

  private var entries: [Element] = []
  private var places: [String: Int] = [:]

  /// Text kept beside the tensors: `__metadata__` of a safetensors file, empty elsewhere.
  public var metadata: [String: String] = [:]
  /// Element types as a file held them, where they differ from the tensor's (`F16` is read as `float32`).
  var storedTypes: [String: StoredType] = [:]

  public init() {}

  /// Takes the entries in order.
  /// - Throws: `StateDictError.duplicateKey` if a key occurs twice.
  public init(_ entries: some Sequence<(key: String, value: Tensor)>) throws {
    for (key, value) in entries { try add(key, value) }
  }

  private mutating func add(_ key: String, _ value: Tensor) throws {
    guard places[key] == nil else { throw StateDictError.duplicateKey(key) }
    self[key] = value
  }

  /// The keys in order.
  public var keys: [String] { entries.map(\.key) }
  /// The tensors in order.
  public var values: [Tensor] { entries.map(\.value) }

  /// The tensor of a key, nil if there is none. Setting replaces in place, appends a new key at the end, and
  /// removes for nil (which takes time in proportion to the number of entries).
  public subscript(key: String) -> Tensor? {
    get { places[key].map { entries[$0].value } }
    set {
      switch (places[key], newValue) {
      case (let place?, let value?):
        entries[place].value = value
      case (nil, let value?):
        places[key] = entries.count
        entries.append((key, value))
      case (let place?, nil):
        entries.remove(at: place)
        places[key] = nil
        for later in place..<entries.count { places[entries[later].key] = later }
      case (nil, nil):
        break
      }
      // What a file held says nothing about a tensor that was put here since.
      if !storedTypes.isEmpty { storedTypes[key] = nil }
    }
  }

  /// Element type the file held for a key: that of the tensor, unless the reader had to widen it.
  public func storedType(of key: String) -> StoredType? {
    storedTypes[key] ?? self[key].map { StoredType($0.dtype) }
  }

  /// The same with what the file held as `BF16`, which reading widens to float32, as `bfloat16` tensors again: half the memory,
  /// and no value changes.
  public func keepingBFloat16() -> StateDict {
    var state = self
    for place in state.entries.indices where storedTypes[state.entries[place].key] == .bfloat16 {
      state.entries[place].value = state.entries[place].value.to(.bfloat16)
      state.storedTypes[state.entries[place].key] = nil
    }
    return state
  }
}

extension StateDict: RandomAccessCollection {
  public var startIndex: Int { 0 }
  public var endIndex: Int { entries.count }
  public subscript(place: Int) -> Element { entries[place] }
}

extension StateDict: ExpressibleByDictionaryLiteral {
  /// Entries in order. A key that occurs twice is a programmer's mistake and stops.
  public init(dictionaryLiteral elements: (String, Tensor)...) {
    for (key, value) in elements {
      require(places[key] == nil, "StateDict", "the key \(key) occurs twice")
      self[key] = value
    }
  }
}

extension StateDict: CustomStringConvertible {
  /// One line per tensor: key, shape, element type.
  public var description: String {
    entries.map { "\($0.key) \($0.value.shape) \($0.value.dtype)" }.joined(separator: "\n")
  }
}

// MARK: - Keys

extension StateDict {
  /// The entries that satisfy the condition, in order.
  public func filter(_ isIncluded: (Element) throws -> Bool) rethrows -> StateDict {
    var result = StateDict()
    result.metadata = metadata
    for entry in entries where try isIncluded(entry) {
      result[entry.key] = entry.value
      result.storedTypes[entry.key] = storedTypes[entry.key]
    }
    return result
  }

  /// The same tensors in the same order under other keys.
  /// - Throws: `StateDictError.duplicateKey` if two keys become the same.
  public func renaming(_ newKey: (String) throws -> String) throws -> StateDict {
    var result = StateDict()
    result.metadata = metadata
    for (key, value) in entries {
      let renamed = try newKey(key)
      try result.add(renamed, value)
      result.storedTypes[renamed] = storedTypes[key]
    }
    return result
  }

  /// Drops a prefix (`"module."` of DataParallel, `"model."` of Lightning) from the keys that have it; the
  /// others stay as they are, as in PyTorch's `consume_prefix_in_state_dict_if_present`.
  /// - Throws: `StateDictError.duplicateKey` if a key without the prefix is there as well.
  public func removingPrefix(_ prefix: String) throws -> StateDict {
    try renaming { $0.hasPrefix(prefix) ? String($0.dropFirst(prefix.count)) : $0 }
  }

  /// Only the entries whose keys begin with a prefix, without it: the state of one child module.
  public func part(_ prefix: String) -> StateDict {
    var result = StateDict()
    for (key, value) in entries where key.hasPrefix(prefix) {
      let rest = String(key.dropFirst(prefix.count))
      result[rest] = value
      result.storedTypes[rest] = storedTypes[key]
    }
    return result
  }

  /// Puts a prefix before every key.
  public func addingPrefix(_ prefix: String) -> StateDict {
    var result = StateDict()
    result.metadata = metadata
    for (key, value) in entries {
      result[prefix + key] = value
      result.storedTypes[prefix + key] = storedTypes[key]
    }
    return result
  }
}

/// What can be wrong with the keys of a state dictionary.
public enum StateDictError: Error, Equatable, CustomStringConvertible {
  case duplicateKey(String)

  public var description: String {
    switch self {
    case .duplicateKey(let key): "expected keys that differ, found \(quoted(key)) twice"
    }
  }
}
