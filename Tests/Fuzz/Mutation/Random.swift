/// SplitMix64 (Steele, Lea and Flood, 2014): any state is a good start, so that each input has one of its own.
struct Random {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  /// A state for one input of one reader: what it is does not depend on what ran before it.
  init(seed: Int, reader: String, index: Int) {
    var start = Random(UInt64(bitPattern: Int64(seed)) ^ fnv(Array(reader.utf8)))
    self.init(start.word() ^ UInt64(index) &* 0x9E37_79B9_7F4A_7C15)
  }

  mutating func word() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A number of 0..<limit, 0 for an empty range.
  mutating func below(_ limit: Int) -> Int { limit <= 0 ? 0 : Int(word() % UInt64(limit)) }

  mutating func byte() -> UInt8 { UInt8(truncatingIfNeeded: word()) }

  mutating func isOne(in count: Int) -> Bool { below(count) == 0 }

  mutating func pick<T>(_ items: [T]) -> T? { items.isEmpty ? nil : items[below(items.count)] }
}

/// The FNV-1a hash of bytes.
func fnv(_ bytes: [UInt8]) -> UInt64 {
  bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
}

/// The bytes of a number, the lowest first.
func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

/// The bytes of a number, the highest first.
func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: value.bigEndian) { Array($0) }
}

/// The number that some bytes are, the lowest first.
func integer(_ bytes: some Sequence<UInt8>, isBigEndian: Bool = false) -> Int {
  let ordered = isBigEndian ? Array(bytes) : bytes.reversed()
  return ordered.suffix(7).reduce(0) { $0 << 8 | Int($1) }
}
