import CWebP

/// WebP through libwebp; of an animation the first frame.
enum WebPFile: ImageDecoder {
  static func header(_ bytes: UnsafeRawBufferPointer, file: String) throws -> Image.Header {
    let features = try features(bytes, file)
    return Image.Header(
      format: .webp, width: Int(features.width), height: Int(features.height),
      color: features.has_alpha != 0 ? .rgbWithOpacity : .rgb, bits: 8, orientation: orientation(bytes))
  }

  static func decode(
    _ bytes: UnsafeRawBufferPointer, header: Image.Header, scale: Double, file: String
  ) throws -> Image {
    if try features(bytes, file).has_animation != 0 { return try firstFrame(bytes, header, file) }
    let channels = header.color == .rgbWithOpacity ? 4 : 3
    return try Image(width: header.width, height: header.height, channels: channels) { pixels in
      let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
      let decode = channels == 4 ? WebPDecodeRGBAInto : WebPDecodeRGBInto
      let stride = Int32(header.width * channels)
      guard decode(start, bytes.count, pixels.baseAddress, pixels.count, stride) != nil else {
        throw ImageError.damaged(file: file, reason: "its pixels cannot be decoded, or it ends early")
      }
    }
  }

  private static func features(_ bytes: UnsafeRawBufferPointer, _ file: String) throws
    -> WebPBitstreamFeatures
  {
    var features = WebPBitstreamFeatures()
    let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
    guard WebPGetFeatures(start, bytes.count, &features) == VP8_STATUS_OK else {
      throw ImageError.damaged(file: file, reason: "its header cannot be read")
    }
    return features
  }

  private static func firstFrame(_ bytes: UnsafeRawBufferPointer, _ header: Image.Header, _ file: String)
    throws -> Image
  {
    var data = WebPData(
      bytes: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), size: bytes.count)
    var (frame, time): (UnsafeMutablePointer<UInt8>?, Int32) = (nil, 0)
    guard let decoder = WebPAnimDecoderNew(&data, nil) else {
      throw ImageError.damaged(file: file, reason: "its animation cannot be read")
    }
    defer { WebPAnimDecoderDelete(decoder) }
    guard WebPAnimDecoderGetNext(decoder, &frame, &time) != 0, let frame else {
      throw ImageError.damaged(file: file, reason: "its first frame cannot be decoded")
    }
    let image = Image(width: header.width, height: header.height, channels: 4) { pixels in
      _ = pixels.update(fromContentsOf: UnsafeBufferPointer(start: frame, count: pixels.count))
    }
    return header.color == .rgbWithOpacity ? image : image.rgb()
  }

  /// What the EXIF chunk says, or else that of XMP.
  private static func orientation(_ bytes: UnsafeRawBufferPointer) -> Int {
    var (exif, xmp): (Int?, Int?)
    var place = 12
    while place + 8 <= bytes.count {
      let length = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: place + 4, as: UInt32.self)))
      guard length <= bytes.count - place - 8 else { break }
      let content = bytes[place + 8..<place + 8 + length]
      if exif == nil, bytes.has("EXIF", at: place) { exif = Exif.orientation(content) }
      if xmp == nil, bytes.has("XMP ", at: place) { xmp = XMP.orientation(content) }
      place += 8 + length + length % 2
    }
    return exif ?? xmp ?? 1
  }
}
