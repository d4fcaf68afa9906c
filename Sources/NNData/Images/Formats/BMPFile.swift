/// BMP, read here: no library that is kept up reads this format alone.
///
/// Uncompressed and run-length coded (RLE4, RLE8) images of 1 to 32 bits per pixel, with the headers of OS/2 and of
/// Windows (40 to 124 bytes). Source: https://learn.microsoft.com/windows/win32/gdi/bitmap-storage
enum BMPFile: ImageDecoder {
  /// Bound on what a run of two bytes stands for.
  fileprivate static let pixelsPerByte = 256

  static func header(_ bytes: UnsafeRawBufferPointer, file: String) throws -> Image.Header {
    let layout = try Layout(bytes, file)
    return Image.Header(
      format: .bmp, width: layout.width, height: layout.height,
      color: layout.channels == 4 ? .rgbWithOpacity : layout.channels == 1 ? .gray : .rgb, bits: 8,
      orientation: 1)
  }

  static func decode(
    _ bytes: UnsafeRawBufferPointer, header: Image.Header, scale: Double, file: String
  ) throws -> Image {
    let layout = try Layout(bytes, file)
    let (width, height, channels) = (layout.width, layout.height, layout.channels)
    let places: [UInt8]? = layout.bits <= 8 ? try layout.paletteIndices(bytes, file) : nil
    if places == nil { try layout.checkLength(bytes, file) }
    return Image(width: width, height: height, channels: channels) { pixels in
      for y in 0..<height {
        let row = layout.offset + (layout.isTopDown ? y : height - 1 - y) * layout.stride
        for x in 0..<width {
          let to = (y * width + x) * channels
          if let places {
            let color = layout.palette[Int(places[y * width + x])]
            for channel in 0..<channels { pixels[to + channel] = color[channel] }
            continue
          }
          let size = layout.bits / 8
          var value: UInt32 = 0
          for byte in 0..<size { value |= UInt32(bytes[row + x * size + byte]) << UInt32(8 * byte) }
          for channel in 0..<channels { pixels[to + channel] = layout.masks[channel].value(value) }
        }
      }
    }
  }

  /// Which bits of a pixel are one of its values.
  private struct Mask {
    let shift: UInt32
    let largest: UInt32

    init(_ bits: UInt32) {
      shift = bits == 0 ? 0 : UInt32(bits.trailingZeroBitCount)
      largest = bits >> shift
    }

    func value(_ pixel: UInt32) -> UInt8 {
      largest == 0 ? 0 : UInt8(UInt64(pixel >> shift & largest) * 255 / UInt64(largest))
    }
  }

  private struct Layout {
    let width: Int
    let height: Int
    let isTopDown: Bool
    let bits: Int
    let isRunLength: Bool
    /// Where the pixels begin.
    let offset: Int
    /// Bytes of a row, a multiple of four.
    let stride: Int
    /// 256 colours, black where the file has none.
    private(set) var palette: [[UInt8]] = []
    /// Of red, green, blue and opacity.
    private(set) var masks: [Mask] = []
    private(set) var channels = 3

    init(_ bytes: UnsafeRawBufferPointer, _ file: String) throws {
      func integer<T: FixedWidthInteger>(_ place: Int, _ type: T.Type) throws -> Int {
        guard place >= 0, place + MemoryLayout<T>.size <= bytes.count else {
          throw ImageError.damaged(file: file, reason: "its header ends early")
        }
        return Int(T(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: T.self)))
      }
      offset = try integer(10, UInt32.self)
      let size = try integer(14, UInt32.self)
      let isOld = size == 12
      guard isOld || [40, 52, 56, 64, 108, 124].contains(size) else {
        throw ImageError.damaged(file: file, reason: "a header of \(size) bytes")
      }
      width = try isOld ? integer(18, UInt16.self) : integer(18, Int32.self)
      let rows = try isOld ? integer(20, UInt16.self) : integer(22, Int32.self)
      height = abs(rows)
      isTopDown = rows < 0
      bits = try integer(isOld ? 24 : 28, UInt16.self)
      let compression = try isOld ? 0 : integer(30, UInt32.self)
      isRunLength = compression == 1 && bits == 8 || compression == 2 && bits == 4
      let hasMasks = (compression == 3 || compression == 6) && (bits == 16 || bits == 32)
      guard [1, 4, 8, 16, 24, 32].contains(bits), compression == 0 || isRunLength || hasMasks,
        !(isRunLength && isTopDown)
      else {
        throw ImageError.unsupported(
          file: file, format: "BMP of \(bits) bits with compression \(compression)")
      }
      guard width > 0, height > 0 else {
        throw ImageError.damaged(file: file, reason: "size \(width)x\(height)")
      }
      stride = (width * bits + 31) / 32 * 4

