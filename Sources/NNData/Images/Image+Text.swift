import NNCore

/// Letters of 5x7 pixels for labels in pictures.
enum PixelFont {
  static let width = 5
  static let height = 7
  /// From one letter to the next.
  static let advance = 6

  /// Seven rows of five bits from the top, the left pixel highest; a frame for letters that are not there.
  static func rows(of letter: Character) -> UInt64 {
    letter == " " ? 0 : glyphs[letter] ?? 0x7e318c63f
  }

  private static let glyphs: [Character: UInt64] = [
    "0": 0x3a33ae62e, "1": 0x11842108e, "2": 0x3a211111f, "3": 0x7c441062e, "4": 0x08ca97c42,
    "5": 0x7e1e0862e, "6": 0x1910f462e, "7": 0x7c2222108, "8": 0x3a317462e, "9": 0x3a317844c,
    "A": 0x3a31fc631, "B": 0x7a31f463e, "C": 0x3a308422e, "D": 0x72518c65c, "E": 0x7e10f421f,
    "F": 0x7e10f4210, "G": 0x3a30bc62f, "H": 0x4631fc631, "I": 0x38842108e, "J": 0x1c4210a4c,
    "K": 0x4654c5251, "L": 0x42108421f, "M": 0x4775ac631, "N": 0x4639ace31, "O": 0x3a318c62e,
    "P": 0x7a31f4210, "Q": 0x3a318d64d, "R": 0x7a31f5251, "S": 0x3e107043e, "T": 0x7c8421084,
    "U": 0x46318c62e, "V": 0x46318c544, "W": 0x4631ad6aa, "X": 0x462a22a31, "Y": 0x463151084,
    "Z": 0x7c222221f, "a": 0x000e0be2f, "b": 0x4216cc63e, "c": 0x000e8422e, "d": 0x042d9c62f,
    "e": 0x000e8fe0e, "f": 0x1928e2108, "g": 0x01f18bc2e, "h": 0x4216cc631, "i": 0x100c2108e,
    "j": 0x080610a4c, "k": 0x4212a6292, "l": 0x30842108e, "m": 0x001aad631, "n": 0x0016cc631,
    "o": 0x000e8c62e, "p": 0x001e8fa10, "q": 0x000d9bc21, "r": 0x0016cc210, "s": 0x000e8383e,
    "t": 0x211c42126, "u": 0x00118c66d, "v": 0x00118c544, "w": 0x00118d6aa, "x": 0x001151151,
    "y": 0x00118bc2e, "z": 0x001f1111f, "-": 0x0000f8000, "_": 0x00000001f, ".": 0x00000018c,
    ",": 0x000003088, ":": 0x018c03180, "/": 0x002222200, "(": 0x088842082, ")": 0x208210888,
    "#": 0x295f57d4a, "%": 0x632222263, "+": 0x0084f9080, "=": 0x001f07c00, "'": 0x308800000,
    "&": 0x32544564d, "?": 0x3a2111004, "!": 0x108420004, "*": 0x009575480,
  ]
}

extension Image {
  /// Draws a line of text whose upper left corner is (`left`, `top`); what lies outside is cut off.
  ///
  /// - Parameters:
  ///   - color: A value per channel, or one for all.
  ///   - scale: Pixels of the 5x7 letters are repeated so many times in both directions.
  public mutating func draw(_ text: String, top: Int, left: Int, color: [UInt8] = [255], scale: Int = 1) {
    require(
      scale >= 1 && (color.count == 1 || color.count == channels), "Image.draw",
      "expected a scale of at least 1 and \(channels) values or 1, got \(scale) and \(color)")
    let (width, height, channels) = (width, height, channels)
    withMutablePixels { pixels in
      for (place, letter) in text.enumerated() {
        let rows = PixelFont.rows(of: letter)
        for bit in 0..<PixelFont.width * PixelFont.height where rows >> UInt64(34 - bit) & 1 != 0 {
          let x = left + (place * PixelFont.advance + bit % PixelFont.width) * scale
          let y = top + bit / PixelFont.width * scale
          for (dy, dx) in (0..<scale * scale).map({ ($0 / scale, $0 % scale) })
          where x + dx >= 0 && x + dx < width && y + dy >= 0 && y + dy < height {
            let start = ((y + dy) * width + x + dx) * channels
            for channel in 0..<channels {
              pixels[start + channel] = color[color.count == 1 ? 0 : channel]
            }
          }
        }
      }
    }
  }
}
