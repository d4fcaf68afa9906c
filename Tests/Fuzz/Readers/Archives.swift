import Foundation
import NNCore
import NNData
import TestSupport

extension Reader {
  /// Archives, and data sets as they come in files of their own.
  static func archives() throws -> [Reader] {
    let names = words(
      "../", "..", "/", "/nn-fuzz-outside", "/tmp/nn-fuzz-outside", "../\u{301}x", "/\u{301}", "./", "\\",
      "a/../../x",
      "ustar\u{0}00", "ustar  \u{0}", "././@LongLink", "path=../x\n", "17 path=../x\n", "size=99999\n", "0",
      "1", "2",
      "3", "5", "6", "7", "L", "K", "x", "g", "S")
    let tar = storedTar([
      TarEntry("folder/", kind: "5"), TarEntry("folder/file.txt", content: "text\n"),
      TarEntry("folder/deep/er.txt", content: String(repeating: "x", count: 600)),
      TarEntry("PaxHeader", content: "22 path=folder/a.txt\n", kind: "x"), TarEntry("short", content: "abc"),
      TarEntry("././@LongLink", content: "folder/long.txt\u{0}", kind: "L"),
      TarEntry("other", content: "abc"),
    ])
    let links = storedTar([
      TarEntry("a", content: "x"), TarEntry("link", kind: "2", target: "../a"),
      TarEntry("hard", kind: "1", target: "a"), TarEntry("device", kind: "3"),
    ])
    let packed = try fixtures("NNDataTests/Fixtures", ["images/imagenette2-160.tgz"])
    let limits = TarArchive.Limits(totalBytes: 1 << 20, entries: 100)
    return [
      Reader(
        name: "tar", layout: .tar, tokens: names, writes: true,
        seeds: [tar, links] + packed.compactMap { inflated($0, windowBits: 31) }
      ) { input, scratch in
        let path = try scratch.write([UInt8](storedGzip(input)), "input.tar.gz")
        try TarArchive.extract(path, into: scratch.emptyTarget(), limits: limits)
      },
      Reader(
        name: "gzip", layout: .gzip, tokens: [[0x1F, 0x8B, 8], [0x1F, 0x8B, 8, 0xFF]], writes: true,
        seeds: packed + [[UInt8](storedGzip(tar))]
      ) { input, scratch in
        let path = try scratch.write(input, "input.tar.gz")
        try TarArchive.extract(path, into: scratch.emptyTarget(), limits: limits)
      },
      Reader(
        name: "tar-images", layout: .tar, tokens: names + words("{\"label\": 1}", ".cls", ".json", ".png"),
        seeds: [tar, links, storedTar(Self.samples)] + packed.compactMap { inflated($0, windowBits: 31) }
      ) { input, scratch in try readArchive(scratch.write(input, "input.tar")) },
      Reader(
        name: "zip-images", layout: .zip, tokens: names + words("PK\u{3}\u{4}", "PK\u{1}\u{2}", ".png"),
        seeds: [
          [UInt8](storedZip(samples.map { (String(decoding: $0.name, as: UTF8.self), $0.content) }))
        ]
      ) { input, scratch in try readArchive(scratch.write(input, "input.zip")) },
      Reader(
        name: "mat",
        seeds: try fixtures(
          "NNDataTests/Fixtures/datasets", ["train_32x32.mat", "test_32x32.mat", "flowers-102/setid.mat"])
      ) { input, scratch in
        let file = try MATFile(contentsOf: scratch.write(input, "input.mat"))
        try attemptAll(
          { _ = try file.integers("y") }, { _ = try file.integers("trnid") },
          { _ = try file.bytes("X").bytes.withBytes { $0.reduce(0) { $0 &+ $1 } } })
      },
      try idx("idx-images", changesLabels: false), try idx("idx-labels", changesLabels: true),
      try cifar(),
    ]
  }

  /// Images with their labels beside them.
  private static var samples: [TarEntry] {
    let image = Image(width: 2, height: 2).pngData()
    return [
      TarEntry(bytes: Array("a/1.png".utf8), content: image), TarEntry("a/1.cls", content: "3"),
      TarEntry(bytes: Array("b/2.png".utf8), content: image),
      TarEntry("b/2.json", content: "{\"label\": [\"x\", 2]}"),
    ]
  }

  /// Reads all that is in an archive, as folders of images and as a shard.
  private static func readArchive(_ path: String) throws {
    try attemptAll(
      {
        let images = try ImageFolder(path)
        for index in images.indices { _ = try images.image(at: index) }
      },
      {
        let archive = try FileArchive(path)
        for name in archive.names { _ = try archive.bytes(of: name) }
      }, { _ = try WebDataset.open(path) },
      { _ = try ShardSet(at: path)?.items(severalLabels: true) })
  }

  /// The test images of MNIST, of whose two files one is the input.
  private static func idx(_ name: String, changesLabels: Bool) throws -> Reader {
    let files = ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]
    let contents = try fixtures("NNDataTests/Fixtures/mnist", files.map { $0 + ".gz" })
      .compactMap { inflated($0, windowBits: 31) }
    let (changed, kept) = changesLabels ? (1, 0) : (0, 1)
    return Reader(name: name, seeds: [contents[changed]]) { input, scratch in
      try scratch.makeFolder("\(scratch.folder)/MNIST/raw")
      _ = try scratch.write(input, "MNIST/raw/\(files[changed])")
      _ = try scratch.write(contents[kept], "MNIST/raw/\(files[kept])")
      let images = try MNIST(root: scratch.folder, train: false)
      for place in images.indices.prefix(3) { _ = images.image(at: place) }
    }
  }

  /// A file of CIFAR-10's binary version.
  private static func cifar() throws -> Reader {
    let seed = try fixtures("NNDataTests/Fixtures/cifar10", ["cifar10_data_batch_1.bin"])
    return Reader(name: "cifar", layout: .records(3_073), seeds: seed) { input, scratch in
      let images = try CIFAR10(binaryFiles: [scratch.write(input, "data_batch_1.bin")])
      for place in images.indices.prefix(3) { _ = images.image(at: place) }
    }
  }
}
