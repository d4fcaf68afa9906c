import Foundation
import NNCore
import NNData
import NNFiles
import TestSupport
import Testing

@Suite struct FileArchiveTests {
  enum Kind: String, CaseIterable { case zip, tar, tgz }

  private static let photos: [(name: String, content: [UInt8])] = [
    ("photos/dog/2.png", dot(3)), ("photos/cat/10.png", dot(2)), ("photos/cat/1.png", dot(1)),
    ("photos/cat/more/a.png", dot(4)), ("photos/notes.txt", [1]), ("__MACOSX/photos/cat/._1.png", [1]),
  ]

  private static func archive(
    _ kind: Kind, _ files: [(name: String, content: [UInt8])] = photos
  ) -> [UInt8] {
    switch kind {
    case .zip: [UInt8](storedZip(files))
    case .tar: tar(files)
    case .tgz: [UInt8](storedGzip(tar(files)))
    }
  }

  /// The same images in the same order as in folders.
  @Test(arguments: Kind.allCases) func readsFoldersOfImages(_ kind: Kind) throws {
    try withTemporaryFolder { folder in
      let path = try write(Self.archive(kind), "\(folder)/photos.\(kind)")
      for (name, content) in Self.photos where name.hasPrefix("photos") {
        try write(content, "\(folder)/plain/\(name)")
      }
      let (packed, plain) = (try ImageFolder(path), try ImageFolder("\(folder)/plain/photos"))
      #expect(packed.classes == ["cat", "dog"] && packed.targets == plain.targets)
      #expect(packed.paths == plain.paths.map { $0.replacing("\(folder)/plain", with: path) })
      for index in packed.indices {
        #expect(try packed.image(at: index) == plain.image(at: index))
      }
      #expect(packed.skipped.contains { $0.reason == "hidden or of the system" } == false)
      #expect(try packed.fingerprint() != plain.fingerprint())
      let loader = DataLoader(packed, batchSize: 2, shuffle: true, workers: 2, generator: Generator(seed: 1))
      let again = DataLoader(plain, batchSize: 2, shuffle: true, generator: Generator(seed: 1))
      let (batches, others) = (loader.makeIterator(), again.makeIterator())
      while let batch = try batches.next() {
        let other = try #require(try others.next())
        #expect(batch.input.array(of: Float.self) == other.input.array(of: Float.self))
        #expect(batch.target.array(of: Int64.self) == other.target.array(of: Int64.self))
      }
    }
  }

