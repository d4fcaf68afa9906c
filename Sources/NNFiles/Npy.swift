import NNCore

/// NumPy's array files. https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
enum Npy {
  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// Reads an array; `name` stands in messages: "the file", "w.npy".
  static func read(_ file: FileSlice, _ name: String = "the file") throws -> (Tensor, StoredType) {
    guard file.hasPrefix(magic) else {
      throw Malformed(expected: "an array of NumPy (.npy) in \(name)", found: "another beginning")
    }
    var reader = ByteReader(file, name)
    try reader.skip(magic.count)
    let major = try reader.integer(UInt8.self)
    let minor = try reader.integer(UInt8.self)
    guard (1...3).contains(major), minor == 0 else {
      throw Malformed(expected: "version 1.0, 2.0 or 3.0 of the .npy format", found: "\(major).\(minor)")
    }
    let length = try major == 1 ? reader.length(UInt16.self) : reader.length(UInt32.self)
    let header = try parseHeader(reader.text(length))
    let layout = try ArrayLayout(descriptor: header.descriptor)
    let count = try checkedCount(header.shape, of: name)
    guard reader.remaining == count * layout.type.byteCount else {
      throw Malformed(
        expected: "\(count * layout.type.byteCount) bytes of data in \(name) for shape \(header.shape)",
        found: "\(reader.remaining)")
    }
    let tensor = try layout.tensor(
      reader.take(reader.remaining), shape: header.shape, isColumnMajor: header.isColumnMajor)
    return (tensor, layout.type)
  }

  private struct Header {
    var descriptor: String
    var isColumnMajor: Bool
    var shape: [Int]
  }

  /// The header is a Python dictionary with three fixed keys; nothing else is understood, nothing is
  /// evaluated.
  private static func parseHeader(_ text: String) throws -> Header {
    var scanner = LiteralScanner(text)
    var descriptor: String?
    var isColumnMajor: Bool?
    var shape: [Int]?
    try scanner.expect("{")
    while !scanner.take("}") {
      let key = try scanner.string()
      try scanner.expect(":")
      switch key {
      case "descr" where descriptor == nil: descriptor = try scanner.string()
      case "fortran_order" where isColumnMajor == nil: isColumnMajor = try scanner.bool()
      case "shape" where shape == nil: shape = try scanner.tuple()
      default:
        throw Malformed(
          expected: "descr, fortran_order and shape in the .npy header", found: "\(quoted(key)) or a repeat")
      }
      if !scanner.take(",") {
        try scanner.expect("}")
        break
      }
    }
    try scanner.end()
    guard let descriptor, let isColumnMajor, let shape else {
      throw Malformed(
        expected: "descr, fortran_order and shape in the .npy header", found: "some of them missing")
    }
    return Header(descriptor: descriptor, isColumnMajor: isColumnMajor, shape: shape)
  }

  /// The header of a row-major array.
  private static func header(_ tensor: Tensor) -> [UInt8] {
    let kind =
      switch tensor.dtype {
      case .bool: "|b1"
      case .uint8: "|u1"
      case .int32: "<i4"
      case .int64: "<i8"
      case .bfloat16, .float32: "<f4"
      case .float64: "<f8"
      }
    let sizes = tensor.shape.map { "\($0)," }.joined(separator: " ")
    let shape = tensor.rank == 1 ? "(\(sizes))" : "(\(sizes.dropLast()))"
    let text = "{'descr': '\(kind)', 'fortran_order': False, 'shape': \(shape), }"
    // The data begin at a multiple of 64 bytes. Long shapes need the longer length of version 2.
    let isLong = text.utf8.count + 128 > UInt16.max
    let prefix = magic.count + 2 + (isLong ? 4 : 2)
    let padding = 63 - (prefix + text.utf8.count) % 64
    let header = Array((text + String(repeating: " ", count: padding) + "\n").utf8)
    var bytes = magic + [isLong ? 2 : 1, 0]
    for place in 0..<(isLong ? 4 : 2) { bytes.append(UInt8(truncatingIfNeeded: header.count >> (8 * place))) }
    return bytes + header
  }

