import Foundation
import NNCore
import NNData
import NNFiles
import NNLayers
import NNModels
import TestSupport
import Testing

/// Weight files on disk and from a server that misbehaves.
@Suite(.serialized)
struct WeightCacheTests {
  static let weights = squeezenet1_1.defaultWeights
  static let downloader = Downloader(timeout: 5, retries: 2, retryDelay: 0.01, busyTimeout: 10)

  /// Not the official file: nobody has that here, and its digest is all that is known of it.
  static let wrong = Array("not the weights".utf8)

  private func cache(_ folder: URL, mirror: String? = nil, isOffline: Bool = false) -> WeightCache {
    WeightCache(
      folder: folder.path + "/hub", mirror: mirror, isOffline: isOffline, downloader: Self.downloader)
  }

  private func expectError(
    _ cache: WeightCache, _ parts: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    do {
      _ = try cache.file(for: Self.weights)
      Issue.record("no error", sourceLocation: sourceLocation)
    } catch {
      let text = "\(error)"
      for part in parts { #expect(text.contains(part), "\(text)", sourceLocation: sourceLocation) }
      #expect(!text.contains("\n"), sourceLocation: sourceLocation)
    }
  }

  @Test func theEnvironmentDecides() {
    let plain = WeightCache(environment: ["HOME": "/home/a"])
    #expect(plain.folder == "/home/a/.cache/torch/hub/checkpoints" && plain.otherFolders == [])
    #expect(plain.mirror == nil && !plain.isOffline)
    #expect(plain.url(of: Self.weights) == "https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth")
    let own = WeightCache(environment: [
      "HOME": "/home/a", "NN_HUB_DIR": "/weights", "TORCH_HOME": "/torch",
      "NN_HUB_MIRROR": "http://mirror/models/",
      "NN_HUB_OFFLINE": "1",
    ])
    #expect(own.folder == "/weights" && own.otherFolders == ["/torch/hub/checkpoints"] && own.isOffline)
    #expect(own.url(of: Self.weights) == "http://mirror/models/squeezenet1_1-b8a52dc0.pth")
    #expect(
      WeightCache(environment: ["HOME": "/a", "XDG_CACHE_HOME": "/x"]).folder == "/x/torch/hub/checkpoints")
    #expect(!WeightCache(environment: ["NN_HUB_OFFLINE": "0"]).isOffline)
  }

  @Test func offlineSaysWhichFileGoesWhere() throws {
    try withTemporaryFolder { folder in
      var cache = cache(folder, isOffline: true)
      cache.otherFolders = ["/nowhere"]
      expectError(
        cache,
        [
          "\(folder.path)/hub/squeezenet1_1-b8a52dc0.pth", "/nowhere", "downloads are switched off",
          "https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth",
        ])
      #expect(throws: WeightsError.self) { try makeModel("squeezenet1_1", weights: .default, cache: cache) }
    }
  }

  @Test func unreachableServersSayWhichFileGoesWhere() throws {
    try withTemporaryFolder { folder in
      expectError(
        cache(folder, mirror: "http://127.0.0.1:1"),
        [
          "http://127.0.0.1:1/squeezenet1_1-b8a52dc0.pth", "put",
          "\(folder.path)/hub/squeezenet1_1-b8a52dc0.pth",
        ])
      expectError(cache(folder, mirror: "nonsense"), ["nonsense/squeezenet1_1-b8a52dc0.pth", "address"])
      let server = try TinyServer { _, _ in TinyServer.Answer([], status: "404 Not Found") }
      defer { server.stop() }
      expectError(cache(folder, mirror: server.url("models")), ["404", "\(folder.path)/hub"])
      #expect(server.requests.map { $0["path"] } == ["/models/squeezenet1_1-b8a52dc0.pth"])
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/hub") == [])
    }
  }

  @Test func wrongBytesAreRefused() throws {
    try withTemporaryFolder { folder in
      let server = try TinyServer { _, _ in TinyServer.Answer(Self.wrong) }
      defer { server.stop() }
      expectError(cache(folder, mirror: server.url("models")), ["SHA-256 b8a52dc0", server.url("models")])
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/hub") == [])
      // A file on disk with other bytes is neither used nor overwritten.
      let file = folder.path + "/hub/squeezenet1_1-b8a52dc0.pth"
      try Data(Self.wrong).write(to: URL(fileURLWithPath: file))
      expectError(cache(folder, mirror: server.url("models")), [file, "SHA-256 b8a52dc0", "remove the file"])
      #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == Data(Self.wrong))
      #expect(server.requests.count == 1)
    }
  }

  @Test func foldersThatCannotBeMadeAreErrors() throws {
    try withTemporaryFolder { folder in
      try Data().write(to: folder.appendingPathComponent("file"))
      var cache = cache(folder, mirror: "http://127.0.0.1:1")
      cache.folder = folder.path + "/file/hub"
      expectError(cache, [cache.folder, "cannot be written"])
    }
  }

