import NNCore
import NNData

extension Reader {
  /// Image files of all formats, with the orientation that a camera noted.
  static func images() throws -> [Reader] {
    let exif: [[UInt8]] = [
      Array("Exif\u{0}\u{0}II*\u{0}\u{8}\u{0}\u{0}\u{0}".utf8),
      Array("Exif\u{0}\u{0}MM\u{0}*\u{0}\u{0}\u{0}\u{8}".utf8),
      [0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0], [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0],
      [0x01, 0x12, 0, 3, 0xFF, 0xFF, 0xFF, 0xFF, 0, 6, 0, 0],
    ]
    let segments: [[UInt8]] = [
      [0xFF, 0xD8], [0xFF, 0xD9], [0xFF, 0xDA], [0xFF, 0xC0], [0xFF, 0xC2], [0xFF, 0xC4], [0xFF, 0xDB],
      [0xFF, 0xE1],
      [0xFF, 0xEE], [0xFF, 0xDD],
    ]
    let entries: [[UInt8]] = [
      [0, 1, 3, 0, 1, 0, 0, 0], [0, 1, 4, 0, 1, 0, 0, 0], [3, 1, 3, 0, 1, 0, 0, 0, 5],
      [3, 1, 3, 0, 1, 0, 0, 0, 7],
      [6, 1, 3, 0, 1, 0, 0, 0, 3], [0x15, 1, 3, 0, 1, 0, 0, 0], [0x42, 1, 4, 0, 1, 0, 0, 0], [0x1C, 1, 3, 0],
    ]
    return [
      try image("jpeg", "jpg", .jpeg, exif + segments),
      try image(
        "png", "png", .png,
        exif + words("IHDR", "IDAT", "IEND", "PLTE", "tRNS", "eXIf", "gAMA", "acTL", "zTXt", "iCCP")),
      try image(
        "webp", "webp", .webp, exif + words("VP8 ", "VP8L", "VP8X", "ALPH", "ANIM", "ANMF", "EXIF", "XMP ")),
      try image(
        "gif", "gif", .whole, words("GIF87a", "GIF89a", "!\u{f9}\u{4}", ",", ";", "!\u{fe}", "NETSCAPE2.0")),
      try image(
        "bmp", "bmp", .whole,
        words("BM", "(\u{0}\u{0}\u{0}", "|\u{0}\u{0}\u{0}", "\u{1}\u{0}", "\u{3}\u{0}\u{0}\u{0}")),
      try image("tiff", "tiff", .tiff, exif + entries),
      try image(
        "pnm", "ppm", .whole, words("P5", "P6", "\n", "#", "255\n", "65535\n", "15\n", "0"),
        seeds: words("P6\n2 1\n255\nabcdef", "P5 # a\n3 1 65535\nabcdef", "P6\n1 1 15\nabc")),
    ]
  }

  private static func image(
    _ name: String, _ ending: String, _ layout: Layout, _ tokens: [[UInt8]], seeds more: [[UInt8]] = []
  ) throws -> Reader {
    let transform = Compose {
      Resize(8, 8)
      ToTensor()
    }
    let seeds = try ["formats", "images"].flatMap {
      try fixtures("NNDataTests/Fixtures/\($0)", ending: ".\(ending)")
    }
    return Reader(name: name, layout: layout, tokens: tokens, seeds: seeds + more) { input, _ in
      // One of the ways to read it, by the input itself so that the same input is read the same way.
      let reading: Image.Reading =
        switch input.count % 4 {
        case 0: .init(mode: .unchanged, orientation: .ignore)
        case 1: .init(mode: .gray, orientation: .apply)
        case 2: .init(mode: .rgb, orientation: .apply, decoding: .scaled)
        default: .photographs
        }
      _ = try Image(decoding: input, file: "input.\(ending)", reading: reading, for: transform)
    }
  }
}