  static func write(_ tensor: Tensor, to path: String) throws {
    try AtomicFile.write(path) { file in try encode(tensor) { try file.write($0) } }
  }

  /// Hands out the bytes of a file piece by piece.
  fileprivate static func encode(
    _ tensor: Tensor, _ write: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    // NumPy has no bfloat16.
    let dense = tensor.detach().to(.cpu).to(tensor.dtype.ofArithmetic).contiguous()
    try header(dense).withUnsafeBytes { try write($0) }
    try withExtendedLifetime(dense) { try StoredType(dense.dtype).encode(dense, write) }
  }

  fileprivate static func byteCount(_ tensor: Tensor) -> Int {
    header(tensor).count + tensor.count * tensor.dtype.ofArithmetic.byteCount
  }
}

/// A zip file of .npy files, NumPy's `savez` and `savez_compressed`.
enum Npz {
  static func write(_ state: StateDict, to path: String) throws {
    try ZipWriter.write(path) { zip in
      for (key, value) in state {
        guard staysBelow(key) else {
          throw FileError.unwritable(file: path, reason: "\(quoted(key)) cannot be the name of an array")
        }
        try zip.add("\(key).npy", byteCount: Npy.byteCount(value)) { write in try Npy.encode(value, write) }
      }
    }
  }

  static func read(_ file: FileSlice) throws -> StateDict {
    let archive = try ZipArchive(file)
    var state = StateDict()
    for entry in archive.entries {
      guard entry.name.hasSuffix(".npy") else {
        throw Malformed(expected: "only .npy files in an .npz file", found: quoted(entry.name))
      }
      let key = String(entry.name.dropLast(4))
      let (tensor, type) = try Npy.read(archive.content(entry), quoted(entry.name))
      state[key] = tensor
      if StoredType(tensor.dtype) != type { state.storedTypes[key] = type }
    }
    return state
  }
}

/// Reads the few Python literals of a .npy header.
private struct LiteralScanner {
  private var rest: Substring.UnicodeScalarView

  init(_ text: String) { rest = Substring(text).unicodeScalars }

  private func unexpected(_ expected: String) -> Malformed {
    Malformed(expected: "\(expected) in the .npy header", found: quoted(String(rest.prefix(20))))
  }

  mutating func take(_ word: String) -> Bool {
    rest = rest.drop { " \n\t\r".unicodeScalars.contains($0) }
    guard rest.starts(with: word.unicodeScalars) else { return false }
    rest = rest.dropFirst(word.unicodeScalars.count)
    return true
  }

  mutating func expect(_ word: String) throws {
    if !take(word) { throw unexpected(quoted(word)) }
  }

  mutating func bool() throws -> Bool {
    if take("True") { return true }
    if take("False") { return false }
    throw unexpected("True or False")
  }

  mutating func string() throws -> String {
    let quote: Unicode.Scalar = take("'") ? "'" : "\""
    if quote == "\"" { try expect("\"") }
    let text = rest.prefix { $0 != quote && $0 != "\\" }
    rest = rest.dropFirst(text.count)
    if rest.first != quote { throw unexpected("a text in quotes") }
    rest = rest.dropFirst()
    return String(text)
  }

  mutating func tuple() throws -> [Int] {
    try expect("(")
    var values: [Int] = []
    while !take(")") {
      guard values.count < 64 else { throw unexpected("at most 64 dimensions") }
      values.append(try integer())
      if !take(",") {
        // A number in parentheses alone is no tuple.
        guard values.count > 1 else { throw unexpected("a comma") }
        try expect(")")
        break
      }
    }
    return values
  }

  private mutating func integer() throws -> Int {
    _ = take("")
    let digits = rest.prefix { ("0"..."9").contains($0) }
    guard let value = Int(String(digits)) else { throw unexpected("an integer of at most \(Int.max)") }
    rest = rest.dropFirst(digits.count)
    // Python 2 wrote long integers with an L.
    _ = rest.first == "L" ? rest.removeFirst() : nil
    return value
  }

  mutating func end() throws {
    _ = take("")
    if !rest.isEmpty { throw unexpected("the end") }
  }
}
