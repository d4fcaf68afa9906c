import NNCore

/// A file of `torch.save`, in the zip format of PyTorch 1.6 and later or the older one: a pickle and the
/// storages that its tensors lie in. Nothing in the file can run.
package final class TorchCheckpoint {
  /// What was saved.
  package let root: PickleValue
  /// The bytes of a storage by its key.
  private let bytes: (String) throws -> FileSlice
  private let isBigEndian: Bool
  private var cache: [CacheKey: Storage] = [:]

  private struct CacheKey: Hashable {
    var key: String
    var type: StoredType
  }

  package convenience init(contentsOf path: String) throws {
    let file = try FileBytes(mapping: path).whole
    try self.init(file, path)
  }

  package convenience init(_ file: FileSlice, _ path: String) throws {
    self.init(try FileError.naming(path) { try TorchCheckpoint.parse(file) })
  }

  private init(_ parts: Parts) {
    root = parts.root
    bytes = parts.bytes
    isBigEndian = parts.isBigEndian
  }

  private struct Parts {
    var root: PickleValue
    var isBigEndian = false
    var bytes: (String) throws -> FileSlice
  }

  /// Reads a tensor. Those that shared memory when they were saved share it again.
  package func tensor(_ record: TensorRecord) throws -> Tensor {
    let key = CacheKey(key: record.storage.key, type: record.type)
    let storage = try cache[key] ?? readStorage(record)
    cache[key] = storage
    return Tensor(
      storage: storage, shape: record.shape, strides: record.strides, offset: record.offset,
      dtype: record.type.dtype)
  }

  private func readStorage(_ record: TensorRecord) throws -> Storage {
    let slice = try bytes(record.storage.key)
    let expected = record.storage.count * (record.storage.type?.byteCount ?? 1)
    guard slice.count == expected else {
      throw Malformed(
        expected: "\(expected) bytes in storage \(quoted(record.storage.key))", found: "\(slice.count)")
    }
    let whole = slice.count / record.type.byteCount * record.type.byteCount
    return try record.type.storage(slice.part(0..<whole), bigEndian: isBigEndian)
  }

  private static func parse(_ file: FileSlice) throws -> Parts {
    ZipArchive.matches(file) ? try parseZip(ZipArchive(file)) : try parseLegacy(file)
  }

  // MARK: Zip format

  /// Whether a zip file is a checkpoint: it has one folder with a `data.pkl`.
  static func matches(_ archive: ZipArchive) -> Bool { pickleEntry(archive) != nil }

  private static func pickleEntry(_ archive: ZipArchive) -> ZipArchive.Entry? {
    let candidates = archive.entries.filter { entry in
      entry.name.hasSuffix("/data.pkl") && entry.name.utf8.filter { $0 == UInt8(ascii: "/") }.count == 1
    }
    return candidates.count == 1 ? candidates[0] : nil
  }

  private static func parseZip(_ archive: ZipArchive) throws -> Parts {
    guard let entry = pickleEntry(archive) else {
      throw Malformed(expected: "one record data.pkl in a PyTorch checkpoint", found: "none")
    }
    let folder = entry.name.dropLast("data.pkl".count)
    if archive.entry(folder + "constants.pkl") != nil {
      throw Malformed(
        expected: "a checkpoint of torch.save", found: "a TorchScript program; save its state_dict()")
    }
    var isBigEndian = false
    if let order = archive.entry(folder + "byteorder") {
      let text = try archive.content(order).text("the record byteorder")
      guard ["little", "big"].contains(text) else {
        throw Malformed(expected: "little or big as byte order", found: quoted(text))
      }
      isBigEndian = text == "big"
    }
    var unpickler = Unpickler(try archive.content(entry), options: .init(storages: true, objects: true))
    let root = try unpickler.load()
    return Parts(root: root, isBigEndian: isBigEndian) { key in
      guard let entry = archive.entry("\(folder)data/\(key)") else {
        throw Malformed(expected: "a record \(quoted("\(folder)data/\(key)"))", found: "none")
      }
      return try archive.content(entry)
    }
  }

  // MARK: Older format

  /// 0x1950a86a20f9469cfc6c, by which PyTorch tells its files.
  private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]

  /// Three short pickles (magic number, version, the machine), the saved value, the list of storage keys, and
  /// per key the number of elements and the elements.
  private static func parseLegacy(_ file: FileSlice) throws -> Parts {
    var position = 0
    func load(_ options: Unpickler.Options = .init()) throws -> (PickleValue, Unpickler) {
      var unpickler = Unpickler(file, at: position, options: options)
      let value = try unpickler.load()
      position = unpickler.reader.position
      return (value, unpickler)
    }
    let (number, _) = try load()
    guard case .bigInt(let bytes) = number.heap.nodes[number.id], bytes == magic else {
      throw Malformed(expected: "PyTorch's magic number", found: number.summary)
    }
    let (version, _) = try load()
    guard version.int == 1001 else {
      throw Malformed(expected: "version 1001 of PyTorch's older format", found: version.summary)
    }
    let (machine, _) = try load()
    guard let order = machine["little_endian"], case .bool(true) = order.kind else {
      throw Malformed(expected: "a checkpoint of a little-endian machine", found: "another")
    }
    let (root, unpickler) = try load(.init(storages: true, objects: true))
    let (list, _) = try load()
    guard let keys = list.items?.compactMap(\.text), keys.count == list.items?.count else {
      throw Malformed(expected: "the list of storage keys", found: list.summary)
    }
    var reader = ByteReader(file, "the storages", at: position)
    var slices: [String: FileSlice] = [:]
    for key in keys {
      guard let record = unpickler.storages[key], slices[key] == nil else {
        throw Malformed(expected: "each storage of the pickle once", found: quoted(key))
      }
      let count = try reader.integer(Int64.self)
      guard count == record.count else {
        throw Malformed(expected: "\(record.count) elements in storage \(quoted(key))", found: "\(count)")
      }
      slices[key] = try reader.take(record.count * (record.type?.byteCount ?? 1))
    }
    guard reader.remaining == 0, slices.count == unpickler.storages.count else {
      throw Malformed(
        expected: "\(unpickler.storages.count) storages and the end of the file",
        found: "\(slices.count) storages and \(reader.remaining) bytes more")
    }
    return Parts(root: root) { [slices] key in
      if let slice = slices[key] { return slice }
      throw Malformed(expected: "storage \(quoted(key))", found: "none")
    }
  }
}

