import CTurboJPEG
import NNCore

/// JPEG through libjpeg-turbo.
enum JPEGFile: ImageDecoder {
  static func header(_ bytes: UnsafeRawBufferPointer, file: String) throws -> Image.Header {
    try withDecoder(file) { decoder in
      var (width, height, sampling, colorSpace): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
      let status = tjDecompressHeader3(
        decoder, start(bytes), UInt(bytes.count), &width, &height, &sampling, &colorSpace)
      try check(status, decoder, bytes, file)
      let color: Image.Header.Color =
        switch TJCS(UInt32(colorSpace)) {
        case TJCS_GRAY: .gray
        case TJCS_CMYK, TJCS_YCCK: .cmyk
        default: .rgb
        }
      return Image.Header(
        format: .jpeg, width: Int(width), height: Int(height), color: color, bits: 8,
        orientation: orientation(bytes))
    }
  }

  static func decode(
    _ bytes: UnsafeRawBufferPointer, header: Image.Header, scale: Double, file: String
  ) throws -> Image {
    let (width, height) = size(of: header, scale: scale)
    let format =
      switch header.color {
      case .gray: TJPF_GRAY
      case .cmyk: TJPF_CMYK
      default: TJPF_RGB
      }
    let image = try withDecoder(file) { decoder in
      try Image(width: width, height: height, channels: format == TJPF_GRAY ? 1 : format == TJPF_CMYK ? 4 : 3)
      {
        pixels in
        // The decoder leaves rows of a truncated file untouched.
        pixels.initialize(repeating: 0)
        let status = tjDecompress2(
          decoder, start(bytes), UInt(bytes.count), pixels.baseAddress, Int32(width), 0, Int32(height),
          format.rawValue, TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS)
        try check(status, decoder, bytes, file)
      }
    }
    return header.color == .cmyk ? rgb(fromInks: image) : image
  }

  /// The smallest size of at least `scale` times the image's that the decoder can make: M/8 of it.
  static func size(of header: Image.Header, scale: Double) -> (width: Int, height: Int) {
    var count: Int32 = 0
    let factors = UnsafeBufferPointer(start: tjGetScalingFactors(&count), count: Int(count))
    let least = factors.filter { Double($0.num) >= scale * Double($0.denom) && $0.num <= $0.denom }
      .min { $0.num * $1.denom < $1.num * $0.denom }
    func scaled(_ size: Int) -> Int {
      least.map { (size * Int($0.num) + Int($0.denom) - 1) / Int($0.denom) } ?? size
    }
    return (scaled(header.width), scaled(header.height))
  }

  /// An image encoded and decoded again, with the chroma of four pixels together as libjpeg's programs have it. Opacity is
  /// dropped.
  static func roundTrip(_ image: Image, quality: Int) -> Image {
    let image = image.channels == 4 ? image.rgb() : image
    let isGray = image.channels == 1
    guard let encoder = tjInitCompress() else { fail("JPEG", "no memory for the encoder") }
    defer { tjDestroy(encoder) }
    var (buffer, size): (UnsafeMutablePointer<UInt8>?, UInt) = (nil, 0)
    defer { tjFree(buffer) }
    let status = image.pixels.withUnsafeBufferPointer { pixels in
      tjCompress2(
        encoder, pixels.baseAddress, Int32(image.width), 0, Int32(image.height),
        (isGray ? TJPF_GRAY : TJPF_RGB).rawValue, &buffer, &size,
        Int32((isGray ? TJSAMP_GRAY : TJSAMP_420).rawValue), Int32(quality), TJFLAG_ACCURATEDCT)
    }
    let bytes = UnsafeRawBufferPointer(start: buffer, count: Int(size))
    guard status == 0, let header = try? header(bytes, file: "JPEG"),
      let decoded = try? decode(bytes, header: header, scale: 1, file: "JPEG")
    else {
      fail("JPEG", "an image of \(image.width)x\(image.height) cannot be encoded")
    }
    return decoded
  }

  private static func withDecoder<R>(_ file: String, _ body: (tjhandle) throws -> R) throws -> R {
    guard let decoder = tjInitDecompress() else {
      throw ImageError.damaged(file: file, reason: String(cString: tjGetErrorStr2(nil)))
    }
    defer { tjDestroy(decoder) }
    return try body(decoder)
  }

  private static func start(_ bytes: UnsafeRawBufferPointer) -> UnsafePointer<UInt8>? {
    bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
  }

  /// What the first segment of EXIF data (APP1) says, or else the last one of XMP.
  private static func orientation(_ bytes: UnsafeRawBufferPointer) -> Int {
    var (exif, xmp): (Int?, Int?)
    var hasExif = false
    var place = 2
    while place + 4 <= bytes.count, bytes[place] == 0xff {
      let marker = bytes[place + 1]
      if marker == 0xff {  // fill
        place += 1
        continue
      }
      // Markers without a length, and the start of the pixels.
      if marker == 0xda || marker == 0xd9 || marker == 1 || (0xd0...0xd8).contains(marker) { break }
      let length = Int(bytes[place + 2]) << 8 | Int(bytes[place + 3])
      let end = place + 2 + length
      guard length >= 2, end <= bytes.count else { break }
      let content = bytes[place + 4..<end]
      if marker == 0xe1, !hasExif, bytes.has("Exif\0\0", at: place + 4) {
        exif = Exif.orientation(content)
        hasExif = true
      }
      if marker == 0xe1, content.starts(with: XMP.marker) {
        xmp = XMP.orientation(content.dropFirst(XMP.marker.count))
      }
      place = end
    }
    return exif ?? xmp ?? 1
  }

  /// Damage that leaves the picture complete is only a warning of the decoder's and passes, as in PIL; a file that
  /// ends early does not.
  private static func check(
    _ status: Int32, _ decoder: tjhandle, _ bytes: UnsafeRawBufferPointer, _ file: String
  ) throws {
    if status == 0 { return }
    let message = String(cString: tjGetErrorStr2(decoder))
    let isWarning = tjGetErrorCode(decoder) == Int32(TJERR_WARNING.rawValue)
    // The message is that of the last warning, which need not be the one about the end.
    if isWarning && !message.contains("Premature end of JPEG file") && hasEnd(bytes) { return }
    throw ImageError.damaged(file: file, reason: message)
  }

  /// Whether an end marker (ff d9) comes after the last start of scan (ff da).
  private static func hasEnd(_ bytes: UnsafeRawBufferPointer) -> Bool {
    for place in bytes.indices.dropLast().reversed() where bytes[place] == 0xff {
      if bytes[place + 1] == 0xd9 { return true }
      if bytes[place + 1] == 0xda { return false }
    }
    return false
  }

  /// Cyan, magenta, yellow, black, stored inverted as Adobe's programs do: a colour is its ink times the black.
  private static func rgb(fromInks image: Image) -> Image {
    Image(width: image.width, height: image.height, channels: 3) { output in
      for pixel in 0..<image.width * image.height {
        let light = Int(image.pixels[pixel * 4 + 3])
        for channel in 0..<3 {
          let product = (255 - Int(image.pixels[pixel * 4 + channel])) * light + 128
          output[pixel * 3 + channel] = UInt8(max(0, light - (((product >> 8) + product) >> 8)))
        }
      }
    }
  }
}