  @Test func readsWhatToolsWrite() throws {
    try withTemporaryFolder { folder in
      let long = String(repeating: "long-name-", count: 15)
      for name in ["a/\(long).png", "b/\u{e4}.png"] { try write(dot(7), "\(folder)/in/\(name)") }
      let commands = [
        "gnu.tar": "tar --format=gnu -cf gnu.tar in", "pax.tar": "tar --format=pax -cf pax.tar in",
        "packed.tar.gz": "tar -czf packed.tar.gz in",
      ]
      for (name, command) in commands.sorted(by: { $0.key < $1.key }) {
        let made = try Command(["bash", "-c", command], in: URL(fileURLWithPath: folder))
        try #require(made.status == 0, "\(made.output)")
        let images = try ImageFolder("\(folder)/\(name)")
        #expect(images.classes == ["a", "b"], "\(name)")
        #expect(images.paths == ["a/\(long)", "b/\u{e4}"].map { "\(folder)/\(name)/in/\($0).png" })
        for index in images.indices { #expect(try images.image(at: index).pixels.allSatisfy { $0 == 7 }) }
      }
    }
  }

  /// Names that lead outside are no names of images; nothing is written.
  @Test func pathsThatLeadOutsideAreLeftOut() throws {
    try withTemporaryFolder { folder in
      let entries = [
        TarEntry(bytes: Array("a/1.png".utf8), content: dot(1)),
        TarEntry(bytes: Array("b/1.png".utf8), content: dot(1)),
        TarEntry(bytes: Array("../a/2.png".utf8), content: dot(1)),
        TarEntry(bytes: Array("/a/3.png".utf8), content: dot(1)),
        TarEntry("a/4.png", kind: "2", target: "1.png"), TarEntry("a/5.png", kind: "1", target: "a/1.png"),
        TarEntry("a/6.png", kind: "3"), TarEntry("../x", kind: "5"),
      ]
      let images = try ImageFolder(write(storedTar(entries), "\(folder)/a.tar"))
      #expect(images.paths == ["\(folder)/a.tar/a/1.png", "\(folder)/a.tar/b/1.png"])
      #expect(images.skipped.count == 6, "\(images.skipped)")
      #expect(contents(of: folder) == ["a.tar"])
    }
  }

  @Test func damagedArchivesAreRefusedInOneLine() throws {
    try withTemporaryFolder { folder in
      let whole = Self.archive(.tar)
      var wrong = whole
      wrong[150] ^= 1
      let files: [(name: String, bytes: [UInt8], part: String)] = [
        ("cut.tar", Array(whole.prefix(700)), "cut.tar"), ("sum.tar", wrong, "sum.tar"),
        ("cut.zip", Array(Self.archive(.zip).dropLast(3)), "a zip directory"),
        ("cut.tgz", Array(Self.archive(.tgz).dropLast(9)), "cut.tgz"),
        ("text.zip", Array("hello".utf8), "text.zip"), ("empty.tar", [], "empty.tar"),
        ("photos.tar.zst", [0x28, 0xB5, 0x2F, 0xFD, 0, 0], "found zstd"),
        ("twice.tar", tar([("a/1.png", [1]), ("a/1.png", [2])]), "is there twice"),
        ("both.tar", tar([("a", [1]), ("a/1.png", [2])]), "is in a file"),
      ]
      for file in files {
        let path = try write(file.bytes, "\(folder)/\(file.name)")
        #expect("\(file.name)") { try ImageFolder(path) } throws: { error in
          expectOneLine(error, naming: file.part)
          return error is ArchiveError || error is FileError || error is DatasetError
        }
      }
    }
  }

  /// A damaged entry is found when it is asked for, the others are read.
  @Test func damagedEntriesAreNamed() throws {
    try withTemporaryFolder { folder in
      var zip = Self.archive(.zip, [("a/1.png", dot(1)), ("b/2.png", dot(2))])
      let place = try #require(zip.firstIndex(of: 0x89))
      zip[place + 30] ^= 0xFF
      let images = try ImageFolder(write(zip, "\(folder)/a.zip"))
      #expect { try images.image(at: 0) } throws: { error in
        expectOneLine(error, naming: "a.zip/a/1.png")
        return error is FileError
      }
      #expect(try images.image(at: 1).pixels[0] == 2)
    }
  }

  @Test func packedTarFilesAreBounded() throws {
    try withTemporaryFolder { folder in
      let path = try write(Self.archive(.tgz), "\(folder)/a.tgz")
      #expect(try FileArchive(path).names.count == Self.photos.count)
      #expect { try FileArchive(path, packedLimit: 1_000) } throws: { error in
        expectOneLine(error, naming: "at most 1000 bytes of memory")
        return error is ArchiveError
      }
    }
  }

  @Test func tablesNameImagesInArchives() throws {
    try withTemporaryFolder { folder in
      let path = try write(Self.archive(.zip), "\(folder)/photos.zip")
      let table = try write(
        Array("file,label\nphotos/cat/1,x\nphotos/dog/2.png,y\n".utf8), "\(folder)/t.csv")
      let rows = try LabelTable(contentsOf: table, root: path).rows
      #expect(rows.map(\.path) == ["photos/cat/1.png", "photos/dog/2.png"])
      let images = try ImageFolder(path, files: rows.map { ($0.path, $0.label) })
      #expect(try images.image(at: 1).pixels[0] == 3)
      try write(Array("file,label\nphotos/cat/3,x\n".utf8), table)
      #expect(throws: FileError.self) { try LabelTable(contentsOf: table, root: path) }
    }
  }
}
