import CTurboJPEG
import NNCore

/// JPEG through libjpeg-turbo.
enum JPEGFile {
  /// - Parameter target: to what an image of a size is to be resized; then it is decoded at a reduced size that leaves
  ///   at least twice that.
  static func decode(
    _ bytes: UnsafeRawBufferPointer, file: String,
    target: (_ height: Int, _ width: Int) -> (height: Int, width: Int)? = { _, _ in nil }
  ) throws -> Image {
    guard let decoder = tjInitDecompress() else {
      throw ImageError.damaged(file: file, reason: String(cString: tjGetErrorStr2(nil)))
    }
    defer { tjDestroy(decoder) }

    var (width, height, sampling, colorSpace): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
    let length = UInt(bytes.count)
    let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
    let status = tjDecompressHeader3(decoder, start, length, &width, &height, &sampling, &colorSpace)
    try check(status, decoder, bytes, file)
    try Image.checkSize(width: Int(width), height: Int(height), file: file)
    // Each block of 64 pixels takes a bit at least, less only in runs of blocks without detail.
    guard Int(width) * Int(height) <= (1 << 20) + 4_096 * bytes.count else {
      throw ImageError.damaged(
        file: file, reason: "\(bytes.count) bytes cannot hold \(width)x\(height) pixels")
    }
    if let target = target(Int(height), Int(width)) { scale(&width, &height, to: target) }

    let isGray = colorSpace == Int32(TJCS_GRAY.rawValue)
    let isFourInk = colorSpace == Int32(TJCS_CMYK.rawValue) || colorSpace == Int32(TJCS_YCCK.rawValue)
    let format = isGray ? TJPF_GRAY : isFourInk ? TJPF_CMYK : TJPF_RGB
    let image = try Image(
      width: Int(width), height: Int(height), channels: isGray ? 1 : isFourInk ? 4 : 3
    ) { pixels in
      // The decoder leaves rows of a truncated file untouched.
      pixels.initialize(repeating: 0)
      let status = tjDecompress2(
        decoder, start, length, pixels.baseAddress, width, 0, height, format.rawValue, TJFLAG_ACCURATEDCT)
      try check(status, decoder, bytes, file)
    }
    return isFourInk ? rgb(fromInks: image) : image
  }

  /// The smallest size that the decoder gives, down from all of it, of at least twice the target in both directions.
  private static func scale(_ width: inout Int32, _ height: inout Int32, to target: (height: Int, width: Int))
  {
    var count: Int32 = 0
    guard let factors = tjGetScalingFactors(&count) else { return }
    let (fullWidth, fullHeight) = (width, height)
    for factor in UnsafeBufferPointer(start: factors, count: Int(count)) where factor.num < factor.denom {
      func scaled(_ size: Int32) -> Int32 { (size * factor.num + factor.denom - 1) / factor.denom }
      let (w, h) = (scaled(fullWidth), scaled(fullHeight))
      if w < width, Int(w) >= 2 * target.width, Int(h) >= 2 * target.height { (width, height) = (w, h) }
    }
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
