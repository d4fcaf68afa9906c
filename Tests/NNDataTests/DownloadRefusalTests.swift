import Foundation
import NNData
import TestSupport
import Testing

/// Servers that send more than they should, or send on to somewhere else, or cannot prove who they are.
@Suite(.serialized)
struct DownloadRefusalTests {
  static let downloader = Downloader(timeout: 5, retries: 3, retryDelay: 0.01)
  static let unknown = Checksum.sha256(String(repeating: "0", count: 64))

  /// Downloads with and without a checksum: the error, of one line, and nothing left; how many requests there were.
  private func expectRefusal(
    _ server: TinyServer, scheme: String = "http", limit: Int = Downloader.defaultMaximumBytes,
    sourceLocation: SourceLocation = #_sourceLocation, _ isExpected: (DownloadError) -> Bool
  ) throws {
    let url = server.url("a").replacingOccurrences(of: "http:", with: "\(scheme):")
    for checksum in [nil, Self.unknown] {
      try withTemporaryFolder { folder in
        let error = #expect(throws: DownloadError.self, sourceLocation: sourceLocation) {
          try Self.downloader.download(
            url, to: "\(folder)/a", checksum: checksum, maximumBytes: limit)
        }
        let found = try #require(error, sourceLocation: sourceLocation)
        #expect(isExpected(found), "\(found)", sourceLocation: sourceLocation)
        expectOneLine(found, naming: url, sourceLocation: sourceLocation)
        let left = contents(of: folder)
        #expect(left == [], sourceLocation: sourceLocation)
      }
    }
  }

  @Test(arguments: [400, 401, 403, 404, 410])
  func anAnswerForGoodIsNotAskedForAgain(_ code: Int) throws {
    let server = try TinyServer { _, _ in TinyServer.Answer(Array("no".utf8), status: "\(code) No") }
    defer { server.stop() }
    try expectRefusal(server) { $0 == .status(url: server.url("a"), code: code) }
    #expect(server.requests.count == 2)
  }

  @Test(arguments: [408, 500, 503])
  func aServerInTroubleIsAskedAgain(_ code: Int) throws {
    let server = try TinyServer { _, _ in TinyServer.Answer([], status: "\(code) Later") }
    defer { server.stop() }
    try expectRefusal(server) { $0 == .status(url: server.url("a"), code: code) }
    #expect(server.requests.count == 2 * (1 + Self.downloader.retries))
  }

  @Test func tooManyRequestsAreAskedAgain() throws {
    let server = try TinyServer { _, _ in TinyServer.Answer([], status: "429 Later") }
    defer { server.stop() }
    try expectRefusal(server) { $0 == .tooManyRequests(url: server.url("a"), retryAfter: nil) }
    #expect(server.requests.count == 2 * (1 + Self.downloader.retries))
  }

  @Test func anEndlessBodyStopsAtTheBound() throws {
    let server = try TinyServer { _, _ in
      var answer = TinyServer.Answer([UInt8](repeating: 7, count: 10_000))
      answer.length = nil
      answer.isEndless = true
      return answer
    }
    defer { server.stop() }
    try expectRefusal(server, limit: 1_000_000) { $0 == .tooLarge(url: server.url("a"), limit: 1_000_000) }
    #expect(server.requests.count == 2)
  }

  @Test func aLengthBeyondTheBoundIsRefusedAtOnce() throws {
    let server = try TinyServer { _, _ in TinyServer.Answer([1, 2, 3], length: 2_000_000) }
    defer { server.stop() }
    try expectRefusal(server, limit: 1_000_000) { $0 == .tooLarge(url: server.url("a"), limit: 1_000_000) }
    #expect(server.requests.count == 2)
  }

  /// A hundred thousand zeros in 133 bytes: packed, though the request asks for what is not.
  @Test func aPackedBodyIsNoLongerThanAnnounced() throws {
    let zeros =
      "H4sIAAAAAAACA+3BMQEAAADCoPVPbQ0PoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
      + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIBXA32VEdSghgEA"
    let packed = Array(try #require(Data(base64Encoded: zeros)))
    let server = try TinyServer { _, _ in TinyServer.Answer(packed, headers: ["Content-Encoding": "gzip"]) }
    defer { server.stop() }
    try expectRefusal(server) { $0 == .tooLarge(url: server.url("a"), limit: packed.count) }
  }

  /// The range that was asked for is 1,000 bytes long, what comes is more.
  @Test func aRangeIsNoLongerThanStated() throws {
    let server = try TinyServer { _, _ in
      TinyServer.Answer(
        [UInt8](repeating: 7, count: 5000), status: "206 Partial Content",
        headers: ["Content-Range": "bytes 0-999/1000"])
    }
    defer { server.stop() }
    try expectRefusal(server) { $0 == .tooLarge(url: server.url("a"), limit: 1000) }
  }

  /// Of more bytes than announced, those that were announced count: the digest refuses them.
  @Test func aLengthShorterThanTheBodyIsRefused() throws {
    let server = try TinyServer { _, _ in TinyServer.Answer([UInt8](repeating: 7, count: 5000), length: 1000)
    }
    defer { server.stop() }
    try withTemporaryFolder { folder in
      let error = #expect(throws: DownloadError.self) {
        try Self.downloader.download(server.url("a"), to: "\(folder)/a", checksum: Self.unknown)
      }
      guard case .checksum = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(contents(of: folder) == [])
    }
  }

  @Test func aLengthLongerThanTheBodyIsRefused() throws {
    let server = try TinyServer { _, _ in TinyServer.Answer([1, 2, 3], length: 10) }
    defer { server.stop() }
    try withTemporaryFolder { folder in
      #expect(throws: DownloadError.self) {
        try Self.downloader.download(server.url("a"), to: "\(folder)/a")
      }
      #expect(contents(of: folder) == [])
      #expect(server.requests.count == 1 + Self.downloader.retries)
    }
  }

  // MARK: Redirections

  @Test func redirectionsAreFollowedUpToABound() throws {
    for count in [1, Redirections.limit, Redirections.limit + 1] {
      let server = try TinyServer { number, _ in
        number < count
          ? TinyServer.Answer([], status: "302 Found", headers: ["Location": "/\(number)"])
          : TinyServer.Answer([1, 2, 3])
      }
      defer { server.stop() }
      try withTemporaryFolder { folder in
        let download = { try Self.downloader.download(server.url("a"), to: "\(folder)/a") }
        if count <= Redirections.limit {
          try download()
          #expect(server.requests.count == count + 1)
        } else {
          #expect(throws: DownloadError.self) { try download() }
        }
      }
    }
  }

  @Test func aLoopOfRedirectionsEnds() throws {
    let server = try TinyServer { _, _ in
      TinyServer.Answer([], status: "301 Moved", headers: ["Location": "/a"])
    }
    defer { server.stop() }
    try expectRefusal(server) {
      $0 == .redirect(url: server.url("a"), reason: "redirected more than \(Redirections.limit) times")
    }
    #expect(server.requests.count == 2 * (Redirections.limit + 1))
  }

  /// No server here can prove who it is, so the rule is asked itself.
  @Test(arguments: [
    ("https://a.org/x", "https://b.org/x", true), ("http://a.org/x", "https://a.org/x", true),
    ("http://a.org/x", "http://b.org/x", true), ("https://a.org/x", "http://a.org/x", false),
    ("HTTPS://a.org/x", "http://a.org/x", false), ("https://a.org/x", "HTTP://a.org/x", false),
    ("http://a.org/x", "file:///etc/passwd", false), ("https://a.org/x", "ftp://a.org/x", false),
  ])
  func redirectionsKeepTheEncryption(_ old: String, _ new: String, _ isFollowed: Bool) throws {
    var redirections = Redirections(of: old)
    let refusal = redirections.refusal(from: URL(string: old), to: URL(string: new))
    #expect((refusal == nil) == isFollowed)
    if let refusal { expectOneLine(refusal, naming: new) }
  }

  // MARK: Encryption

  @Test func aServerWithoutEncryptionIsAskedOnce() throws {
    let server = try TinyServer { _, _ in TinyServer.Answer([1, 2, 3]) }
    defer { server.stop() }
    try expectRefusal(server, scheme: "https") { if case .certificate = $0 { true } else { false } }
    #expect(server.requests.count == 2)
  }

  private static let hasOpenSSL = (try? Command(["openssl", "version"]).status) == 0

  @Test(.enabled(if: hasOpenSSL, "needs the program openssl"))
  func aCertificateOfNobodyIsRefusedAtOnce() throws {
    try withTemporaryFolder { folder in
      let made = try Command(
        [
          "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "certificate",
          "-days", "2", "-subj", "/CN=127.0.0.1",
        ], in: URL(fileURLWithPath: folder))
      try #require(made.status == 0, "\(made.output)")
      let server = Process()
      server.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      // One connection only: a second attempt would end in another error.
      let options = ["-accept", "127.0.0.1:0", "-naccept", "1", "-key", "key", "-cert", "certificate"]
      server.arguments = ["openssl", "s_server"] + options
      server.currentDirectoryURL = URL(fileURLWithPath: folder)
      let output = Pipe()
      server.standardOutput = output
      server.standardError = FileHandle.nullDevice
      server.standardInput = Pipe()
      try server.run()
      defer { server.terminate() }
      // ACCEPT 127.0.0.1:40123
      var text = ""
      while !text.contains("ACCEPT") || !text.hasSuffix("\n") {
        let data = output.fileHandleForReading.availableData
        try #require(!data.isEmpty, "\(text)")
        text += String(decoding: data, as: UTF8.self)
      }
      let port = try #require(text.split(whereSeparator: { !$0.isNumber }).last)
      let url = "https://127.0.0.1:\(port)/a"
      let error = #expect(throws: DownloadError.self) {
        try Self.downloader.download(url, to: "\(folder)/a")
      }
      guard case .certificate = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      expectOneLine(try #require(error), naming: url)
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/a.part"))
    }
  }

  @Test func plainConnectionsAreToldOnceForEachServer() throws {
    let connections = PlainConnections()
    func warns(_ url: String) throws -> Bool {
      let warning = connections.warning(for: try #require(URL(string: url)))
      if let warning { #expect(!warning.contains("\n")) }
      return warning != nil
    }
    for url in [
      "https://a.org/x", "file:///x", "http://localhost/x", "http://LOCALHOST:80/x", "http://127.0.0.1:9/x",
      "http://127.9.9.9/x", "http://[::1]:8080/x", "http://models.localhost/x",
    ] {
      let isTold = try warns(url)
      #expect(!isTold, "\(url)")
    }
    for url in ["http://a.org/x", "HTTP://a.org:8080/x", "http://127.example.org/x", "http://10.0.0.1/x"] {
      let isTold = [try warns(url), try warns(url + "/y")]
      #expect(isTold == [true, false], "\(url)")
    }
  }
}
