import NNCore

/// Netpbm's binary gray and colour images (PGM, PPM; `P5` and `P6`), as traffic signs are published in.
/// Format: https://netpbm.sourceforge.net/doc/ppm.html
enum PNMFile: ImageDecoder {
  /// What stands before the pixels.
  private struct Head {
    var channels: Int
    var width: Int
    var height: Int
    var maximum: Int
    /// Where the pixels begin.
    var start: Int
  }

  static func header(_ bytes: UnsafeRawBufferPointer, file: String) throws -> Image.Header {
    let head = try read(bytes, file)
    return Image.Header(
      format: .pnm, width: head.width, height: head.height, color: head.channels == 1 ? .gray : .rgb,
      bits: head.maximum > 255 ? 16 : 8, orientation: 1)
  }

  static func decode(
    _ bytes: UnsafeRawBufferPointer, header: Image.Header, scale: Double, file: String
  ) throws -> Image {
    let head = try read(bytes, file)
    let count = head.width * head.height * head.channels
    let size = head.maximum > 255 ? 2 : 1
    guard bytes.count - head.start >= count * size else {
      throw ImageError.damaged(
        file: file, reason: "expected \(count * size) bytes of pixels, found \(bytes.count - head.start)")
    }
    return Image(width: head.width, height: head.height, channels: head.channels) { pixels in
      if head.maximum == 255 {
        pixels.withMemoryRebound(to: UInt8.self) { target in
          UnsafeMutableRawBufferPointer(target).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: bytes[head.start..<head.start + count]))
        }
        return
      }
      for place in 0..<count {
        let start = head.start + place * size
        let value = size == 1 ? Int(bytes[start]) : Int(bytes[start]) << 8 | Int(bytes[start + 1])
        // As Pillow, which rounds halves to even.
        let level = (Double(value) / Double(head.maximum) * 255).rounded(.toNearestOrEven)
        pixels[place] = UInt8(min(255, level))
      }
    }
  }

  /// Three numbers in decimal digits after the two letters, with white space and comments between them.
  private static func read(_ bytes: UnsafeRawBufferPointer, _ file: String) throws -> Head {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    var place = 2
    var numbers: [Int] = []
    while numbers.count < 3 {
      var isComment = false
      while place < bytes.count, isComment || isSpace(bytes[place]) || bytes[place] == UInt8(ascii: "#") {
        if bytes[place] == UInt8(ascii: "#") { isComment = true }
        if bytes[place] == 0x0A || bytes[place] == 0x0D { isComment = false }
        place += 1
      }
      var number = 0
      let start = place
      while place < bytes.count, (0x30...0x39).contains(bytes[place]), place - start < 10 {
        number = number * 10 + Int(bytes[place] - 0x30)
        place += 1
      }
      guard place > start, place < bytes.count, isSpace(bytes[place]) || bytes[place] == UInt8(ascii: "#"),
        number <= Int(Int32.max)
      else { throw ImageError.damaged(file: file, reason: "no width, height and largest value") }
      numbers.append(number)
    }
    guard (1...65_535).contains(numbers[2]) else {
      throw ImageError.damaged(file: file, reason: "a largest value of \(numbers[2])")
    }
    // One character of white space, and then the pixels.
    return Head(
      channels: bytes[1] == UInt8(ascii: "5") ? 1 : 3, width: numbers[0], height: numbers[1],
      maximum: numbers[2], start: place + 1)
  }
}
