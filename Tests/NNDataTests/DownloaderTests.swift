import Foundation
import NNCore
import NNData
import NNFiles
import Synchronization
import TestSupport
import Testing

@Suite(.serialized)
struct DownloaderTests {
  static let content = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
  static let downloader = Downloader(timeout: 5, retries: 3, retryDelay: 0.01)

  private func sha(_ bytes: [UInt8]) throws -> Checksum {
    .sha256(try bytes.withUnsafeBytes { try sha256($0) })
  }

  private func withServer(
    _ respond: @escaping @Sendable (Int, [String: String]) -> TinyServer.Answer,
    _ body: (TinyServer, String) throws -> Void
  ) throws {
    let server = try TinyServer(respond)
    defer { server.stop() }
    return try withTemporaryFolder { try body(server, $0) }
  }

  /// The rest of the content from where the request asks for it.
  private static func rest(_ fields: [String: String]) -> TinyServer.Answer {
    guard let range = fields["range"], let start = Int(range.dropFirst("bytes=".count).dropLast()) else {
      return TinyServer.Answer(content)
    }
    return TinyServer.Answer(
      Array(content[start...]), status: "206 Partial Content",
      headers: ["Content-Range": "bytes \(start)-\(content.count - 1)/\(content.count)"])
  }

  @Test func downloadsWithProgress() throws {
    try withServer({ _, _ in TinyServer.Answer(Self.content) }) { server, folder in
      var reports: [DownloadProgress] = []
      try Self.downloader.download(
        server.url("a.bin"), to: "\(folder)/a.bin", checksum: try sha(Self.content)
      ) { reports.append($0) }
      #expect(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/a.bin")) == Data(Self.content))
      #expect(contents(of: folder) == ["a.bin"])
      let last = try #require(reports.last)
      #expect(last.isFinished && last.received == Self.content.count && last.name == "a.bin")
      #expect(last.text == "a.bin: 0.3 of 0.3 MB (100%)")
      // A second call finds the file there.
      try Self.downloader.download(
        server.url("a.bin"), to: "\(folder)/a.bin", checksum: try sha(Self.content))
      #expect(server.requests.count == 1)
      #expect(server.requests[0]["accept-encoding"] == "identity")
    }
  }

  @Test func resumesBrokenConnections() throws {
    try withServer({ number, fields in
      var answer = Self.rest(fields)
      // The first two connections break after 100,000 bytes.
      if number < 2 { answer.body = Array(answer.body.prefix(100_000)) }
      return answer
    }) { server, folder in
      try Self.downloader.download(server.url("a"), to: "\(folder)/a", checksum: try sha(Self.content))
      #expect(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/a")) == Data(Self.content))
      #expect(server.requests.map { $0["range"] } == [nil, "bytes=100000-", "bytes=200000-"])
    }
  }

