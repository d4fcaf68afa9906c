import CTIFF
import Foundation

/// TIFF through libtiff: the first page.
enum TIFFFile: ImageDecoder {
  static func header(_ bytes: UnsafeRawBufferPointer, file: String) throws -> Image.Header {
    try withFile(bytes, file) { tiff, _ in
      var (width, height): (UInt32, UInt32) = (0, 0)
      guard nn_tiff_get_u32(tiff, UInt32(TIFFTAG_IMAGEWIDTH), &width) == 1,
        nn_tiff_get_u32(tiff, UInt32(TIFFTAG_IMAGELENGTH), &height) == 1
      else { throw ImageError.damaged(file: file, reason: "it has no size") }
      let samples = value(tiff, TIFFTAG_SAMPLESPERPIXEL)
      let color: Image.Header.Color =
        switch Int32(value(tiff, TIFFTAG_PHOTOMETRIC)) {
        case PHOTOMETRIC_MINISBLACK, PHOTOMETRIC_MINISWHITE: samples > 1 ? .grayWithOpacity : .gray
        case PHOTOMETRIC_SEPARATED: .cmyk
        default: samples > 3 ? .rgbWithOpacity : .rgb
        }
      let orientation = orientation(tiff)
      return Image.Header(
        format: .tiff, width: Int(width), height: Int(height), color: color,
        bits: value(tiff, TIFFTAG_BITSPERSAMPLE), orientation: (1...8).contains(orientation) ? orientation : 1
      )
    }
  }

  static func decode(
    _ bytes: UnsafeRawBufferPointer, header: Image.Header, scale: Double, file: String
  ) throws -> Image {
    try withFile(bytes, file) { tiff, messages in
      // Opacity that does not darken the colours is left so: libtiff would multiply it into them.
      if header.color == .rgbWithOpacity || header.color == .grayWithOpacity {
        _ = nn_tiff_set_extra_sample(tiff, UInt16(EXTRASAMPLE_ASSOCALPHA))
      }
      var text = [CChar](repeating: 0, count: 1024)
      var reader = TIFFRGBAImage()
      guard TIFFRGBAImageOK(tiff, &text) == 1, TIFFRGBAImageBegin(&reader, tiff, 1, &text) == 1 else {
        throw ImageError.unsupported(file: file, format: "a kind of TIFF that is not read (\(string(text)))")
      }
      defer { TIFFRGBAImageEnd(&reader) }
      // Pixels are wanted as they lie in the file.
      reader.orientation = UInt16(ORIENTATION_TOPLEFT)
      reader.req_orientation = UInt16(ORIENTATION_TOPLEFT)
      let count = header.width * header.height
      let channels =
        switch header.color {
        case .gray: 1
        case .rgb, .cmyk: 3
        case .grayWithOpacity, .rgbWithOpacity: 4
        }
      let raster = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: count)
      defer { raster.deallocate() }
      raster.initialize(repeating: 0)
      guard
        TIFFRGBAImageGet(&reader, raster.baseAddress, UInt32(header.width), UInt32(header.height)) == 1,
        messages.first == nil
      else { throw ImageError.damaged(file: file, reason: messages.first ?? "its pixels cannot be decoded") }
      return Image(width: header.width, height: header.height, channels: channels) { pixels in
        for pixel in 0..<count {
          for channel in 0..<channels {
            pixels[pixel * channels + channel] = UInt8(
              truncatingIfNeeded: raster[pixel] >> UInt32(8 * channel))
          }
        }
      }
    }
  }

  /// What the tag says, or else XMP; 1 if nothing does.
  private static func orientation(_ tiff: OpaquePointer) -> Int {
    var value: UInt16 = 0
    if nn_tiff_get_orientation(tiff, &value) == 1 { return Int(value) }
    var (count, data): (UInt32, UnsafeRawPointer?) = (0, nil)
    guard nn_tiff_get_xmp(tiff, &count, &data) == 1, let data else { return 1 }
    return XMP.orientation(UnsafeRawBufferPointer(start: data, count: Int(count))) ?? 1
  }

  private static func value(_ tiff: OpaquePointer, _ tag: Int32) -> Int {
    var value: UInt16 = 0
    return nn_tiff_get_u16(tiff, UInt32(tag), &value) == 1 ? Int(value) : 0
  }

  private static func string(_ text: [CChar]) -> String {
    String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The bytes, read as a file.
  private final class Source {
    let bytes: UnsafeRawBufferPointer
    var place = 0
    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    static func at(_ handle: thandle_t?) -> Source? {
      handle.map { Unmanaged<Source>.fromOpaque($0).takeUnretainedValue() }
    }

    func read(_ target: UnsafeMutableRawPointer?, _ count: Int) -> Int {
      guard let target, count > 0, place >= 0, place < bytes.count else { return 0 }
      let part = bytes[place...].prefix(count)
      UnsafeMutableRawBufferPointer(start: target, count: part.count).copyBytes(from: part)
      place += part.count
      return part.count
    }

    func seek(_ offset: UInt64, _ origin: Int32) -> UInt64 {
      let start = origin == SEEK_SET ? 0 : origin == SEEK_CUR ? place : bytes.count
      place = start &+ Int(truncatingIfNeeded: offset)
      return UInt64(bitPattern: Int64(place))
    }
  }

  /// What the library complains about.
  private final class Messages {
    var first: String?
  }

  private static func withFile<R>(
    _ bytes: UnsafeRawBufferPointer, _ file: String, _ body: (OpaquePointer, Messages) throws -> R
  ) throws -> R {
    let (source, messages) = (Source(bytes), Messages())
    guard let options = TIFFOpenOptionsAlloc() else {
      throw ImageError.damaged(file: file, reason: "no memory")
    }
    defer { TIFFOpenOptionsFree(options) }
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, tmsize_t(4 * Image.maximumPixelCount))
    TIFFOpenOptionsSetErrorHandlerExtR(
      options,
      { _, data, _, format, arguments in
        guard let data, let format, let arguments else { return 1 }
        let messages = Unmanaged<Messages>.fromOpaque(data).takeUnretainedValue()
        if messages.first == nil {
          var text = [CChar](repeating: 0, count: 256)
          vsnprintf(&text, text.count, format, arguments)
          messages.first = TIFFFile.string(text)
        }
        return 1
      }, Unmanaged.passUnretained(messages).toOpaque())
    TIFFOpenOptionsSetWarningHandlerExtR(options, { _, _, _, _, _ in 1 }, nil)
    return try withExtendedLifetime((source, messages)) {
      // "m": nothing is mapped.
      let tiff = TIFFClientOpenExt(
        file, "rm", Unmanaged.passUnretained(source).toOpaque(),
        { tmsize_t(Source.at($0)?.read($1, Int($2)) ?? 0) }, { _, _, _ in 0 },
        { Source.at($0)?.seek($1, $2) ?? 0 },
        { _ in 0 }, { UInt64(Source.at($0)?.bytes.count ?? 0) }, { _, _, _ in 0 }, { _, _, _ in }, options)
      guard let tiff else {
        throw ImageError.damaged(file: file, reason: messages.first ?? "its header cannot be read")
      }
      defer { TIFFClose(tiff) }
      return try body(tiff, messages)
    }
  }
}
