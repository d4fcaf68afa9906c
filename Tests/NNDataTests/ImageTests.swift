import Foundation
import NNCore
import NNData
import NNFiles
import TestSupport
import Testing

struct ImageTests {
  static let expected: [String: JSONValue] = {
    do {
      return try JSONValue(contentsOf: URL(fileURLWithPath: fixture("images/expected.json"))).entries ?? [:]
    } catch {
      preconditionFailure("image fixtures: \(error)")
    }
  }()

  /// What PIL reads from the same files.
  @Test(arguments: expected.keys.sorted())
  func decodesAsPIL(_ file: String) throws {
    let expected = try #require(Self.expected[file])
    let image = try Image(contentsOfFile: fixture("images/\(file)"))
    #expect([image.height, image.width] == expected["size"]?.ints)
    #expect(image.pixels.prefix(12).map { Int($0) } == expected["first"]?.ints)
    #expect(try sha256(image) == expected["rgb"]?.string)
    // PIL makes gray of the RGB image.
    #expect(try sha256(image.grayscale()) == expected["gray"]?.string)
  }

  @Test(arguments: [
    ("gray.jpg", 1), ("gray.png", 1), ("bilevel.png", 1), ("rgb.png", 3), ("palette.png", 3), ("rgba.png", 4),
    ("grayalpha.png", 4), ("cmyk.jpg", 3),
  ])
  func keepsTheChannelsOfTheFile(_ file: String, _ channels: Int) throws {
    #expect(try Image(contentsOfFile: fixture("images/\(file)"), mode: .unchanged).channels == channels)
    #expect(try Image(contentsOfFile: fixture("images/\(file)"), mode: .gray).channels == 1)
  }

  @Test func resizesOpacityAsPIL() throws {
    let image = try Image(contentsOfFile: fixture("images/rgba.png"), mode: .unchanged)
    for mode in [InterpolationMode.bilinear, .bicubic, .nearest] {
      let expected = Self.expected["rgba.png"]?["resize40x21_\(mode)"]?.string
      #expect(try sha256(image.resized(height: 40, width: 21, interpolation: mode)) == expected, "\(mode)")
    }
  }

  @Test(arguments: [1, 3, 4])
  func writesPNG(_ channels: Int) throws {
    let image = Image(
      width: 19, height: 7, channels: channels, pixels: (0..<19 * 7 * channels).map { UInt8($0 * 37 % 256) })
    try withTemporaryFolder { folder in
      try image.writePNG(toFile: "\(folder)/a.png")
      #expect(try Image(contentsOfFile: "\(folder)/a.png", mode: .unchanged) == image)
      #expect(contents(of: folder) == ["a.png"])
      #expect { try image.writePNG(toFile: "\(folder)/missing/a.png") } throws: { error in
        expectOneLine(error, naming: "missing/a.png")
        return error is FileError
      }
    }
  }

  @Test(arguments: ["rgb420.jpg", "progressive.jpg", "gray.jpg", "rgb.png", "rgb16.png", "palette.png"])
  func refusesTruncatedFiles(_ file: String) throws {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: fixture("images/\(file)"))))
    for length in [0, 1, 3, 8, 20, bytes.count / 2, bytes.count * 9 / 10] {
      #expect("\(length) of \(bytes.count)") {
        _ = try Image(decoding: Array(bytes.prefix(length)), file: file)
      } throws: { error in
        expectOneLine(error, naming: file)
        return error is ImageError
      }
    }
  }

  @Test func survivesDamagedFiles() throws {
    for file in Self.expected.keys {
      let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: fixture("images/\(file)"))))
      for round in 0..<200 {
        var damaged = bytes
        for k in 0..<3 {
          let r = FormulaNumbers.mix(UInt64(round * 3 + k))
          damaged[Int(r % UInt64(bytes.count))] ^= UInt8(1 << (r >> 60 & 7))
        }
        _ = try? Image(decoding: damaged, file: file)
      }
    }
  }

  @Test func refusesHugeAndUnknownFiles() throws {
    // A PNG header that claims 60,000 x 60,000 pixels.
    var png = [UInt8](try Data(contentsOf: URL(fileURLWithPath: fixture("images/rgb.png"))))
    png.replaceSubrange(16..<24, with: [0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60])
    #expect(throws: ImageError.self) { try Image(decoding: png) }
    #expect(throws: ImageError.unknownFormat(file: "x", found: "bytes 4e 4f 50 45")) {
      try Image(decoding: Array("NOPE".utf8), file: "x")
    }
    #expect { try Image(contentsOfFile: "/nowhere/x.jpg") } throws: { error in
      expectOneLine(error, naming: "/nowhere/x.jpg")
      return error is FileError
    }
    #expect(throws: FileError.self) { try Image(contentsOfFile: fixture("images")) }
  }

  @Test(.enabled(if: sharedFolder != nil, "needs NN_SHARED_DIR"))
  func decodesAndResizesAPhotographAsPIL() throws {
    let image = try Image(contentsOfFile: "\(sharedFolder ?? "")/images/dog.jpg")
    #expect(image.width == 1546 && image.height == 1213)
    #expect(try sha256(image) == "d173b5360b093037caffea5dfe49531fc165f9925e5757c45b30d883fc0a7252")
    let input = Compose {
      Resize(256)
      CenterCrop(224)
    }
    #expect(try sha256(input(image)) == "c9b68ebb45a6d0cda70e0834ae433222fe6021085d138738c07b74b665623e85")
  }

  @Test func exchangesPixelsWithTensors() {
    let image = Image(width: 3, height: 2, pixels: Array(0..<18))
    #expect(image.tensor.shape == [2, 3, 3])
    #expect(image.tensor.dtype == .uint8)
    #expect(Image(image.tensor) == image)
    #expect(image[x: 1, y: 1] == [12, 13, 14])
    #expect(Image(width: 2, height: 1, color: [1, 2, 3]).pixels == [1, 2, 3, 1, 2, 3])
  }
}