  @Test func theDefaultCanBeSet() {
    let before = WeightCache.default
    defer { WeightCache.default = before }
    WeightCache.default = WeightCache(folder: "/elsewhere", isOffline: true)
    #expect(WeightCache.default.folder == "/elsewhere")
    #expect(throws: WeightsError.self) { try makeModel("resnet18", weights: .default) }
  }

  // MARK: Whole downloads, of weights made here

  /// A small network's weights under the name that fits their digest.
  private func ownWeights(_ folder: URL) throws -> (
    weights: PretrainedWeights, network: SqueezeNet, bytes: [UInt8]
  ) {
    let network = squeezenet1_1()
    let file = folder.path + "/weights.safetensors"
    try network.stateDict().write(safetensors: file)
    let digest = try Checksum.sha256("").digest(ofFile: file)
    let weights = PretrainedWeights(
      "squeezenet1_1", .imagenet1kV1, "own-\(digest.prefix(8)).safetensors", parameters: 1_235_496,
      accuracy: [50, 75])
    return (weights, network, Array(try Data(contentsOf: URL(fileURLWithPath: file))))
  }

  @Test func downloadsOnceAndLoads() throws {
    try withTemporaryFolder { folder in
      let (weights, network, bytes) = try ownWeights(folder)
      // The first connection breaks half way, the second lies about the length.
      let server = try TinyServer { number, fields in
        guard let range = fields["range"], let start = Int(range.dropFirst(6).dropLast()) else {
          return TinyServer.Answer(Array(bytes[..<1_000_000]), length: bytes.count)
        }
        return TinyServer.Answer(
          Array(number == 1 ? bytes[start..<(start + 1000)] : bytes[start...]), status: "206 Partial Content",
          length: number == 1 ? bytes.count : nil,
          headers: ["Content-Range": "bytes \(start)-\(bytes.count - 1)/\(bytes.count)"])
      }
      defer { server.stop() }
      let cache = cache(folder, mirror: server.url("m"))
      var finished = false
      let loaded = try weights.model(cache: cache) { finished = $0.isFinished }
      #expect(finished)
      for (a, b) in zip(loaded.stateDict(), network.stateDict()) { #expect(a.value.isEqual(to: b.value)) }
      #expect(server.requests.map { $0["range"] } == [nil, "bytes=1000000-", "bytes=1001000-"])
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder.path + "/hub").sorted()
          == [weights.fileName, weights.fileName + ".sha256"])

      // From then on without a server: in the folder, and as another cache's second folder.
      server.stop()
      let offline = WeightCache(
        folder: folder.path + "/empty", otherFolders: [folder.path + "/hub"], isOffline: true)
      let again = try weights.model(classes: 5, cache: offline)
      #expect(again.stateDict()["classifier.1.weight"]?.shape == [5, 512, 1, 1])
      #expect(again.stateDict()["features.0.weight"]?.isEqual(to: network.stateDict().values[0]) == true)
      let other = skipInit { squeezenet1_1() }
      try other.loadWeights(weights, cache: offline)
      #expect(other.stateDict().values[0].isEqual(to: network.stateDict().values[0]))
      #expect(!FileManager.default.fileExists(atPath: folder.path + "/empty"))
    }
  }

  @Test func aFileOfAnotherNetworkIsRefused() throws {
    try withTemporaryFolder { folder in
      let (weights, _, bytes) = try ownWeights(folder)
      let hub = folder.path + "/hub"
      try FileManager.default.createDirectory(atPath: hub, withIntermediateDirectories: true)
      try Data(bytes).write(to: URL(fileURLWithPath: hub + "/" + weights.fileName))
      let other = PretrainedWeights("squeezenet1_0", .imagenet1kV1, weights.fileName, parameters: 1)
      let error = #expect(throws: FileError.self) { try other.model(cache: cache(folder, isOffline: true)) }
      #expect("\(error.map { "\($0)" } ?? "")".contains("expected the weights of SqueezeNet"))
    }
  }

  // MARK: The digits of the SHA-256 that are not published

  /// Files whose digests begin alike, as far as their name goes: `own-.bin` names no digit, `d` none but the first.
  private func alike() throws -> (weights: PretrainedWeights, files: [[UInt8]]) {
    var files: [String: [[UInt8]]] = [:]
    for number in 0..<64 {
      let bytes = Array("weights \(number)".utf8)
      let digit = String(try digest(bytes).prefix(1))
      files[digit, default: []].append(bytes)
      if let found = files[digit], found.count == 2 {
        return (PretrainedWeights("squeezenet1_1", .imagenet1kV1, "own-\(digit).bin", parameters: 1), found)
      }
    }
    throw POSIXError(.ENOENT)
  }

  private func digest(_ bytes: [UInt8]) throws -> String {
    try withTemporaryFolder { folder in
      let file = folder.path + "/file"
      try Data(bytes).write(to: URL(fileURLWithPath: file))
      return try Checksum.sha256("").digest(ofFile: file)
    }
  }

  private func expectMismatch(
    _ weights: PretrainedWeights, _ cache: WeightCache, _ digests: [String],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let error = #expect(throws: FileError.self, sourceLocation: sourceLocation) {
      try cache.file(for: weights)
    }
    let text = "\(try #require(error, sourceLocation: sourceLocation))"
    for part in digests + [weights.fileName + ".sha256", "delete"] {
      #expect(text.contains(part), "\(text)", sourceLocation: sourceLocation)
    }
    #expect(!text.contains("\n"), sourceLocation: sourceLocation)
  }

  @Test func theWholeDigestIsRecordedAndAskedFor() throws {
    let (weights, files) = try alike()
    let digests = try files.map { try digest($0) }
    let server = try TinyServer { number, _ in TinyServer.Answer(files[min(number, 1)]) }
    defer { server.stop() }
    try withTemporaryFolder { folder in
      let cache = cache(folder, mirror: server.url("m"))
      let file = try cache.file(for: weights)
      let record = file + ".sha256"
      #expect(try String(contentsOfFile: record, encoding: .utf8) == "\(digests[0])  \(weights.fileName)\n")
      #expect(try cache.file(for: weights) == file)

      // Another file that fits the published digits: put there, and downloaded anew.
      try Data(files[1]).write(to: URL(fileURLWithPath: file))
      try expectMismatch(weights, cache, digests)
      try FileManager.default.removeItem(atPath: file)
      try expectMismatch(weights, cache, digests + [server.url("m")])
      #expect(!FileManager.default.fileExists(atPath: file))
      #expect(server.requests.count == 2)

      // Without the record the new one is accepted, and holds from then on.
      try FileManager.default.removeItem(atPath: record)
      #expect(try cache.file(for: weights) == file)
      #expect(try String(contentsOfFile: record, encoding: .utf8).hasPrefix(digests[1]))
      try Data(files[0]).write(to: URL(fileURLWithPath: file))
      try expectMismatch(weights, cache, digests)
    }
  }

  /// Files that others put there are recorded at their first use; folders that are only read are left as they are.
  @Test func filesOnDiskAreRecordedToo() throws {
    let (weights, files) = try alike()
    let digests = try files.map { try digest($0) }
    try withTemporaryFolder { folder in
      var cache = cache(folder, isOffline: true)
      let other = folder.path + "/hub"
      cache.folder = folder.path + "/own"
      cache.otherFolders = [other]
      try FileManager.default.createDirectory(atPath: other, withIntermediateDirectories: true)
      let file = URL(fileURLWithPath: "\(other)/\(weights.fileName)")
      try Data(files[0]).write(to: file)
      _ = try cache.file(for: weights)
      #expect(try FileManager.default.contentsOfDirectory(atPath: other) == [weights.fileName])
      cache.folder = other
      _ = try cache.file(for: weights)
      try Data(files[1]).write(to: file)
      // As an other folder its record counts, too.
      for own in [other, folder.path + "/own"] {
        cache.folder = own
        try expectMismatch(weights, cache, digests)
      }
    }
  }

  @Test(arguments: ["", "nonsense", String(repeating: "g", count: 64), String(repeating: "0", count: 65)])
  func aBrokenRecordIsAnError(_ text: String) throws {
    let (weights, files) = try alike()
    let server = try TinyServer { _, _ in TinyServer.Answer(files[0]) }
    defer { server.stop() }
    try withTemporaryFolder { folder in
      let cache = cache(folder, mirror: server.url("m"))
      let file = try cache.file(for: weights)
      try Data(text.utf8).write(to: URL(fileURLWithPath: file + ".sha256"))
      try expectMismatch(weights, cache, ["64 hexadecimal digits"])
    }
  }

  @Test func aPublishedDigestNeedsNoRecord() throws {
    let (prefix, files) = try alike()
    let weights = PretrainedWeights(
      "squeezenet1_1", .imagenet1kV1, prefix.fileName, parameters: 1, sha256: try digest(files[0]))
    let server = try TinyServer { number, _ in TinyServer.Answer(files[1 - min(number, 1)]) }
    defer { server.stop() }
    try withTemporaryFolder { folder in
      let cache = cache(folder, mirror: server.url("m"))
      #expect(throws: DownloadError.self) { try cache.file(for: weights) }
      _ = try cache.file(for: weights)
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/hub")
      #expect(names == [weights.fileName])
    }
  }

  @Test func aFileMuchLargerThanItsParametersIsRefused() throws {
    let server = try TinyServer { _, _ in
      TinyServer.Answer([0], length: Self.weights.parameterCount * 8 + (64 << 20) + 1)
    }
    defer { server.stop() }
    try withTemporaryFolder { folder in
      expectError(cache(folder, mirror: server.url("m")), [server.url("m"), "at most 76992832 bytes"])
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/hub")
      #expect(names == [])
    }
  }
}