  @Test func keepsAPartForTheNextProcess() throws {
    try withServer({ number, fields in
      var answer = Self.rest(fields)
      if number == 0 { answer.body = Array(answer.body.prefix(1000)) }
      return answer
    }) { server, folder in
      let once = Downloader(timeout: 5, retries: 0, retryDelay: 0)
      #expect(throws: DownloadError.self) {
        try once.download(server.url("a"), to: "\(folder)/a", checksum: try sha(Self.content))
      }
      #expect(contents(of: folder) == ["a.part"])
      try once.download(server.url("a"), to: "\(folder)/a", checksum: try sha(Self.content))
      #expect(contents(of: folder) == ["a"])
      #expect(server.requests[1]["range"] == "bytes=1000-")
      // Without a checksum nothing could tell whether two parts belong together.
      #expect(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/a")) == Data(Self.content))
    }
  }

  @Test func startsAgainWhereResumingIsImpossible() throws {
    // A server that ignores ranges, one that answers with another range, one that finds the range too long, and a
    // part that belongs to another file.
    let answers: [@Sendable (Int, [String: String]) -> TinyServer.Answer] = [
      { _, _ in TinyServer.Answer(Self.content) },
      { _, fields in
        fields["range"] == nil
          ? TinyServer.Answer(Self.content)
          : TinyServer.Answer(
            [1, 2, 3], status: "206 Partial Content", headers: ["Content-Range": "bytes 0-2/3"])
      },
      { _, fields in
        fields["range"] == nil
          ? TinyServer.Answer(Self.content) : TinyServer.Answer([], status: "416 Range Not Satisfiable")
      },
      { _, fields in Self.rest(fields) },
    ]
    for answer in answers {
      try withServer(answer) { server, folder in
        try Data(repeating: 7, count: 5000).write(to: URL(fileURLWithPath: "\(folder)/a.part"))
        try Self.downloader.download(server.url("a"), to: "\(folder)/a", checksum: try sha(Self.content))
        #expect(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/a")) == Data(Self.content))
        #expect(contents(of: folder) == ["a"])
        #expect(server.requests[0]["range"] == "bytes=5000-")
      }
    }
  }

  @Test func finishesAPartThatIsComplete() throws {
    try withServer({ _, _ in TinyServer.Answer([], status: "500 Internal Server Error") }) { server, folder in
      try Data(Self.content).write(to: URL(fileURLWithPath: "\(folder)/a.part"))
      try Self.downloader.download(server.url("a"), to: "\(folder)/a", checksum: try sha(Self.content))
      #expect(contents(of: folder) == ["a"])
      #expect(server.requests.isEmpty)
    }
  }

  @Test func refusesWrongBytes() throws {
    try withServer({ _, _ in TinyServer.Answer(Self.content.reversed()) }) { server, folder in
      #expect {
        try Self.downloader.download(server.url("a"), to: "\(folder)/a", checksum: try sha(Self.content))
      } throws: { error in
        expectOneLine(error, naming: server.url("a"))
        if case .checksum = error as? DownloadError { return true }
        return false
      }
      #expect(contents(of: folder) == [])
      #expect(server.requests.count == 1)
    }
  }

  @Test func refusesWrongLengths() throws {
    try withServer({ _, _ in TinyServer.Answer(Self.content, length: 1000) }) { server, folder in
      let downloader = Downloader(timeout: 5, retries: 1, retryDelay: 0)
      #expect(throws: DownloadError.self) {
        try downloader.download(server.url("a"), to: "\(folder)/a", checksum: try sha(Self.content))
      }
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/a"))
    }
    // Without a checksum too, a file that ends early is noticed.
    try withServer({ _, _ in TinyServer.Answer(Self.content, length: 600_000) }) { server, folder in
      #expect(throws: DownloadError.self) {
        try Downloader(timeout: 5, retries: 0).download(server.url("a"), to: "\(folder)/a")
      }
      #expect(contents(of: folder) == [])
    }
  }

  @Test func retriesOnlyWhatMayPass() throws {
    try withServer({ number, _ in
      number < 2 ? TinyServer.Answer([], status: "503 Service Unavailable") : TinyServer.Answer(Self.content)
    }) { server, folder in
      try Self.downloader.download(server.url("a"), to: "\(folder)/a")
      #expect(server.requests.count == 3)
    }
  }

  @Test func stopsAtTheLimit() throws {
    for length in [true, false] {
      try withServer({ _, _ in
        var answer = TinyServer.Answer(Self.content)
        if !length { answer.length = nil }
        return answer
      }) { server, folder in
        #expect(throws: DownloadError.tooLarge(url: server.url("a"), limit: 1000)) {
          try Self.downloader.download(server.url("a"), to: "\(folder)/a", maximumBytes: 1000)
        }
        #expect(contents(of: folder) == [])
      }
    }
  }

  @Test func givesUpOnSilence() throws {
    try withServer({ _, _ in
      var answer = TinyServer.Answer(Array(Self.content.prefix(10)), length: 100)
      answer.stall = 3
      return answer
    }) { server, folder in
      #expect(throws: DownloadError.self) {
        try Downloader(timeout: 1, retries: 0).download(server.url("a"), to: "\(folder)/a")
      }
    }
  }

  @Test func namesUnreachableServersAndBadAddresses() throws {
    try withTemporaryFolder { folder in
      for url in ["ftp://example.org/a", "nonsense", ""] {
        #expect(throws: DownloadError.invalidURL(url)) {
          try Self.downloader.download(url, to: "\(folder)/a")
        }
      }
      #expect {
        try Downloader(timeout: 5, retries: 0).download("http://127.0.0.1:1/a", to: "\(folder)/a")
      } throws: { error in
        expectOneLine(error, naming: "http://127.0.0.1:1/a")
        return true
      }
      #expect(throws: FileError.self) {
        try Self.downloader.download("file:///nowhere/at/all", to: "\(folder)/a")
      }
      #expect(throws: FileError.self) {
        try Self.downloader.download("file:///etc/hostname", to: "\(folder)/missing/a")
      }
      #expect(contents(of: folder) == [])
    }
  }

  @Test func leavesAFileThatAnotherProcessDownloads() throws {
    try withTemporaryFolder { folder in
      let descriptor = open("\(folder)/a.part", O_RDWR | O_CREAT, 0o644)
      defer { close(descriptor) }
      #expect(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
      #expect(throws: DownloadError.busy(file: "\(folder)/a.part")) {
        try Self.downloader.download("file:///etc/hostname", to: "\(folder)/a")
      }
    }
  }

  /// Several at once stand for several processes: `flock` keeps apart what was opened apart.
  @Test func severalDownloadsOfOneFileDoNoHarm() throws {
    try withServer({ _, fields in
      var answer = Self.rest(fields)
      answer.stall = 0.05
      return answer
    }) { server, folder in
      let checksum = try sha(Self.content)
      let downloader = Downloader(timeout: 10, retries: 3, retryDelay: 0.01, busyTimeout: 30)
      let url = server.url("a")
      let failures = Mutex<[String]>([])
      DispatchQueue.concurrentPerform(iterations: 6) { _ in
        do {
          try downloader.download(url, to: "\(folder)/a", checksum: checksum)
          let content = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/a"))
          if content != Data(Self.content) { failures.withLock { $0.append("other bytes") } }
        } catch {
          failures.withLock { $0.append("\(error)") }
        }
      }
      #expect(failures.withLock { $0 } == [])
      #expect(contents(of: folder) == ["a"])
      #expect(server.requests.count == 1)
    }
  }

  @Test func computesChecksums() throws {
    try withTemporaryFolder { folder in
      try Data("abc".utf8).write(to: URL(fileURLWithPath: "\(folder)/abc"))
      let sha = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
      #expect(try Checksum.md5("").digest(ofFile: "\(folder)/abc") == "900150983cd24fb0d6963f7d28e17f72")
      #expect(try Checksum.sha256("").digest(ofFile: "\(folder)/abc") == sha)
      #expect(Checksum.sha256Prefix("ba7816bf").matches(sha))
      #expect(!Checksum.sha256Prefix("ba7816be").matches(sha) && !Checksum.sha256Prefix("").matches(sha))
      #expect(Checksum.sha256(sha.uppercased()).matches(sha))
      // As `git hash-object` gives it.
      try Data("what is up, doc?".utf8).write(to: URL(fileURLWithPath: "\(folder)/doc"))
      #expect(
        try Checksum.gitBlob("").digest(ofFile: "\(folder)/doc") == "bd9dbf5aae1a3862dd1526723246b20206e5fc37"
      )
    }
  }
}
