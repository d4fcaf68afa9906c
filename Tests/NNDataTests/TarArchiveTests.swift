import Foundation
import NNCore
import NNData
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
}
