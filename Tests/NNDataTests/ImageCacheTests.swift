import Foundation
import NNCore
import NNData
import Testing

@Suite struct ImageCacheTests {
  /// `count` noisy images of different sizes in two classes.
  private func withImages(_ count: Int = 6, _ body: (String) throws -> Void) throws {
    try withTemporaryFolder { root in
      for index in 0..<count {
        let folder = "\(root)/\(index % 2 == 0 ? "a" : "b")"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let (width, height) = (40 + 7 * index, 61 - 5 * index)
        let pixels = (0..<width * height * 3).map { UInt8(truncatingIfNeeded: $0 * 37 + index * $0 / 11) }
        try Image(width: width, height: height, pixels: pixels).writePNG(toFile: "\(folder)/\(index).png")
      }
      try body(root)
    }
  }

  private static let transforms: [String: any Transform<Image, Tensor>] = [
    "resized": Compose {
      Resize(16, 24); ToTensor()
    },
    "normalised": Compose {
      Resize(20); CenterCrop(16); ToTensor(); Normalize.imageNet
    },
    "opaque": Compose {
      Resize(8, 8); Lambda("twice") { (image: Image) in ToTensor()(image) * 2 }
    },
    "larger than the image": Compose {
      Resize(18, interpolation: .bicubic); CenterCrop(32); ToTensor()
    },
  ]

  @Test(arguments: transforms.keys.sorted(), [0, 3])
  func eachFileIsDecodedOnceAndGivesTheSameBits(_ name: String, workers: Int) throws {
    let transform = try #require(Self.transforms[name])
    try withImages { root in
      let cache = ImageCache(byteLimit: 1 << 20)
      let plain = try ImageFolder(root, transform: transform)
      let kept = try ImageFolder(root, transform: transform, cache: cache)
      for pass in 0..<3 {
        let batches = DataLoader(kept, batchSize: 4, workers: workers).makeIterator()
        try DataLoader(plain, batchSize: 4).forEach { want in
          let got = try #require(try batches.next())
          #expect(got.target.array(of: Int.self) == want.target.array(of: Int.self))
          #expect(got.input.array(of: Float.self) == want.input.array(of: Float.self), "pass \(pass)")
        }
        #expect(cache.decodedCount == 6 && cache.count == 6)
      }
      #expect(try kept[4].input.array(of: Float.self) == plain[4].input.array(of: Float.self))
      #expect(cache.decodedCount == 6)
    }
  }

  @Test func pixelsAreKeptAsBytesUpToTheLimit() throws {
    try withImages { root in
      let size = 16 * 24 * 3
      let cache = ImageCache(byteLimit: 4 * size + 1)
      let images = try ImageFolder(root, transform: Self.transforms["resized"] ?? ToTensor(), cache: cache)
      for _ in 0..<2 { for index in images.indices { _ = try images[index] } }
      #expect(cache.count == 4 && cache.byteCount == 4 * size)
      #expect(cache.decodedCount == 8)
    }
  }

  @Test func anotherReadingOfAFileIsAnotherImage() throws {
    try withImages { root in
      let cache = ImageCache(byteLimit: 1 << 20)
      var images = try ImageFolder(
        root,
        transform: Compose {
          Resize(4, 4); ToTensor()
        }, cache: cache)
      #expect(try images[0].input.shape == [3, 4, 4])
      images.transform = Compose {
        Resize(5, 5); ToTensor()
      }
      #expect(try images[0].input.shape == [3, 5, 5])
      let gray = try ImageFolder(root, mode: .gray, transform: images.transform, cache: cache)
      #expect(try gray[0].input.shape == [1, 5, 5])
      #expect(cache.decodedCount == 3)
    }
  }

  @Test func randomTransformsAreDrawnAnew() throws {
    try withImages { root in
      let cache = ImageCache(byteLimit: 1 << 20)
      let images = try ImageFolder(
        root,
        transform: Compose {
          RandomResizedCrop(8); ToTensor()
        }, cache: cache)
      let views = try (0..<4).map {
        try images.element(at: 0, context: SampleContext(epoch: $0, index: 0)).input.array(of: Float.self)
      }
      #expect(Set(views).count == 4)
      #expect(cache.count == 0)
    }
  }

  @Test func aDamagedFileIsNoEntry() throws {
    try withImages { root in
      let path = "\(root)/a/0.png"
      let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      try bytes.prefix(60).write(to: URL(fileURLWithPath: path))
      let cache = ImageCache(byteLimit: 1 << 20)
      let images = try ImageFolder(root, transform: Self.transforms["resized"] ?? ToTensor(), cache: cache)
      for _ in 0..<2 { #expect(throws: ImageError.self) { try images[0] } }
      #expect(cache.count == 0)
      // Mended, it is read.
      try bytes.write(to: URL(fileURLWithPath: path))
      #expect(try images[0].input.shape == [3, 16, 24])
    }
  }
}
