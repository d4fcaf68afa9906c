import CZlib
import NNCore

/// The records of a zip file, read by the central directory.
///
/// Stricter than zip tools: every count, size, offset, name and checksum must agree with the others, and
/// records may neither overlap nor be encrypted. libarchive, which the data sets are unpacked with, accepts
/// directories that contradict the records, and copies what is read here in place.
/// Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
package struct ZipArchive: Sendable {
  package struct Entry: Sendable {
    package var name: String
    var isDeflated: Bool
    /// Size of the content in bytes.
    var byteCount: Int
    fileprivate var flags: UInt16
    fileprivate var checksum: UInt32
    fileprivate var storedByteCount: Int
    fileprivate var headerOffset: Int
    fileprivate var dataOffset = 0
  }

  /// In the order of the central directory.
  package let entries: [Entry]
  private let places: [String: Int]
  private let file: FileSlice

  package static func matches(_ file: FileSlice) -> Bool {
    file.hasPrefix(Array("PK\u{3}\u{4}".utf8)) || file.hasPrefix(Array("PK\u{5}\u{6}".utf8))
  }

  // Deflate can pack a thousandfold; weights and arrays that are worth keeping come nowhere near.
  /// Bytes that the packed entries of a file may unfold to: so many for each byte of it, but so many always.
  private static let expansionFactor = 100
  private static let expansionMinimum = 16 << 20

  package init(_ file: FileSlice) throws {
    let directory = try ZipArchive.findDirectory(file)
    var entries = try ZipArchive.readDirectory(file, directory)
    for place in entries.indices {
      try ZipArchive.checkRecord(file, &entries[place], end: directory.range.lowerBound)
    }
    var end = 0
    for entry in entries.sorted(by: { $0.headerOffset < $1.headerOffset }) {
      guard entry.headerOffset >= end else {
        throw Malformed(
          expected: "zip records that do not overlap", found: "\(quoted(entry.name)) in another")
      }
      end = entry.dataOffset + entry.storedByteCount
    }
    let (many, overflow) = file.count.multipliedReportingOverflow(by: Self.expansionFactor)
    let limit = overflow ? Int.max : Swift.max(Self.expansionMinimum, many)
    var expanded = 0
    for entry in entries where entry.isDeflated {
      let (sum, overflow) = expanded.addingReportingOverflow(entry.byteCount)
      guard !overflow, sum <= limit else {
        throw Malformed(expected: "at most \(limit) bytes of packed content", found: "more")
      }
      expanded = sum
    }
    var places: [String: Int] = [:]
    for (place, entry) in entries.enumerated() {
      guard places.updateValue(place, forKey: entry.name) == nil else {
        throw Malformed(expected: "zip records of different names", found: "\(quoted(entry.name)) twice")
      }
    }
    self.entries = entries
    self.places = places
    self.file = file
  }

  func entry(_ name: String) -> Entry? { places[name].map { entries[$0] } }

  /// The content of a record, whose CRC-32 is checked.
  package func content(_ entry: Entry) throws -> FileSlice {
    let stored = try file.part(entry.dataOffset..<entry.dataOffset + entry.storedByteCount)
    let content = entry.isDeflated ? try inflate(stored, to: entry) : stored
    let checksum = content.withBytes { bytes in
      crc32_z(0, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
    }
    // zlib returns 0 for no bytes at no address, which is their CRC-32.
    guard UInt32(truncatingIfNeeded: checksum) == entry.checksum else {
      throw Malformed(expected: "the CRC-32 of \(quoted(entry.name)) to hold", found: "changed bytes")
    }
    return content
  }
}

// MARK: - Directory

extension ZipArchive {
  private struct Directory {
    var count: Int
    var range: Range<Int>
  }

  /// The record at the end of the file that says where the directory is, and its 64-bit form.
  private static func findDirectory(_ file: FileSlice) throws -> Directory {
    let endSize = 22
    let missing = Malformed(expected: "a zip directory at the end of the file", found: "none")
    // A comment of up to 65,535 bytes may follow, and must then reach exactly to the end.
    let earliest = Swift.max(0, file.count - endSize - 0xFFFF)
    let signature = Array("PK\u{5}\u{6}".utf8)
    let position = file.withBytes { bytes -> Int? in
      for place in stride(from: bytes.count - endSize, through: earliest, by: -1)
      where bytes[place] == signature[0] && bytes[place..<place + 4].elementsEqual(signature) {
        let comment = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: place + 20, as: UInt16.self))
        if place + endSize + Int(comment) == bytes.count { return place }
      }
      return nil
    }
    guard let position else { throw missing }
    var reader = ByteReader(file, "the zip directory", at: position + 4)
    let disk = try reader.integer(UInt16.self)
    let directoryDisk = try reader.integer(UInt16.self)
    let countHere = try reader.integer(UInt16.self)
    let count = try reader.integer(UInt16.self)
    let size = try reader.integer(UInt32.self)
    let offset = try reader.integer(UInt32.self)
    guard disk == 0, directoryDisk == 0, countHere == count else {
      throw Malformed(expected: "a zip file in one part", found: "several")
    }
    var directory = try Directory(count: Int(count), range: directoryRange(UInt64(offset), UInt64(size)))
    var end = position
    if let (long, longPosition) = try findLongDirectory(file, before: position) {
      guard count == .max || Int(count) == long.count,
        size == .max || Int(size) == long.range.count,
        offset == .max || Int(offset) == long.range.lowerBound
      else { throw Malformed(expected: "zip directory entries that agree", found: "different ones") }
      directory = long
      end = longPosition
    }
    guard directory.range.upperBound == end else {
      throw Malformed(
        expected: "the zip directory to end at byte \(end)", found: "\(directory.range.upperBound)")
    }
    return directory
  }

  private static func findLongDirectory(
    _ file: FileSlice, before position: Int
  ) throws -> (Directory, position: Int)? {
    let locatorSize = 20
    let hasLocator = file.hasPrefix(Array("PK\u{6}\u{7}".utf8), at: position - locatorSize)
    guard hasLocator else { return nil }
    var locator = ByteReader(file, "the zip directory", at: position - locatorSize + 4)
    let disk = try locator.integer(UInt32.self)
    let offset = try locator.integer(UInt64.self)
    let disks = try locator.integer(UInt32.self)
    let contradiction = Malformed(expected: "a 64-bit zip directory that fits", found: "another")
    guard disk == 0, disks <= 1, let start = Int(exactly: offset), start <= position - locatorSize,
      file.hasPrefix(Array("PK\u{6}\u{6}".utf8), at: start)
    else { throw contradiction }
    var reader = ByteReader(file, "the zip directory", at: start + 4)
    let rest = try reader.length(UInt64.self)
    guard rest >= 44, start + 12 + rest == position - locatorSize else { throw contradiction }
    try reader.skip(4)
    let ownDisk = try reader.integer(UInt32.self)
    let directoryDisk = try reader.integer(UInt32.self)
    let countHere = try reader.integer(UInt64.self)
    let count = try reader.integer(UInt64.self)
    let size = try reader.integer(UInt64.self)
    let directoryOffset = try reader.integer(UInt64.self)
    guard ownDisk == 0, directoryDisk == 0, countHere == count, let count = Int(exactly: count) else {
      throw contradiction
    }
    return (Directory(count: count, range: try directoryRange(directoryOffset, size)), start)
  }

  private static func directoryRange(_ offset: UInt64, _ size: UInt64) throws -> Range<Int> {
    guard let start = Int(exactly: offset), let size = Int(exactly: size),
      case let (end, overflow) = start.addingReportingOverflow(size), !overflow
    else { throw Malformed(expected: "a zip directory inside the file", found: "offset \(offset)") }
    return start..<end
  }

  private static func readDirectory(_ file: FileSlice, _ directory: Directory) throws -> [Entry] {
    var reader = ByteReader(try file.part(directory.range), "the zip directory")
    var entries: [Entry] = []
    while reader.remaining > 0 {
      let signature = try reader.integer(UInt32.self)
      guard signature == 0x0201_4B50, entries.count < directory.count else {
        throw Malformed(expected: "\(directory.count) entries in the zip directory", found: "something else")
      }
      entries.append(try readEntry(&reader))
    }
    guard entries.count == directory.count else {
      throw Malformed(
        expected: "\(directory.count) entries in the zip directory", found: "\(entries.count)")
    }
    return entries
  }

  private static func readEntry(_ reader: inout ByteReader) throws -> Entry {
    try reader.skip(4)
    let flags = try reader.integer(UInt16.self)
    let method = try reader.integer(UInt16.self)
    try reader.skip(4)
    let checksum = try reader.integer(UInt32.self)
    let stored = try reader.integer(UInt32.self)
    let size = try reader.integer(UInt32.self)
    let nameLength = try reader.integer(UInt16.self)
    let extraLength = try reader.integer(UInt16.self)
    let commentLength = try reader.integer(UInt16.self)
    let disk = try reader.integer(UInt16.self)
    try reader.skip(6)
    let offset = try reader.integer(UInt32.self)
    let name = try reader.text(Int(nameLength))
    var values = [UInt64(size), UInt64(stored), UInt64(offset)]
    try readLongValues(try reader.take(Int(extraLength)), into: &values)
    try reader.skip(Int(commentLength))
    // Bits 0, 6 and 13 stand for the kinds of encryption, bit 5 for patches.
    guard flags & 0x2061 == 0 else {
      throw Malformed(expected: "zip records without encryption", found: "\(quoted(name))")
    }
    guard method == 0 || method == 8 else {
      throw Malformed(expected: "\(quoted(name)) stored or deflated", found: "method \(method)")
    }
    guard disk == 0, let byteCount = Int(exactly: values[0]), let storedCount = Int(exactly: values[1]),
      let headerOffset = Int(exactly: values[2]), method == 8 || byteCount == storedCount
    else { throw Malformed(expected: "sizes that fit for \(quoted(name))", found: "\(values)") }
    return Entry(
      name: name, isDeflated: method == 8, byteCount: byteCount, flags: flags, checksum: checksum,
      storedByteCount: storedCount, headerOffset: headerOffset)
  }

  /// Replaces values that do not fit in 32 bits by those of the zip64 field.
  private static func readLongValues(_ extra: FileSlice, into values: inout [UInt64]) throws {
    guard values.contains(UInt64(UInt32.max)) else { return }
    var reader = ByteReader(extra, "a zip record's extra field")
    while reader.remaining >= 4 {
      let id = try reader.integer(UInt16.self)
      let size = Int(try reader.integer(UInt16.self))
      var field = ByteReader(try reader.take(size), "a zip64 field")
      guard id == 1 else { continue }
      for place in values.indices where values[place] == UInt64(UInt32.max) {
        values[place] = try field.integer(UInt64.self)
      }
      return
    }
  }

  /// Compares the header before a record's data with the directory, and notes where the data begin.
  private static func checkRecord(_ file: FileSlice, _ entry: inout Entry, end: Int) throws {
    func require(_ condition: Bool) throws {
      if !condition {
        throw Malformed(
          expected: "the zip record \(quoted(entry.name)) as its directory describes it", found: "another")
      }
    }
    try require(entry.headerOffset <= end)
    var reader = ByteReader(
      try file.part(0..<end), "the zip record \(quoted(entry.name))", at: entry.headerOffset)
    try require(reader.integer(UInt32.self) == 0x0403_4B50)
    try reader.skip(2)
    try require(reader.integer(UInt16.self) == entry.flags)
    try require(reader.integer(UInt16.self) == (entry.isDeflated ? 8 : 0))
    try reader.skip(4)
    let checksum = try reader.integer(UInt32.self)
    let stored = try reader.integer(UInt32.self)
    let size = try reader.integer(UInt32.self)
    let nameLength = Int(try reader.integer(UInt16.self))
    let extraLength = Int(try reader.integer(UInt16.self))
    let name = Array(entry.name.utf8)
    try require(nameLength == name.count && reader.take(nameLength).hasPrefix(name))
    var values = [UInt64(size), UInt64(stored)]
    try readLongValues(try reader.take(extraLength), into: &values)
    // With bit 3 these stand behind the data, and zeros may stand here.
    if entry.flags & 8 == 0 {
      try require(
        checksum == entry.checksum && values[0] == UInt64(entry.byteCount)
          && values[1] == UInt64(entry.storedByteCount))
    }
    entry.dataOffset = reader.position
    try require(entry.storedByteCount <= end - entry.dataOffset)
  }
}

