import CGIF

/// GIF through giflib: the first frame.
enum GIFFile: ImageDecoder {
  /// A code of 12 bits stands for at most so many pixels.
  private static let pixelsPerByte = 4096

  static func header(_ bytes: UnsafeRawBufferPointer, file: String) throws -> Image.Header {
    try withFile(bytes, file) { gif in
      Image.Header(
        format: .gif, width: Int(gif.pointee.SWidth), height: Int(gif.pointee.SHeight), color: .rgb, bits: 8,
        orientation: 1)
    }
  }

  static func decode(
    _ bytes: UnsafeRawBufferPointer, header: Image.Header, scale: Double, file: String
  ) throws -> Image {
    guard header.width * header.height <= bytes.count * pixelsPerByte else {
      throw ImageError.damaged(
        file: file, reason: "\(bytes.count) bytes cannot fill \(header.width)x\(header.height)")
    }
    return try withFile(bytes, file) { gif in
      let transparent = try seekFirstFrame(gif, file)
      let frame = gif.pointee.Image
      let (left, top) = (Int(frame.Left), Int(frame.Top))
      let (width, height) = (Int(frame.Width), Int(frame.Height))
      guard width > 0, height > 0, left + width <= header.width, top + height <= header.height else {
        throw ImageError.damaged(
          file: file, reason: "a frame of \(width)x\(height) outside \(header.width)x\(header.height)")
      }
      // What the frame does not cover is transparent, or else the first colour, as in PIL.
      var places = [UInt8](
        repeating: UInt8(max(transparent ?? 0, 0)), count: header.width * header.height)
      for y in rows(height, isInterlaced: frame.Interlace) {
        let start = (top + y) * header.width + left
        let status = places.withUnsafeMutableBufferPointer { places in
          DGifGetLine(gif, places.baseAddress.map { $0 + start }, Int32(width))
        }
        guard status != GIF_ERROR else { throw damage(gif.pointee.Error, file) }
      }
      return colored(places, header, palette(frame.ColorMap ?? gif.pointee.SColorMap), transparent)
    }
  }

  /// Rows in the order in which they are stored.
  private static func rows(_ height: Int, isInterlaced: Bool) -> [Int] {
    if !isInterlaced { return Array(0..<height) }
    return [(0, 8), (4, 8), (2, 4), (1, 2)].flatMap { Array(stride(from: $0.0, to: height, by: $0.1)) }
  }

  private static func colored(
    _ places: [UInt8], _ header: Image.Header, _ palette: [[UInt8]], _ transparent: Int?
  ) -> Image {
    let channels = transparent == nil ? 3 : 4
    return Image(width: header.width, height: header.height, channels: channels) { pixels in
      for (pixel, place) in places.enumerated() {
        for channel in 0..<3 { pixels[pixel * channels + channel] = palette[Int(place)][channel] }
        if channels == 4 { pixels[pixel * 4 + 3] = Int(place) == transparent ? 0 : 255 }
      }
    }
  }

  /// 256 colours: those that a short palette lacks are black; gray if there is none at all.
  private static func palette(_ map: UnsafeMutablePointer<ColorMapObject>?) -> [[UInt8]] {
    guard let map, let colors = map.pointee.Colors else { return (0...255).map { [$0, $0, $0] } }
    let count = Int(map.pointee.ColorCount)
    return (0..<256).map { index in
      index < count ? [colors[index].Red, colors[index].Green, colors[index].Blue] : [0, 0, 0]
    }
  }

  /// Reads up to the pixels of the first frame. Gives its transparent colour, nil if it has none.
  private static func seekFirstFrame(_ gif: UnsafeMutablePointer<GifFileType>, _ file: String) throws -> Int?
  {
    var transparent: Int?
    while true {
      var kind = UNDEFINED_RECORD_TYPE
      guard DGifGetRecordType(gif, &kind) != GIF_ERROR else { throw damage(gif.pointee.Error, file) }
      switch kind {
      case IMAGE_DESC_RECORD_TYPE:
        guard DGifGetImageHeader(gif) != GIF_ERROR else { throw damage(gif.pointee.Error, file) }
        return transparent
      case EXTENSION_RECORD_TYPE:
        var (code, block): (Int32, UnsafeMutablePointer<UInt8>?) = (0, nil)
        guard DGifGetExtension(gif, &code, &block) != GIF_ERROR else { throw damage(gif.pointee.Error, file) }
        while let part = block {
          // The first byte is the length: flags, delay (2), transparent colour.
          if code == GRAPHICS_EXT_FUNC_CODE, part[0] >= 4 {
            transparent = part[1] & 1 == 1 ? Int(part[4]) : nil
          }
          guard DGifGetExtensionNext(gif, &block) != GIF_ERROR else { throw damage(gif.pointee.Error, file) }
        }
      case TERMINATE_RECORD_TYPE:
        throw ImageError.damaged(file: file, reason: "it has no frame")
      default:
        throw ImageError.damaged(file: file, reason: "a record of an unknown kind")
      }
    }
  }

  private static func damage(_ code: Int32, _ file: String) -> ImageError {
    .damaged(file: file, reason: GifErrorString(code).map { String(cString: $0) } ?? "it cannot be read")
  }

  /// What is left to read.
  private final class Source {
    var rest: UnsafeRawBufferPointer
    init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }
  }

  private static func withFile<R>(
    _ bytes: UnsafeRawBufferPointer, _ file: String,
    _ body: (UnsafeMutablePointer<GifFileType>) throws -> R
  ) throws -> R {
    let source = Source(bytes)
    return try withExtendedLifetime(source) {
      var code: Int32 = 0
      let gif = DGifOpen(
        Unmanaged.passUnretained(source).toOpaque(),
        { gif, target, count in
          guard let data = gif?.pointee.UserData, let target, count > 0 else { return 0 }
          let source = Unmanaged<Source>.fromOpaque(data).takeUnretainedValue()
          let part = source.rest.prefix(Int(count))
          UnsafeMutableRawBufferPointer(start: target, count: part.count).copyBytes(from: part)
          source.rest = UnsafeRawBufferPointer(rebasing: source.rest.dropFirst(part.count))
          return Int32(part.count)
        }, &code)
      guard let gif else { throw damage(code, file) }
      defer { DGifCloseFile(gif, &code) }
      return try body(gif)
    }
  }
}
