/// Makes inputs of good ones: changes inside a part of the file whose lengths and checksums are then made right again, so
/// that they reach behind the first check, and changes of the bytes as they are, so that these checks are tried too.
struct Mutator {
  private struct Seed {
    var bytes: [UInt8]
    /// Nil for a file that the layout cannot take apart.
    var parts: [[UInt8]]?
    /// Where the parts begin in the bytes: lengths stand near.
    var borders: [Int]
  }

  private let layout: Layout
  private let tokens: [[UInt8]]
  private let seeds: [Seed]
  /// Longer inputs are cut.
  private static let sizeLimit = 1 << 20

  init(_ layout: Layout, tokens: [[UInt8]], seeds: [[UInt8]]) {
    self.layout = layout
    self.tokens = tokens
    self.seeds = seeds.map { bytes in
      let parts = layout.split(bytes)
      var (borders, place) = ([0], 0)
      for part in parts ?? [] {
        if let found = Self.find(part.prefix(16), in: bytes, from: place) {
          borders.append(found)
          place = found + part.count
        }
      }
      return Seed(bytes: bytes, parts: parts, borders: borders)
    }
  }

  private static func find(_ part: ArraySlice<UInt8>, in bytes: [UInt8], from start: Int) -> Int? {
    guard !part.isEmpty, start + part.count <= bytes.count else { return nil }
    let last = Swift.min(bytes.count - part.count, start + 4_096)
    return start > last ? nil : (start...last).first { bytes[$0..<$0 + part.count].elementsEqual(part) }
  }

  func input(_ random: inout Random) -> [UInt8] {
    guard let seed = random.pick(seeds) else { return [] }
    var bytes: [UInt8]
    if var parts = seed.parts, !parts.isEmpty, !random.isOne(in: 3) {
      for _ in 0..<times(&random) { changeParts(&parts, &random) }
      bytes = layout.join(parts)
      if random.isOne(in: 8) { change(&bytes, near: seed.borders, &random) }
    } else {
      bytes = seed.bytes
      for _ in 0..<times(&random) { change(&bytes, near: seed.borders, &random) }
    }
    return bytes.count > Self.sizeLimit ? Array(bytes.prefix(Self.sizeLimit)) : bytes
  }

  /// Mostly one change: what differs less from a good file gets further.
  private func times(_ random: inout Random) -> Int { random.isOne(in: 2) ? 1 : 2 + random.below(4) }

  // MARK: Parts

  private func changeParts(_ parts: inout [[UInt8]], _ random: inout Random) {
    let place = random.below(parts.count)
    if parts.isEmpty { return }
    switch random.below(12) {
    case 0: parts.remove(at: place)
    case 1: parts.insert(parts[place], at: random.below(parts.count + 1))
    case 2: parts.swapAt(place, random.below(parts.count))
    case 3:
      // A part of another file.
      guard let other = random.pick(seeds)?.parts, let part = random.pick(other) else { return }
      if random.isOne(in: 2) { parts[place] = part } else { parts.insert(part, at: place) }
    case 4:
      // The rest of another file.
      guard let other = random.pick(seeds)?.parts else { return }
      parts = Array(parts[..<place]) + other[Swift.min(place, other.count)...]
    default: change(&parts[place], near: [0], &random)
    }
  }

  // MARK: Bytes

  /// Values at which lengths, sizes and counters break.
  private static let integers: [UInt64] = [
    0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 63, 64, 100, 127, 128, 255, 256, 511, 512, 1023, 1024, 4095, 4096,
    13_377,
    32_767, 32_768, 65_535, 65_536, 0xFF_FFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, 0xFFFF_FFFF,
    0x1_0000_0000, 1 << 53, 1 << 60, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, .max - 1, .max,
  ]

  private func change(_ bytes: inout [UInt8], near borders: [Int], _ random: inout Random) {
    guard !bytes.isEmpty else {
      bytes = random.pick(tokens) ?? [random.byte()]
      return
    }
    let place = self.place(in: bytes, near: borders, &random)
    switch random.below(14) {
    case 0, 1: bytes[place] ^= 1 << UInt8(random.below(8))
    case 2: bytes[place] = random.byte()
    case 3: bytes[place] &+= random.isOne(in: 2) ? 1 : 255
    case 4, 5, 6: putInteger(&bytes, at: place, &random)
    case 7:
      guard let token = random.pick(tokens) else { return }
      bytes.replaceSubrange(place..<Swift.min(place + token.count, bytes.count), with: token)
    case 8:
      guard let token = random.pick(tokens) else { return }
      bytes.insert(contentsOf: token, at: place)
    case 9: bytes.removeSubrange(place..<Swift.min(place + 1 + random.below(16), bytes.count))
    case 10: bytes.removeSubrange(Swift.max(place, bytes.count / 8)...)
    case 11:
      // A block once more, or many times.
      let part = Array(bytes[place..<Swift.min(place + 1 + random.below(64), bytes.count)])
      let times = random.isOne(in: 8) ? 200 : 1
      bytes.insert(
        contentsOf: Array(repeating: part, count: times).joined(), at: random.below(bytes.count + 1))
    case 12:
      let count = Swift.min(1 + random.below(64), bytes.count - place)
      let target = random.below(bytes.count - count + 1)
      for offset in 0..<count { bytes.swapAt(place + offset, target + offset) }
    default:
      // The end of another file.
      guard let other = random.pick(seeds)?.bytes, !other.isEmpty else { return }
      bytes = Array(bytes[..<place]) + other[random.below(other.count)...]
    }
  }

  private func place(in bytes: [UInt8], near borders: [Int], _ random: inout Random) -> Int {
    switch random.below(4) {
    case 0: random.below(bytes.count)
    case 1: random.below(Swift.min(bytes.count, 64))
    default:
      Swift.min(
        bytes.count - 1, Swift.max(0, (random.pick(borders) ?? 0) - 16 + random.below(48)))
    }
  }

  /// An integer in one of both orders, or in digits where there are some.
  private func putInteger(_ bytes: inout [UInt8], at place: Int, _ random: inout Random) {
    let value = random.pick(Self.integers) ?? 0
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    if let start = bytes[place...].prefix(64).firstIndex(where: digits.contains), !random.isOne(in: 4) {
      let end = bytes[start...].firstIndex { !digits.contains($0) } ?? bytes.count
      let sign = random.isOne(in: 6) ? "-" : ""
      bytes.replaceSubrange(start..<end, with: Array("\(sign)\(value)".utf8))
      return
    }
    let width = [1, 2, 4, 8][random.below(4)]
    var number = Array(littleEndian(value).prefix(width))
    if random.isOne(in: 2) { number.reverse() }
    for (offset, byte) in number.enumerated() where place + offset < bytes.count {
      bytes[place + offset] = byte
    }
  }
}