      if bits <= 8 {
        let used = try isOld ? 0 : integer(46, UInt32.self)
        let count = used == 0 ? 1 << bits : min(used, 256)
        let start = 14 + size
        let step = isOld ? 3 : 4
        palette = (0..<256).map { index in
          let place = start + index * step
          guard index < count, place + 3 <= min(bytes.count, max(offset, start)) else { return [0, 0, 0] }
          return [bytes[place + 2], bytes[place + 1], bytes[place]]
        }
        return
      }
      var values: [UInt32] = bits == 16 ? [0x7c00, 0x3e0, 0x1f] : [0xff_0000, 0xff00, 0xff]
      if hasMasks {
        // Behind a header of 40 bytes, or its fields from there on.
        let count = compression == 6 || size >= 56 ? 4 : 3
        values = try (0..<count).map { UInt32(try integer(54 + 4 * $0, UInt32.self)) }
        if count == 4 && values[3] == 0 { values.removeLast() }
      }
      masks = values.map(Mask.init)
      channels = masks.count
    }

    func checkLength(_ bytes: UnsafeRawBufferPointer, _ file: String) throws {
      // No product overflows: the size was checked, and rows are of at most 2^31 pixels of 4 bytes.
      guard offset + stride * height <= bytes.count else {
        throw ImageError.damaged(
          file: file, reason: "it ends after \(bytes.count) bytes, expected \(offset + stride * height)")
      }
    }

    /// The colour of each pixel, row by row from the top.
    func paletteIndices(_ bytes: UnsafeRawBufferPointer, _ file: String) throws -> [UInt8] {
      if isRunLength { return try unpacked(bytes, file) }
      try checkLength(bytes, file)
      let mask = UInt8((1 << bits) - 1)
      return [UInt8](unsafeUninitializedCapacity: width * height) { output, count in
        for y in 0..<height {
          let row = offset + (isTopDown ? y : height - 1 - y) * stride
          for x in 0..<width {
            let bit = x * bits
            output[y * width + x] = bytes[row + bit / 8] >> UInt8(8 - bits - bit % 8) & mask
          }
        }
        count = width * height
      }
    }

    private func unpacked(_ bytes: UnsafeRawBufferPointer, _ file: String) throws -> [UInt8] {
      guard width * height <= bytes.count * BMPFile.pixelsPerByte else {
        throw ImageError.damaged(file: file, reason: "\(bytes.count) bytes cannot fill \(width)x\(height)")
      }
      var output = [UInt8](repeating: 0, count: width * height)
      var (x, y, place) = (0, 0, offset)
      func byte() throws -> Int {
        guard place < bytes.count else {
          throw ImageError.damaged(file: file, reason: "it ends before its end mark")
        }
        defer { place += 1 }
        return Int(bytes[place])
      }
      func put(_ value: UInt8) {
        if x < width && y < height { output[(height - 1 - y) * width + x] = value }
        x += 1
      }
      while true {
        let (count, value) = (try byte(), try byte())
        if count > 0 {
          for k in 0..<count { put(UInt8(bits == 8 ? value : k % 2 == 0 ? value >> 4 : value & 15)) }
          continue
        }
        switch value {
        case 0: (x, y) = (0, y + 1)
        case 1: return output
        case 2: (x, y) = (x + (try byte()), y + (try byte()))
        default:
          var last = 0
          for k in 0..<value {
            if bits == 8 || k % 2 == 0 { last = try byte() }
            put(UInt8(bits == 8 ? last : k % 2 == 0 ? last >> 4 : last & 15))
          }
          // Literal pixels are padded to two bytes.
          let used = bits == 8 ? value : (value + 1) / 2
          if used % 2 == 1 { place += 1 }
        }
      }
    }
  }
}
