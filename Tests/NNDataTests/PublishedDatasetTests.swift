import Foundation
import NNCore
import NNData
import NNFiles
import TestSupport
import Testing

/// Data sets in files of their published layouts, compared with what torchvision reads in them.
@Suite struct PublishedDatasetTests {
  static let expected = NamedEntry.all(
    (try? JSONValue(contentsOf: URL(fileURLWithPath: fixture("datasets/expected.json")))) ?? .null,
    named: "part")

  /// A copy of the files, into which data sets may unpack others.
  private func withFiles<R>(_ body: (String) throws -> R) throws -> R {
    try withTemporaryFolder { folder in
      try FileManager.default.copyItem(atPath: fixture("datasets"), toPath: "\(folder)/data")
      return try body("\(folder)/data")
    }
  }

  private func open(_ name: String, _ root: String) throws -> any VisionDataset {
    let parts = name.split(separator: "/").map(String.init)
    let isTrain = parts[1] == "train"
    let part = try #require(PublishedPart(rawValue: parts[1]))
    switch parts[0] {
    case "svhn": return try SVHN(root: root, train: isTrain)
    case "stl10":
      try TarArchive.extract("\(root)/stl10_binary.tar.gz", into: root)
      return try STL10(root: root, train: isTrain)
    case "emnist-letters": return try EMNIST(root: root, split: .letters, train: isTrain)
    case "emnist-balanced": return try EMNIST(root: root, split: .balanced, train: isTrain)
    case "fer2013": return try FER2013(root: root, train: isTrain)
    case "fer2013-icml": return try FER2013(root: "\(root)/icml", train: isTrain)
    case "dtd": return try DTD.open(root: root, part: part)
    case "eurosat": return try EuroSAT.open(root: root)
    case "gtsrb": return try GTSRB.open(root: root, train: isTrain)
    case "pets": return try OxfordIIITPet.open(root: root, train: isTrain)
    case "food101": return try Food101.open(root: root, train: isTrain)
    case "caltech101": return try Caltech101.open(root: root)
    case "flowers102": return try Flowers102.open(root: root, part: part)
    default: throw DatasetError.notFound(folder: root, expected: name)
    }
  }

  @Test(arguments: expected) func readsWhatTorchvisionReads(_ entry: NamedEntry) throws {
    try withFiles { root in
      let images = try open(entry.description, root)
      #expect(images.targets == entry["targets"]?.ints)
      if let classes = entry["classes"]?.elements { #expect(images.classes == classes.compactMap(\.string)) }
      let wanted = try #require(entry["images"]?.elements)
      try #require(wanted.count == images.count)
      for (index, want) in wanted.enumerated() {
        let image = try images.image(at: index)
        #expect([image.width, image.height] == want["size"]?.ints)
        #expect(try sha256(image).prefix(16) == want["sha256"]?.string ?? "", "image \(index)")
      }
    }
  }

  /// What torchvision unpacks is read as well as the zip files.
  @Test func unpackedFoldersAreReadToo() throws {
    try withFiles { root in
      let zip = try FileArchive("\(root)/eurosat/EuroSAT.zip")
      for name in zip.names {
        try zip.bytes(of: name).withBytes { _ = try write(Array($0), "\(root)/eurosat/\(name)") }
      }
      let packed = try EuroSAT.open(root: root)
      #expect(packed.paths[0] == "\(root)/eurosat/2750/Forest/Forest_1.jpg" && packed.count == 4)
    }
  }

  @Test(arguments: [
    "svhn/test", "stl10/test", "emnist-letters/test", "fer2013/test", "dtd/test", "eurosat/train",
    "gtsrb/test",
    "pets/test", "food101/test", "caltech101/train", "flowers102/test",
  ])
  func missingFilesAreNamed(_ name: String) throws {
    try withTemporaryFolder { root in
      if name.hasPrefix("stl10") {
        #expect(throws: DatasetError.self) { try STL10(root: root) }
        return
      }
      #expect { try open(name, root) } throws: { error in
        expectOneLine(error, naming: root)
        return error is DatasetError
      }
    }
  }

