/// Reads the small part of JSON that a safetensors header consists of, strictly and without recursion.
struct JSONScanner {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  private func unexpected(_ expected: String) -> Malformed {
    let found =
      position < bytes.count
      ? "\(quoted(String(Unicode.Scalar(bytes[position])))) at byte \(position)" : "the end"
    return Malformed(expected: "\(expected) in the JSON header", found: found)
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
  }

  /// Consumes a character if it comes next, after white space.
  mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  mutating func expect(_ character: Unicode.Scalar) throws {
    if !take(character) { throw unexpected("'\(character)'") }
  }

  /// Reads `{"key": …, …}`, calling the closure where each value begins. A key that occurs twice is an error.
  mutating func object(_ value: (inout JSONScanner, String) throws -> Void) throws {
    try expect("{")
    if take("}") { return }
    var keys: Set<String> = []
    repeat {
      let key = try string()
      guard keys.insert(key).inserted else {
        throw Malformed(expected: "keys that differ in the JSON header", found: "\(quoted(key)) twice")
      }
      try expect(":")
      try value(&self, key)
    } while take(",")
    try expect("}")
  }

  /// Reads `[…, …]` of at most `limit` non-negative integers.
  mutating func integers(limit: Int) throws -> [Int] {
    try expect("[")
    if take("]") { return [] }
    var values: [Int] = []
    repeat {
      guard values.count < limit else { throw unexpected("at most \(limit) numbers in a list") }
      values.append(try integer())
    } while take(",")
    try expect("]")
    return values
  }

  private mutating func integer() throws -> Int {
    skipSpace()
    let start = position
    var value = 0
    while position < bytes.count, case let digit = bytes[position], (0x30...0x39).contains(digit) {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(Int(digit - 0x30))
      // JSON has no leading zeros.
      guard !overflow, !carry, position == start || bytes[start] != 0x30 else {
        throw unexpected("an integer of at most \(Int.max)")
      }
      value = sum
      position += 1
    }
    guard position > start else { throw unexpected("a non-negative integer") }
    return value
  }

  mutating func string() throws -> String {
    try expect("\"")
    var text: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw Malformed(expected: "UTF-8 text in the JSON header", found: "other bytes")
        }
        return string
      case UInt8(ascii: "\\"):
        text.append(contentsOf: String(try escape()).utf8)
      case ..<0x20:
        position -= 1
        throw unexpected("no control characters in text")
      default:
        text.append(byte)
      }
    }
    throw unexpected("the end of a text")
  }

  private mutating func escape() throws -> Unicode.Scalar {
    guard position < bytes.count else { throw unexpected("an escaped character") }
    position += 1
    switch bytes[position - 1] {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      let first = try codeUnit()
      guard UTF16.isLeadSurrogate(first) else {
        guard let scalar = Unicode.Scalar(UInt32(first)) else { throw unexpected("a whole surrogate pair") }
        return scalar
      }
      guard position + 2 <= bytes.count, bytes[position] == UInt8(ascii: "\\"),
        bytes[position + 1] == UInt8(ascii: "u")
      else { throw unexpected("a whole surrogate pair") }
      position += 2
      let second = try codeUnit()
      guard UTF16.isTrailSurrogate(second) else { throw unexpected("a whole surrogate pair") }
      let code = 0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00)
      guard let scalar = Unicode.Scalar(code) else { throw unexpected("a whole surrogate pair") }
      return scalar
    default:
      position -= 1
      throw unexpected("an escaped character")
    }
  }

  private mutating func codeUnit() throws -> UInt16 {
    var value: UInt16 = 0
    for _ in 0..<4 {
      guard position < bytes.count, let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue,
        bytes[position] < 0x80
      else { throw unexpected("four hexadecimal digits") }
      value = value << 4 | UInt16(digit)
      position += 1
    }
    return value
  }

  /// How deep lists and objects that are read over may be nested.
  static let depthLimit = 32

  /// Reads over any value, nested at most `depth` deep.
  mutating func skipValue(depth: Int = depthLimit) throws {
    guard depth > 0 else { throw unexpected("less deeply nested values") }
    skipSpace()
    guard position < bytes.count else { throw unexpected("a value") }
    switch bytes[position] {
    case UInt8(ascii: "{"): try object { scanner, _ in try scanner.skipValue(depth: depth - 1) }
    case UInt8(ascii: "\""): _ = try string()
    case UInt8(ascii: "["):
      try expect("[")
      if take("]") { return }
      repeat { try skipValue(depth: depth - 1) } while take(",")
      try expect("]")
    default:
      // A number, true, false or null.
      let start = position
      while position < bytes.count, case let byte = bytes[position],
        byte < 0x80,
        Character(Unicode.Scalar(byte)).isLetter || Character(Unicode.Scalar(byte)).isNumber
          || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+") || byte == UInt8(ascii: ".")
      { position += 1 }
      if position == start { throw unexpected("a value") }
    }
  }

  /// Only white space may follow.
  mutating func end() throws {
    skipSpace()
    if position < bytes.count { throw unexpected("the end") }
  }
}

/// A text in quotes as JSON writes it.
func jsonQuoted(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\n": result += "\\n"
    case "\r": result += "\\r"
    case "\t": result += "\\t"
    case "\u{0}"..<"\u{20}":
      let digits = String(scalar.value, radix: 16)
      result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}
