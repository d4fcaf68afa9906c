import NNCore

extension Image {
  /// What is done about the orientation that a camera noted beside the pixels (EXIF): photos are stored as the sensor
  /// lies, and stand upright only with it.
  public enum Orientation: String, Sendable, Hashable, Codable, CaseIterable {
    /// The image is turned and mirrored as noted, as PIL's `ImageOps.exif_transpose` does.
    case apply
    /// The pixels stay as they are stored, as `PIL.Image.open` and torchvision's `decode_image` leave them.
    case ignore
  }

  /// The image turned and mirrored as an EXIF orientation says, 1...8; as it is for other values.
  ///
  /// Source: Exif 3.0, tag 0x0112; PIL's `ImageOps.exif_transpose`.
  func oriented(_ orientation: Int) -> Image {
    guard (2...8).contains(orientation) else { return self }
    // The source of pixel (x, y) of the result lies at start + x · across + y · down, counted in pixels.
    let (last, bottom) = (width - 1, (height - 1) * width)
    let (start, across, down): (Int, Int, Int)
    switch orientation {
    case 2: (start, across, down) = (last, -1, width)
    case 3: (start, across, down) = (bottom + last, -1, -width)
    case 4: (start, across, down) = (bottom, 1, -width)
    case 5: (start, across, down) = (0, width, 1)
    case 6: (start, across, down) = (bottom, -width, 1)
    case 7: (start, across, down) = (bottom + last, -width, -1)
    default: (start, across, down) = (last, width, -1)
    }
    let isTurned = orientation >= 5
    let (columns, rows) = isTurned ? (height, width) : (width, height)
    return Image(width: columns, height: rows, channels: channels) { output in
      pixels.withUnsafeBufferPointer { input in
        // In squares, so that rows of the one and columns of the other stay in the cache.
        let side = 32
        for top in stride(from: 0, to: rows, by: side) {
          for left in stride(from: 0, to: columns, by: side) {
            for y in top..<min(top + side, rows) {
              var source = (start + left * across + y * down) * channels
              var target = (y * columns + left) * channels
              for _ in left..<min(left + side, columns) {
                for channel in 0..<channels { output[target + channel] = input[source + channel] }
                source += across * channels
                target += channels
              }
            }
          }
        }
      }
    }
  }
}

/// The orientation in a file's metadata. Metadata that are damaged say nothing.
enum ExifOrientation {
  private static let tag = 0x0112

  /// Of a TIFF structure, as EXIF data are: the entry of its first directory; nil if it has none.
  static func value(inTIFF bytes: UnsafeRawBufferPointer) -> Int? {
    guard bytes.count >= 8 else { return nil }
    let isLittle: Bool
    switch (bytes[0], bytes[1]) {
    case (0x49, 0x49): isLittle = true
    case (0x4D, 0x4D): isLittle = false
    default: return nil
    }
    func number(_ place: Int, _ size: Int) -> Int? {
      guard place >= 0, place + size <= bytes.count else { return nil }
      return (0..<size).reduce(0) { $0 << 8 | Int(bytes[place + (isLittle ? size - 1 - $1 : $1)]) }
    }
    guard number(2, 2) == 42, let directory = number(4, 4), let count = number(directory, 2) else {
      return nil
    }
    for entry in 0..<count {
      let place = directory + 2 + entry * 12
      guard let name = number(place, 2), let type = number(place + 2, 2), let length = number(place + 4, 4)
      else { return nil }
      guard name == tag, length == 1 else { continue }
      // A short or a long number.
      return type == 3 ? number(place + 8, 2) : type == 4 ? number(place + 8, 4) : nil
    }
    return nil
  }

  private static let exif = Array("Exif\0\0".utf8)
  private static let xmp = Array("http://ns.adobe.com/xap/1.0/\0".utf8)

  /// Of a JPEG file: in its EXIF segment, or else in its XMP segment, where PIL looks too.
  static func value(inJPEG bytes: UnsafeRawBufferPointer) -> Int? {
    var position = 2
    var fromXMP: Int?
    while position + 4 <= bytes.count, bytes[position] == 0xFF {
      let marker = bytes[position + 1]
      if marker == 0xFF {  // fill bytes
        position += 1
        continue
      }
      // The picture itself, and markers without a length.
      if marker == 0xDA || marker == 0xD9 { break }
      if (0xD0...0xD8).contains(marker) || marker == 0x01 {
        position += 2
        continue
      }
      let length = Int(bytes[position + 2]) << 8 | Int(bytes[position + 3])
      let end = position + 2 + length
      guard length >= 2, end <= bytes.count else { break }
      if marker == 0xE1 {
        let content = UnsafeRawBufferPointer(rebasing: bytes[(position + 4)..<end])
        if content.starts(with: exif) {
          let data = UnsafeRawBufferPointer(rebasing: content[exif.count...])
          if let value = value(inTIFF: data) { return value }
        } else if content.starts(with: xmp) {
          fromXMP = fromXMP ?? value(inXMP: UnsafeRawBufferPointer(rebasing: content[xmp.count...]))
        }
      }
      position = end
    }
    return fromXMP
  }

  private static let property = Array("tiff:Orientation".utf8)

  /// Of an XMP packet: the digit behind `tiff:Orientation="` or `tiff:Orientation>`.
  private static func value(inXMP bytes: UnsafeRawBufferPointer) -> Int? {
    let size = property.count
    var place = 0
    while place + size + 3 <= bytes.count {
      defer { place += 1 }
      guard bytes[place] == property[0], bytes[place..<(place + size)].elementsEqual(property) else {
        continue
      }
      let digit =
        bytes[place + size] == UInt8(ascii: ">")
        ? bytes[place + size + 1]
        : bytes[place + size] == UInt8(ascii: "=") && bytes[place + size + 1] == UInt8(ascii: "\"")
          ? bytes[place + size + 2] : 0
      if (0x30...0x39).contains(digit) { return Int(digit) - 0x30 }
    }
    return nil
  }
}
