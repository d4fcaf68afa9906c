import Foundation
import NNCore
import NNData
import NNLayers
import NNLightning
import TestSupport
import Testing

// Features that are kept on disk, and processes that are killed.
extension FrozenFeatureTests {
  @Test func isReusedByLaterRuns() throws {
    try withTemporaryFolder { folder in
      let plain = try run(.off)
      let first = try run(.disk(folder.path))
      let second = try run(.disk(folder.path))
      expectEqual(plain, first)
      expectEqual(plain, second)
      #expect(first.reads == 60)
      // The first batches are made before it is known that they need not be.
      #expect(second.reads <= 7 + 8)
      #expect(second.notes[0].contains("60 of 60 found"))

      let entries = try FeatureCacheFolder(folder.path).entries()
      #expect(entries.count == 1)
      #expect(entries[0].rows == 60 && entries[0].rowBytes == 40 && entries[0].layer == "conv2")

      // Other weights are another entry.
      let other = try run(.disk(folder.path)) { net in
        net.conv.weight.value = net.conv.weight.value * 2
        net.backbone.forEach { $0.freeze() }
      }
      #expect(other.reads == 60)
      #expect(try FeatureCacheFolder(folder.path).entries().count == 2)
    }
  }

  /// The sanity check too finds what is there, and leaves no trace of its own.
  @Test func servesTheSanityCheck() throws {
    try withTemporaryFolder { folder in
      let plain = try run(.off, sanitySteps: 2)
      let first = try run(.disk(folder.path), sanitySteps: 2)
      let second = try run(.disk(folder.path), sanitySteps: 2)
      expectEqual(plain, first)
      expectEqual(plain, second)
      // The first batches of three passes, of which it is not known yet that they need not be made.
      #expect(first.reads <= 60 + 8 && second.reads <= 7 + 8 + 8)
      #expect(first.notes.count == 1 && second.notes.count == 1)
      #expect(try FeatureCacheFolder(folder.path).entries().count == 1)
    }
  }

  /// What a killed run left unfinished goes with the next fit, also one that has no step to take and so opens no
  /// features; files elsewhere stay.
  @Test func cleansTheFolderOfAFitThatIsComplete() throws {
    try withTemporaryFolder { folder in
      let cache = FeatureCacheFolder(folder.appendingPathComponent("cache").path)
      let net = FrozenNet(dropsInside: false)
      net.backbone.forEach { $0.freeze() }
      let loader = DataLoader(CountedImages(count: 20, transform: ToTensor()), batchSize: 7)
      let checkpoints = ModelCheckpoint(directory: folder.path, monitor: nil)
      let trainer = Trainer(
        maxEpochs: 2, callbacks: [checkpoints], enableProgressBar: false,
        cacheFrozenFeatures: .disk(cache.path))
      try trainer.fit(net, train: loader)
      let own = try #require(try cache.entries().first).path
      let foreign = "\(cache.path)/notes"
      try FileManager.default.createDirectory(atPath: foreign, withIntermediateDirectories: true)
      for path in [own, foreign] { try Data([1]).write(to: URL(fileURLWithPath: "\(path)/.rows.1.nn-tmp")) }
      let result = try trainer.fit(net, train: loader, resume: .last)
      #expect(result.steps == 6)
      #expect(!FileManager.default.fileExists(atPath: "\(own)/.rows.1.nn-tmp"))
      #expect(FileManager.default.fileExists(atPath: "\(foreign)/.rows.1.nn-tmp"))
    }
  }

  @Test func computesDamagedRowsAgain() throws {
    try withTemporaryFolder { folder in
      let first = try run(.disk(folder.path))
      let entry = try #require(try FeatureCacheFolder(folder.path).entries().first)
      let names = try FileManager.default.contentsOfDirectory(atPath: entry.path).filter {
        $0.hasSuffix(".safetensors")
      }
      #expect(!names.isEmpty)
      for name in names {
        let file = URL(fileURLWithPath: "\(entry.path)/\(name)")
        var bytes = try Data(contentsOf: file)
        bytes[bytes.count - 3] ^= 1
        try bytes.write(to: file)
      }
      let second = try run(.disk(folder.path))
      expectEqual(first, second)
      #expect(second.reads == 60)
      #expect(try run(.disk(folder.path)).reads <= 7 + 8)
    }
  }

