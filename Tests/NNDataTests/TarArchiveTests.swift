import Foundation
import NNCore
import NNData
import NNFiles
import TestSupport
import Testing

struct TarArchiveTests {
  @Test func extractsBesideWhatIsThere() throws {
    let archive = fixture("cifar10/cifar10_binary_mini.tar.gz")
    try withTemporaryFolder { folder in
      try Data().write(to: URL(fileURLWithPath: "\(folder)/other"))
      try TarArchive.extract(archive, into: folder)
      #expect(contents(of: folder) == ["cifar-10-batches-bin", "other"])
      #expect(contents(of: "\(folder)/cifar-10-batches-bin").count == 7)
      let meta = try String(
        contentsOfFile: "\(folder)/cifar-10-batches-bin/batches.meta.txt", encoding: .utf8)
      #expect(meta.hasPrefix("airplane\nautomobile\n"))
      // A second time it would overwrite.
      #expect(throws: FileError.self) { try TarArchive.extract(archive, into: folder) }
      #expect(contents(of: folder) == ["cifar-10-batches-bin", "other"])
    }
  }

  @Test func keepsToItsLimits() throws {
    let archive = fixture("cifar10/cifar10_binary_mini.tar.gz")
    for limits in [TarArchive.Limits(totalBytes: 50_000), TarArchive.Limits(entries: 5)] {
      try withTemporaryFolder { folder in
        #expect {
          try TarArchive.extract(archive, into: folder, limits: limits)
        } throws: { error in
          expectOneLine(error, naming: "cifar10_binary_mini.tar.gz")
          return error is ArchiveError
        }
        #expect(contents(of: folder) == [])
      }
    }
  }

  @Test func namesMissingFilesAndFolders() throws {
    try withTemporaryFolder { folder in
      #expect(throws: FileError.self) { try TarArchive.extract("\(folder)/none.tar.gz", into: folder) }
      #expect(throws: FileError.self) {
        try TarArchive.extract(fixture("cifar10/cifar10_binary_mini.tar.gz"), into: "\(folder)/none")
      }
      #expect(throws: ArchiveError.self) { try TarArchive.extract(fixture("images/rgb.png"), into: folder) }
      #expect(contents(of: folder) == [])
    }
  }

  /// Nothing is written for any of them, neither in the folder nor beside it, though a good file comes first.
  @Test(arguments: [
    // A slash with a combining mark is one Character, and no slash to who looks at those.
    TarEntry("../\u{301}outside", content: "x"), TarEntry("inside/../\u{308}x/../../outside", content: "x"),
    TarEntry("/\u{301}tmp/outside", content: "x"), TarEntry("../outside", content: "x"),
    TarEntry("a/../../outside", content: "x"), TarEntry("..", kind: "5"), TarEntry("../made", kind: "5"),
    TarEntry("/outside", content: "x"), TarEntry("..\\outside", content: "x"), TarEntry("", content: "x"),
    TarEntry("./", content: "x"), TarEntry("a\nb", content: "x"), TarEntry("a\u{7f}", content: "x"),
    TarEntry("good", content: "twice"), TarEntry("link", kind: "2", target: "../outside"),
    TarEntry("link", kind: "2", target: "good"), TarEntry("link", kind: "1", target: "good"),
    TarEntry("link", kind: "1", target: "/etc/passwd"), TarEntry("device", kind: "3"),
    TarEntry("pipe", kind: "6"),
    TarEntry(String(repeating: "n", count: 90) + "/../../../outside", content: "x"),
  ])
  func refusesWhatLeadsElsewhere(entry: TarEntry) throws {
    try withTemporaryFolder { outer in
      let (folder, archive) = ("\(outer)/deep/target", "\(outer)/hostile.tar.gz")
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let tar = storedTar([TarEntry("good", content: "good"), entry])
      try storedGzip(tar).write(to: URL(fileURLWithPath: archive))
      #expect {
        try TarArchive.extract(archive, into: folder)
      } throws: { error in
        expectOneLine(error, naming: "hostile.tar.gz")
        return error is ArchiveError
      }
      #expect(contents(of: folder) == [])
      #expect(contents(of: "\(outer)/deep") == ["target"])
      #expect(contents(of: outer) == ["deep", "hostile.tar.gz"])
    }
  }

  @Test func unpacksPlainNamesOfAnyLanguage() throws {
    try withTemporaryFolder { folder in
      let archive = "\(folder)/names.tar.gz"
      let tar = storedTar([
        TarEntry("./", kind: "5"), TarEntry("./e\u{301}/", kind: "5"),
        TarEntry("./e\u{301}/..a..", content: "x"), TarEntry("b//\u{301}c", content: "y"),
      ])
      try storedGzip(tar).write(to: URL(fileURLWithPath: archive))
      try TarArchive.extract(archive, into: folder)
      #expect(contents(of: folder).sorted() == ["b", "e\u{301}", "names.tar.gz"].sorted())
      #expect(try String(contentsOfFile: "\(folder)/b/\u{301}c", encoding: .utf8) == "y")
      #expect(try String(contentsOfFile: "\(folder)/e\u{301}/..a..", encoding: .utf8) == "x")
    }
  }

  /// A rename would put the archive's file in the place of a link that leads nowhere.
  @Test func leavesLinksThatLeadNowhere() throws {
    try withTemporaryFolder { folder in
      let archive = "\(folder)/a.tar.gz"
      try storedGzip(storedTar([TarEntry("a", content: "x"), TarEntry("b", content: "x")]))
        .write(to: URL(fileURLWithPath: archive))
      try FileManager.default.createSymbolicLink(
        atPath: "\(folder)/b", withDestinationPath: "\(folder)/nothing")
      #expect(throws: FileError.self) { try TarArchive.extract(archive, into: folder) }
      #expect(contents(of: folder) == ["a.tar.gz", "b"])
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/b") == "\(folder)/nothing")
    }
  }
}