extension TorchCheckpoint {
  /// The tensors of the saved dictionary, or of a dictionary inside it.
  /// - Parameter key: where the dictionary of tensors is (`"state_dict"`, `"model"`), nil for the whole
  ///   value.
  func stateDict(_ key: String?) throws -> StateDict {
    var value = root
    if let key {
      guard let inner = root[key] else {
        throw Malformed(expected: "an entry \(quoted(key))", found: root.summary)
      }
      value = inner
    }
    guard case .dict(let pairs) = value.kind else {
      throw Malformed(expected: "a dictionary of tensors", found: value.summary)
    }
    var entries: [(key: String, record: TensorRecord)] = []
    for (name, value) in pairs {
      guard let name = name.text, case .tensor(let record) = value.kind else {
        let place = name.text.map(quoted) ?? name.summary
        // A checkpoint with more in it than the weights: the message lists what there is to choose from.
        let hint = key == nil ? "; name the part with key:" : ""
        throw Malformed(
          expected: "a dictionary of tensors only",
          found: "\(value.summary) under \(place) in \(root.summary)\(hint)")
      }
      entries.append((name, record))
    }
    return try stateDict(entries)
  }

  /// Reads tensors.
  func stateDict(_ entries: [(key: String, record: TensorRecord)]) throws -> StateDict {
    var state = StateDict()
    for (name, record) in entries {
      guard state[name] == nil else {
        throw Malformed(expected: "keys that differ", found: "\(quoted(name)) twice")
      }
      state[name] = try tensor(record)
      if StoredType(record.type.dtype) != record.type { state.storedTypes[name] = record.type }
    }
    return state
  }
}
