import Foundation
import NNCore
import NNData
import TestSupport
import Testing

struct ImageFormatTests {
  static let expected: [String: JSONValue] = {
    do {
      return try JSONValue(contentsOf: URL(fileURLWithPath: fixture("formats/expected.json"))).entries ?? [:]
    } catch {
      preconditionFailure("image fixtures: \(error)")
    }
  }()

  private func bytes(_ file: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: fixture("formats/\(file)"))))
  }

  /// What PIL reads from the same files, as they lie and after `ImageOps.exif_transpose`.
  @Test(arguments: expected.keys.sorted())
  func readsAsPIL(_ file: String) throws {
    let expected = try #require(Self.expected[file])
    let path = fixture("formats/\(file)")
    let upright = try Image(contentsOfFile: path, orientation: .apply)
    #expect([upright.height, upright.width] == expected["size"]?.ints)
    #expect(try sha256(upright) == expected["upright"]?.string)
    if let stored = expected["stored"]?.string {
      #expect(try sha256(Image(contentsOfFile: path)) == stored)
    }
    if let opacity = expected["opacity"]?.string {
      let image = try Image(contentsOfFile: path, mode: .unchanged, orientation: .apply)
      #expect(image.channels == 4)
      #expect(try sha256(image) == opacity)
    }
  }

  @Test(arguments: [
    ("turn6.jpg", "jpeg rgb 8 6"), ("turn6-gray.jpg", "jpeg gray 8 6"), ("turn5.png", "png rgb 8 5"),
    ("opacity.webp", "webp rgbWithOpacity 8 1"), ("turn3.webp", "webp rgb 8 3"),
    ("palette.gif", "gif rgb 8 1"),
    ("opacity.bmp", "bmp rgbWithOpacity 8 1"), ("turn8.tiff", "tiff rgb 8 8"),
    ("bilevel.tiff", "tiff gray 1 1"),
  ])
  func readsHeaders(_ file: String, _ expected: String) throws {
    let header = try Image.Header(contentsOfFile: fixture("formats/\(file)"))
    #expect("\(header.format) \(header.color) \(header.bits) \(header.orientation)" == expected)
    #expect(header.width == 35 && header.height == 22)
  }

  /// An animation whose first frame covers a part of the image: around it is nothing.
  @Test func readsAFrameAtItsPlace() throws {
    var file = try bytes("animation.webp")
    let whole = try Image(decoding: file, mode: .unchanged)
    // Canvas sizes in VP8X stand minus one, places of frames in ANMF in half pixels.
    func put(_ value: Int, at place: Int) {
      for i in 0..<3 { file[place + i] = UInt8(value >> (8 * i) & 255) }
    }
    let frame = try #require(file.firstRange(of: Array("ANMF".utf8))).lowerBound + 8
    put(whole.width + 10 - 1, at: 24)
    put(whole.height + 6 - 1, at: 27)
    put(4 / 2, at: frame)
    put(2 / 2, at: frame + 3)
    let image = try Image(decoding: file, mode: .unchanged)
    #expect(
      (image.width, image.height, image.channels) == (whole.width + 10, whole.height + 6, whole.channels))
    for (x, y) in [(0, 0), (17, 9), (whole.width - 1, whole.height - 1)] {
      #expect(image[x: x + 4, y: y + 2] == whole[x: x, y: y])
    }
    for (x, y) in [(0, 0), (3, 9), (whole.width + 9, whole.height + 5)] {
      #expect(image[x: x, y: y] == Array(repeating: 0, count: whole.channels))
    }
    put(20, at: frame)
    #expect(throws: ImageError.self) { try Image(decoding: file) }
  }

  @Test(arguments: 1...8)
  func turnsEveryPixel(_ orientation: Int) {
    let image = Image(width: 70, height: 41, channels: 1, pixels: (0..<70 * 41).map { UInt8($0 * 7 % 256) })
    let turned = image.oriented(orientation)
    let isTransposed = orientation >= 5
    #expect(turned.width == (isTransposed ? 41 : 70))
    for (x, y) in [(0, 0), (69, 0), (0, 40), (33, 32), (69, 40)] {
      let (mx, my) = (69 - x, 40 - y)
      let (toX, toY) =
        [(x, y), (mx, y), (mx, my), (x, my), (y, x), (my, x), (my, mx), (y, mx)][orientation - 1]
      #expect(turned[x: toX, y: toY] == image[x: x, y: y])
    }
  }

  @Test(arguments: ["turn6.jpg", "turn6-big-endian.jpg", "turn6.png", "turn6.webp", "turn6.tiff"])
  func passesOverMalformedOrientations(_ file: String) throws {
    let good = try bytes(file)
    // From where the data about the picture begin.
    let start =
      file.hasSuffix("tiff") ? 0 : (good.firstRange(of: Array("Exif".utf8))?.lowerBound ?? good.count - 60)
    for round in 0..<600 {
      var damaged = good
      for k in 0..<2 {
        let r = FormulaNumbers.mix(UInt64(round * 2 + k))
        let length = min(60, good.count - start)
        damaged[start + Int(r % UInt64(length))] = round % 3 == 0 ? 0xff : UInt8(truncatingIfNeeded: r >> 40)
      }
      if let image = try? Image(decoding: damaged, orientation: .apply) {
        #expect([22, 35].contains(image.width) || file.hasSuffix("tiff"), "round \(round)")
      }
    }
  }

  /// Lying counts, places and types are no orientation.
  @Test(arguments: [
    ("ffffffff 0001 0112 0003 00000001 0006", 1), ("00000008 ffff 0112 0003 00000001 0006", 6),
    ("00000008 0001 0112 0003 00000002 0006", 1), ("00000008 0001 0112 0003 00000001 0009", 1),
    ("00000008 0001 0112 0005 00000001 0006", 1), ("00000008 0001 0112 0003 00000001", 1),
    ("00000008 0001 0112 0003 00000001 0000", 1), ("00000008 0000", 1), ("", 1),
    ("00000008 0001 0112 0003 00000001 0006", 6), ("00000008 0001 0112 0004 00000001 00000007", 7),
  ])
  func readsOrientations(_ hex: String, _ expected: Int) throws {
    let digits = Array(hex.filter { $0 != " " })
    let values = stride(from: 0, to: digits.count, by: 2).compactMap {
      UInt8(String(digits[$0...$0 + 1]), radix: 16)
    }
    let data = Array("Exif\0\0MM\0*".utf8) + values
    let length = data.count + 2
    let segment = [0xff, 0xe1, UInt8(length >> 8), UInt8(length & 255)] + data
    let jpeg = try bytes("turn1.jpg")
    let image = Array(jpeg[..<2]) + segment + Array(jpeg[2...])
    let stored = try Image(decoding: image)
    #expect(try Image(decoding: image, orientation: .apply) == stored.oriented(expected))
  }

  @Test(arguments: expected.keys.sorted().filter { !$0.hasPrefix("turn") })
  func refusesTruncatedFiles(_ file: String) throws {
    let bytes = try bytes(file)
    // An animation is whole with its first frame.
    let lengths =
      file.hasPrefix("animation") || file.hasPrefix("pages") ? [0, 5, 30] : [0, 5, 30, bytes.count / 2]
    for length in lengths {
      #expect("\(length) of \(bytes.count)") {
        _ = try Image(decoding: Array(bytes.prefix(length)), file: file)
      } throws: { error in
        expectOneLine(error, naming: file)
        return error is ImageError
      }
    }
  }

  @Test(arguments: expected.keys.sorted().filter { !$0.hasPrefix("turn") })
  func survivesDamagedFiles(_ file: String) throws {
    let bytes = try bytes(file)
    for round in 0..<400 {
      var damaged = bytes
      for k in 0..<3 {
        let r = FormulaNumbers.mix(UInt64(round * 3 + k))
        // Half of the damage in the header, where sizes are.
        let place = r % UInt64(round % 2 == 0 ? min(64, bytes.count) : bytes.count)
        damaged[Int(place)] = UInt8(truncatingIfNeeded: r >> 32)
      }
      _ = try? Image(decoding: damaged, file: file, mode: .unchanged, orientation: .apply)
    }
  }

  @Test(arguments: [
    ("HEIC", "\0\0\0\u{18}ftypheic"), ("AVIF", "\0\0\0\u{18}ftypavif"), ("JPEG XL", "\0\0\0\u{0c}JXL \r\n"),
    ("PSD", "8BPS\0\u{1}"), ("PDF", "%PDF-1.7"), ("SVG", "<?xml version='1.0'?><svg>"), ("PNM", "P4\n2 2\n"),
  ])
  func namesTheCommandThatConverts(_ format: String, _ start: String) {
    #expect {
      try Image(decoding: Array((start + String(repeating: " ", count: 40)).utf8), file: "a b/my photo.jpg")
    } throws: { error in
      "\(error)"
        == "a b/my photo.jpg: expected a JPEG, PNG, WebP, GIF, BMP, TIFF or PPM image, found \(format); "
        + "to convert it: convert 'a b/my photo.jpg' 'a b/my photo-converted.jpg'"
    }
  }

  @Test(arguments: [
    ("<!DOCTYPE html><html>", "a web page"), ("version https://git-lfs.github.com/spec/v1", "Git LFS"),
  ])
  func saysWhatIsNoImage(_ start: String, _ found: String) {
    #expect {
      try Image(decoding: Array(start.utf8), file: "x.jpg")
    } throws: { error in
      "\(error)".contains(found) && !"\(error)".contains("convert")
    }
  }

  /// A length or size that a few bytes claim takes no memory.
  @Test func refusesBombs() throws {
    let text: [UInt8] =
      [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x7f, 0xff, 0xff, 0xf0] + Array("tEXt".utf8)
    #expect(throws: ImageError.self) { try Image(decoding: text + Array(repeating: 0, count: 25)) }
    var png = try bytes("turn1.png")
    png.replaceSubrange(16..<24, with: [0, 0, 0x30, 0, 0, 0, 0x30, 0])
    #expect { try Image(decoding: png) } throws: { "\($0)".contains("cannot fill 12288x12288") }
    var gif = try bytes("palette.gif")
    gif.replaceSubrange(6..<10, with: [0xff, 0x2f, 0xff, 0x2f])
    #expect { try Image(decoding: gif) } throws: { "\($0)".contains("cannot fill") }
    var bmp = try bytes("run8.bmp")
    bmp.replaceSubrange(18..<26, with: [0, 0x30, 0, 0, 0, 0x30, 0, 0])
    #expect { try Image(decoding: bmp) } throws: { "\($0)".contains("cannot fill") }
    var huge = try bytes("rgb.bmp")
    huge.replaceSubrange(18..<26, with: [0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0x80])
    #expect(throws: ImageError.self) { try Image(decoding: huge) }
  }
}