  @Test func makesRoomByWhatWasUsedLongestAgo() throws {
    try withTemporaryFolder { folder in
      func scaled(_ factor: Double) -> (FrozenNet) -> Void {
        { net in
          net.conv.weight.value = net.conv.weight.value * factor
          net.backbone.forEach { $0.freeze() }
        }
      }
      // Rows of 2.4 kB and some headers each: two fit.
      for factor in [1.0, 2, 3] {
        _ = try run(.disk(folder.path, limit: 9_000), epochs: 1, freeze: scaled(factor))
        Thread.sleep(forTimeInterval: 0.02)
      }
      let left = try FeatureCacheFolder(folder.path).entries()
      #expect(left.count == 2)
      #expect(try run(.disk(folder.path, limit: 9_000), epochs: 1, freeze: scaled(3)).reads < 60)
      #expect(try run(.disk(folder.path, limit: 9_000), epochs: 1, freeze: scaled(1)).reads == 60)
    }
  }

  @Test func roundsToHalfPrecisionOnRequest() throws {
    try withTemporaryFolder { folder in
      let first = try run(.disk(folder.path, precision: .float16))
      let second = try run(.disk(folder.path, precision: .float16))
      // Rounded from the start, so that a later run is the same run.
      expectEqual(first, second)
      let plain = try run(.off)
      let areWeightsEqual = first.weights == plain.weights
      #expect(!areWeightsEqual)
      let loss = try #require(plain.metrics["loss"])
      #expect(abs((first.metrics["loss"] ?? 0) - loss) < 0.01)
      #expect(try FeatureCacheFolder(folder.path).entries()[0].rowBytes == 20)
    }
  }

  @Test func staysInMemoryWithoutFingerprintOrFolder() throws {
    try withTemporaryFolder { folder in
      let unknown = try run(.disk(folder.path), isKnown: false)
      #expect(unknown.reads == 60)
      #expect(unknown.notes.contains { $0.contains("expected a data set with a fingerprint") })
      let file = folder.appendingPathComponent("file")
      try Data([1]).write(to: file)
      let blocked = try run(.disk(file.path))
      #expect(blocked.reads == 60)
      #expect(
        blocked.notes.contains { $0.contains("stay in memory: \(file.path)") }, "\(blocked.notes)")
    }
  }

  // MARK: Processes

  /// Killed at random while features and checkpoints are written, and begun again until it is through.
  @Test func killsLeaveNoTrace() throws {
    try withTemporaryFolder { folder in
      /// The probe's status; 9 if it was killed.
      func probe(_ run: String, _ cache: String, seconds: Double = 600) throws -> Int32 {
        try Command([
          "timeout", "-s", "KILL", "\(seconds)", product("ResumeProbe"),
          folder.appendingPathComponent(run).path, "frozen=\(cache)",
        ]).status
      }
      func weights(_ run: String) throws -> Data {
        try Data(contentsOf: folder.appendingPathComponent("\(run)/final.safetensors"))
      }
      let clock = ContinuousClock()
      let begin = clock.now
      try #require(try probe("plain", "off") == 0)
      let duration = (clock.now - begin) / .seconds(1)
      let expected = try weights("plain")
      let cache = folder.appendingPathComponent("cache").path
      var (kills, round) = (0, 0)
      while kills < 8, round < 20 {
        var status: Int32 = 9
        while status == 9 {
          status = try probe("run\(round)", cache, seconds: kills < 8 ? .random(in: 0.01...duration) : 600)
          if status == 9 { kills += 1 }
        }
        try #require(status == 0)
        let isEqual = try weights("run\(round)") == expected
        #expect(isEqual, "run \(round)")
        round += 1
      }
      #expect(kills > 0)
      #expect(try FeatureCacheFolder(cache).entries().count == 1)
    }
  }
}
