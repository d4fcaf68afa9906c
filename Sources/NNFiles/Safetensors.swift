import NNCore

/// The safetensors format: 8 bytes of header length, a JSON header, the tensors' bytes.
/// https://huggingface.co/docs/safetensors
enum Safetensors {
  /// Longest header that the reference implementation takes.
  static let headerLimit = 100_000_000
  static let metadataKey = "__metadata__"

  /// One tensor as the header describes it; the range counts from the end of the header.
  struct Entry {
    var key: String
    var type: StoredType
    var shape: [Int]
    var range: Range<Int>
  }

  /// Whether bytes begin like a safetensors file.
  static func matches(_ file: FileSlice) -> Bool {
    var reader = ByteReader(file, "the file")
    guard let length = try? reader.integer(UInt64.self) else { return false }
    return length <= UInt64(Swift.max(reader.remaining, 0)) && file.hasPrefix([UInt8(ascii: "{")], at: 8)
  }

  static func read(_ file: FileSlice) throws -> StateDict {
    let (entries, metadata, data) = try readHeader(file)
    var state = StateDict()
    state.metadata = metadata
    for entry in entries {
      let storage = try entry.type.storage(data.part(entry.range))
      state[entry.key] = Tensor(storage: storage, shape: entry.shape, dtype: entry.type.dtype)
      if StoredType(entry.type.dtype) != entry.type { state.storedTypes[entry.key] = entry.type }
    }
    return state
  }

  /// The entries in the order of the header, whose ranges are known to fill the data without gap or overlap.
  static func readHeader(
    _ file: FileSlice
  ) throws -> (entries: [Entry], metadata: [String: String], data: FileSlice) {
    guard file.count >= 8 else {
      throw Malformed(expected: "a safetensors file of at least 8 bytes", found: "\(file.count)")
    }
    var reader = ByteReader(file, "the file")
    let stated = try reader.integer(UInt64.self)
    guard let length = Int(exactly: stated), length <= headerLimit, length <= reader.remaining else {
      throw Malformed(
        expected: "a header length of at most \(Swift.min(reader.remaining, headerLimit))", found: "\(stated)"
      )
    }
    let header = try reader.take(length)
    guard header.hasPrefix([UInt8(ascii: "{")]) else {
      throw Malformed(expected: "a JSON header that begins with '{'", found: "something else")
    }
    let (entries, metadata) = try header.withBytes { try parse($0) }
    let data = try reader.take(reader.remaining)
    try checkLayout(entries, dataCount: data.count)
    return (entries, metadata, data)
  }

  private static func parse(_ bytes: UnsafeRawBufferPointer) throws -> ([Entry], [String: String]) {
    var entries: [Entry] = []
    var metadata: [String: String] = [:]
    var scanner = JSONScanner(bytes)
    try scanner.object { scanner, key in
      if key == metadataKey {
        try scanner.object { scanner, key in metadata[key] = try scanner.string() }
      } else {
        entries.append(try parseEntry(&scanner, key))
      }
    }
    try scanner.end()
    return (entries, metadata)
  }

  private static func parseEntry(_ scanner: inout JSONScanner, _ key: String) throws -> Entry {
    var typeName: String?
    var shape: [Int]?
    var offsets: [Int]?
    try scanner.object { scanner, field in
      switch field {
      case "dtype": typeName = try scanner.string()
      case "shape": shape = try scanner.integers(limit: rankLimit)
      case "data_offsets": offsets = try scanner.integers(limit: 2)
      default:
        throw Malformed(
          expected: "dtype, shape and data_offsets for \(quoted(key))", found: "field \(quoted(field))")
      }
    }
    guard let typeName, let shape, let offsets, offsets.count == 2 else {
      throw Malformed(
        expected: "dtype, shape and two data_offsets for \(quoted(key))", found: "some of them missing")
    }
    guard let type = StoredType(rawValue: typeName) else {
      let known = StoredType.allCases.map(\.rawValue).joined(separator: " ")
      throw Malformed(expected: "one of \(known) as dtype of \(quoted(key))", found: quoted(typeName))
    }
    let byteCount = try checkedCount(shape, of: quoted(key)) * type.byteCount
    guard offsets[0] <= offsets[1], offsets[1] - offsets[0] == byteCount else {
      throw Malformed(
        expected: "\(byteCount) bytes for \(quoted(key)) (\(type) \(shape))",
        found: "data_offsets \(offsets)")
    }
    return Entry(key: key, type: type, shape: shape, range: offsets[0]..<offsets[1])
  }

  private static func checkLayout(_ entries: [Entry], dataCount: Int) throws {
    var end = 0
    let ordered = entries.sorted {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    for entry in ordered {
      guard entry.range.lowerBound == end else {
        throw Malformed(
          expected: "the data of \(quoted(entry.key)) to begin at byte \(end)",
          found: "byte \(entry.range.lowerBound)")
      }
      end = entry.range.upperBound
    }
    guard end == dataCount else {
      throw Malformed(expected: "\(end) bytes after the header", found: "\(dataCount)")
    }
  }
}

// MARK: - Writing

extension Safetensors {
  static func write(
    _ state: StateDict, to path: String, metadata: [String: String],
    storing type: (StateDict.Element) -> StoredType
  ) throws {
    var entries: [Entry] = []
    for (key, value) in state {
      guard key != metadataKey else {
        throw FileError.unwritable(file: path, reason: "\(metadataKey) cannot be the key of a tensor")
      }
      entries.append(Entry(key: key, type: type((key, value)), shape: value.shape, range: 0..<0))
    }
    // Wide elements first, so that every tensor begins at a multiple of its element size.
    let order = entries.indices.sorted {
      (entries[$1].type.byteCount, $0) < (entries[$0].type.byteCount, $1)
    }
    var end = 0
    for place in order {
      let byteCount = state[place].value.count * entries[place].type.byteCount
      entries[place].range = end..<end + byteCount
      end += byteCount
    }
    let header = headerBytes(entries, metadata)
    guard header.count <= headerLimit else {
      throw FileError.unwritable(
        file: path, reason: "the header would be \(header.count) bytes long, more than \(headerLimit)")
    }
    try AtomicFile.write(path) { file in
      try file.write(withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) })
      try file.write(header)
      for place in order {
        let value = state[place].value.detach().to(.cpu).contiguous()
        do {
          try withExtendedLifetime(value) { try entries[place].type.encode(value) { try file.write($0) } }
        } catch let error as Malformed {
          let reason = "\(quoted(entries[place].key)): expected \(error.expected), found \(error.found)"
          throw FileError.unwritable(file: path, reason: reason)
        }
      }
    }
  }

  /// The JSON header, filled up with spaces to a multiple of 8 bytes. Equal dictionaries give equal bytes.
  private static func headerBytes(_ entries: [Entry], _ metadata: [String: String]) -> [UInt8] {
    var fields: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { "\(jsonQuoted($0.key)):\(jsonQuoted($0.value))" }
      fields.append("\"\(metadataKey)\":{\(pairs.joined(separator: ","))}")
    }
    for entry in entries {
      let shape = entry.shape.map(String.init).joined(separator: ",")
      fields.append(
        "\(jsonQuoted(entry.key)):{\"dtype\":\"\(entry.type)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(entry.range.lowerBound),\(entry.range.upperBound)]}")
    }
    var bytes = Array("{\(fields.joined(separator: ","))}".utf8)
    bytes += Array(repeating: UInt8(ascii: " "), count: (8 - bytes.count % 8) % 8)
    return bytes
  }
}
