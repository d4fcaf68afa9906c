import CZlib

/// The CRC-32 of PNG, gzip and zip.
func checksum(_ bytes: [UInt8]) -> UInt32 {
  bytes.withUnsafeBufferPointer { UInt32(truncatingIfNeeded: crc32_z(0, $0.baseAddress, $0.count)) }
}

/// Deflated bytes unpacked, at most a megabyte of them; nil if they are none.
///
/// - Parameter windowBits: as zlib's: 31 for gzip, -15 for bare deflate.
func inflated(_ packed: [UInt8], windowBits: Int32) -> [UInt8]? {
  var stream = z_stream()
  guard inflateInit2_(&stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
    return nil
  }
  defer { inflateEnd(&stream) }
  var (input, output) = (packed, [UInt8](repeating: 0, count: 1 << 20))
  let status = input.withUnsafeMutableBufferPointer { source in
    output.withUnsafeMutableBufferPointer { target in
      (stream.next_in, stream.avail_in) = (source.baseAddress, UInt32(source.count))
      (stream.next_out, stream.avail_out) = (target.baseAddress, UInt32(target.count))
      return inflate(&stream, Z_FINISH)
    }
  }
  guard status == Z_STREAM_END else { return nil }
  return Array(output.prefix(Int(stream.total_out)))
}

/// The entries of a zip file of 32 bits, by its directory; nil if there is none.
func unzipped(_ file: [UInt8]) -> [(name: [UInt8], content: [UInt8])]? {
  let mark: [UInt8] = [0x50, 0x4B, 5, 6]
  guard file.count >= 22,
    let end = (0...file.count - 22).last(where: { file[$0..<$0 + 4].elementsEqual(mark) })
  else { return nil }
  var entries: [(name: [UInt8], content: [UInt8])] = []
  var place = integer(file[end + 16..<end + 20])
  for _ in 0..<integer(file[end + 10..<end + 12]) {
    guard place + 46 <= file.count else { return nil }
    func number(_ offset: Int, _ width: Int) -> Int { integer(file[place + offset..<place + offset + width]) }
    let (method, stored, start) = (number(10, 2), number(20, 4), number(42, 4))
    let lengths = (name: number(28, 2), extra: number(30, 2), comment: number(32, 2))
    guard place + 46 + lengths.name <= file.count, start + 30 <= file.count else { return nil }
    let name = Array(file[place + 46..<place + 46 + lengths.name])
    let data = start + 30 + integer(file[start + 26..<start + 28]) + integer(file[start + 28..<start + 30])
    guard data + stored <= file.count else { return nil }
    let packed = Array(file[data..<data + stored])
    guard let content = method == 8 ? inflated(packed, windowBits: -15) : packed else { return nil }
    entries.append((name, content))
    place += 46 + lengths.name + lengths.extra + lengths.comment
  }
  return entries
}