  @Test func listsThatLeadOutsideAreRefused() throws {
    try withFiles { root in
      let changes: [(file: String, text: String, open: () throws -> Void)] = [
        ("dtd/dtd/labels/train1.txt", "../dots_1.jpg\n", { _ = try DTD.open(root: root) }),
        (
          "oxford-iiit-pet/annotations/test.txt", "a/b_1 1 1 1\n",
          { _ = try OxfordIIITPet.open(root: root, train: false) }
        ),
        (
          "oxford-iiit-pet/annotations/test.txt", "b_1 38 1 1\n",
          { _ = try OxfordIIITPet.open(root: root, train: false) }
        ),
        (
          "food-101/meta/test.json", "{\"a\": [\"../b\"]}", { _ = try Food101.open(root: root, train: false) }
        ),
        ("food-101/meta/test.json", "[]", { _ = try Food101.open(root: root, train: false) }),
        (
          "gtsrb/GT-final_test.csv", "Filename;ClassId\n../a.ppm;1\n",
          { _ = try GTSRB.open(root: root, train: false) }
        ),
        (
          "gtsrb/GT-final_test.csv", "Filename;ClassId\na.ppm;43\n",
          { _ = try GTSRB.open(root: root, train: false) }
        ),
        ("fer2013/fer2013.csv", "emotion,pixels,Usage\n7,1 2,Training\n", { _ = try FER2013(root: root) }),
        ("fer2013/fer2013.csv", "emotion,pixels,Usage\n1,1 2,Training\n", { _ = try FER2013(root: root) }),
        ("fer2013/fer2013.csv", "emotion,pixels\n1,1 2\n", { _ = try FER2013(root: root) }),
      ]
      for change in changes {
        try write(Array(change.text.utf8), "\(root)/\(change.file)")
        #expect { try change.open() } throws: { error in
          expectOneLine(error, naming: change.file)
          return error is FileError
        }
      }
    }
  }

  @Test func listsAreBounded() throws {
    try withFiles { root in
      let list = "\(root)/dtd/dtd/labels/train1.txt"
      try #require(truncate(list, off_t(PublishedList.sizeLimit + 1)) == 0)
      #expect { try DTD.open(root: root) } throws: { error in
        expectOneLine(error, naming: "a list of at most \(PublishedList.sizeLimit) bytes")
        return error is FileError
      }
    }
  }

  /// A file that says it unfolds to more than any data set needs, and damaged ones.
  @Test func damagedMatlabFilesAreRefused() throws {
    try withTemporaryFolder { folder in
      let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: fixture("datasets/test_32x32.mat"))))
      var shape = whole
      // The largest dimension of the first array, whose head is not packed.
      let place = try #require(whole.indices.first { whole[$0...].starts(with: [32, 0, 0, 0, 32, 0, 0, 0]) })
      shape[place + 8] = 4
      let cases: [(bytes: [UInt8], part: String)] = [
        (Array(whole.prefix(500)), "found an end"), (shape, "[32, 32, 4, 2] elements in \"X\""),
        (Array(whole.prefix(100)), "a MATLAB file of level 5"), ([], "a MATLAB file of level 5"),
      ]
      for entry in cases {
        let path = try write(entry.bytes, "\(folder)/a.mat")
        #expect { try MATFile(contentsOf: path) } throws: { error in
          expectOneLine(error, naming: entry.part)
          return error is FileError
        }
      }
      #expect { try MATFile(contentsOf: fixture("datasets/test_32x32.mat")).integers("z") } throws: { error in
        expectOneLine(error, naming: "an array \"z\", found \"X\", \"y\"")
        return error is FileError
      }
    }
  }

  /// A megabyte of zeros that stands for a variable of the size of the bound.
  @Test func unpackedVariablesAreBounded() throws {
    try withTemporaryFolder { folder in
      let size = UInt32(MATFile.unpackedLimit + 1)
      let tag = [14, 0, 0, 0] + withUnsafeBytes(of: size.littleEndian) { Array($0) }
      // A block of zlib that is not packed.
      let packed = [0x78, 1, 0, 8, 0, 0xF7, 0xFF] + tag
      let head = Array("MATLAB 5.0 MAT-file".utf8)
      let file =
        head + Array(repeating: 0x20, count: 124 - head.count) + [0, 1, 0x49, 0x4D, 15, 0, 0, 0]
        + withUnsafeBytes(of: UInt32(packed.count).littleEndian) { Array($0) } + packed
      #expect { try MATFile(contentsOf: write(file, "\(folder)/a.mat")) } throws: { error in
        expectOneLine(error, naming: "at most \(MATFile.unpackedLimit) bytes")
        return error is FileError
      }
    }
  }

  @Test func portablePixmapsAreRead() throws {
    let gray = Array("P5 # a comment\n2 1\n15\n".utf8) + [0, 7]
    #expect(try Image(decoding: gray, mode: .unchanged).pixels == [0, 119])
    let wide = Array("P6\n1 1 65535 ".utf8) + [0xFF, 0xFF, 0x80, 0, 0, 0]
    #expect(try Image(decoding: wide).pixels == [255, 128, 0])
    for text in [
      "P6\n1 1 255\n\u{1}\u{2}", "P6\n1 x 255\n", "P5\n1 1 0\n1", "P6\n", "P6 99999999999 1 255\n",
      "P5 0 1 1\n",
    ] {
      #expect(throws: ImageError.self) { try Image(decoding: Array(text.utf8)) }
    }
  }
}