// MARK: - Deflate

/// No deflate stream gives more bytes for one.
package let largestDeflateRatio = 1032

/// Unpacks raw deflate data, which must give exactly as many bytes as the directory says.
private func inflate(_ packed: FileSlice, to entry: ZipArchive.Entry) throws -> FileSlice {
  let failure = Malformed(
    expected: "\(entry.byteCount) bytes packed in \(quoted(entry.name))", found: "another content")
  // Never reserve memory for a size that is a lie.
  guard entry.byteCount / largestDeflateRatio <= packed.count else { throw failure }
  let result = try FileBytes(count: entry.byteCount) { target in
    try packed.withBytes { source in
      var stream = z_stream()
      let isReady = inflateInit2_(&stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
      guard isReady == Z_OK else { throw failure }
      defer { inflateEnd(&stream) }
      var consumed = 0
      var produced = 0
      var status = Z_OK
      // zlib counts in 32 bits, so that larger data go in pieces. One byte more than fits shows an overrun.
      var overrun: UInt8 = 0
      let piece = 1 << 30
      while status == Z_OK {
        let input = Swift.min(piece, source.count - consumed)
        let output = Swift.min(piece, target.count - produced)
        stream.next_in = UnsafeMutablePointer(
          mutating: source.baseAddress.map { ($0 + consumed).assumingMemoryBound(to: UInt8.self) })
        stream.avail_in = UInt32(input)
        status = withUnsafeMutablePointer(to: &overrun) { spare in
          let next = target.baseAddress.map { ($0 + produced).assumingMemoryBound(to: UInt8.self) }
          stream.next_out = output > 0 ? next : spare
          stream.avail_out = output > 0 ? UInt32(output) : 1
          return CZlib.inflate(&stream, Z_NO_FLUSH)
        }
        consumed += input - Int(stream.avail_in)
        let capacity = output > 0 ? output : 1
        produced += capacity - Int(stream.avail_out)
        guard produced <= target.count else { throw failure }
      }
      guard status == Z_STREAM_END, produced == target.count, consumed == source.count else { throw failure }
    }
  }
  return result.whole
}
