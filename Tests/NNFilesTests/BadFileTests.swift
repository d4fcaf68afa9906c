import Foundation
import NNCore
import NNFiles
import Synchronization
import TestSupport
import Testing

@Suite struct BadFileTests {
  struct BadFile: Sendable {
    let name: String
    let format: String
    /// Some files may also be read, if nothing bad comes of it.
    let mayLoad: Bool

    init(_ entry: JSONValue) {
      name = entry["file"]?.string ?? ""
      format = entry["format"]?.string ?? ""
      let expect = entry["expect"]?.string ?? ""
      mayLoad = expect.hasPrefix("throws or ") || expect.hasPrefix("throws, or ") || expect.contains(") or ")
    }

    /// What is wrong with how the file is refused; nil if all is well.
    func failure() -> String? {
      let path = FileFixtures.bad(name)
      do {
        if format == "npy" {
          _ = try Tensor(contentsOf: path)
        } else {
          let state = try StateDict(contentsOf: path)
          for (_, value) in state { _ = value.array(of: Double.self) }
        }
        return mayLoad ? nil : "\(name) was read"
      } catch let error as FileError {
        let message = "\(error)"
        guard message.hasPrefix("\(path): "), !message.contains("\n"), message.count < path.count + 600 else {
          return "\(name): not one line that names the file: \(message)"
        }
        return nil
      } catch {
        return "\(name): \(type(of: error)) \(error)"
      }
    }
  }

  /// Runs all files in an empty folder, which must stay empty.
  @Test func refusesBadFiles() throws {
    let manifest = try JSONValue(contentsOf: FileFixtures.folder.appendingPathComponent("bad/manifest.json"))
    let files = try #require(manifest["cases"]?.elements).map(BadFile.init)
    #expect(files.count == 155)
    try withTemporaryFolder { folder in
      let failures = try inOwnWorkingFolder(folder.path) { files.compactMap { $0.failure() } }
      #expect(failures == [])
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    }
    let marker = try #require(manifest["marker"]?.string)
    let places = [
      FileManager.default.currentDirectoryPath, FileFixtures.bad(""), FileFixtures.folder.path, "/",
    ]
    for place in places { #expect(!FileManager.default.fileExists(atPath: "\(place)/\(marker)")) }
  }

  @Test func swapsBigEndianStorages() throws {
    let state = try StateDict(contentsOf: FileFixtures.bad("zip_big_endian.pth"))
    let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: FileFixtures.bad("zip_big_endian.pth"))))
    let w = try #require(state["w"]?.array(of: Float.self))
    // The fixture holds little-endian values under a record that says otherwise: swapped back they lie in it.
    let pattern = w.flatMap { value in withUnsafeBytes(of: value.bitPattern.bigEndian) { Array($0) } }
    #expect(bytes.indices.contains { bytes[$0...].starts(with: pattern) })
  }

  @Test func refusesAmplification() throws {
    // One long text, made into bytes again and again by eight bytes of pickle each.
    let text = String(repeating: "x", count: 1 << 16)
    var pickle: [UInt8] = [0x80, 2] + Array("](X".utf8) + [0, 0, 1, 0] + Array(text.utf8) + [0x71, 1]
    pickle += [0x58, 6, 0, 0, 0] + Array("latin1".utf8) + [0x71, 2]
    for _ in 0..<100_000 {
      pickle += Array("c_codecs\nencode\n".utf8) + [0x68, 1, 0x68, 2, 0x86, 0x52]
    }
    pickle += Array("e.".utf8)
    try withTemporaryFolder { folder in
      let path = folder.appendingPathComponent("bomb.pkl").path
      try Data(pickle).write(to: URL(fileURLWithPath: path))
      #expect(throws: FileError.self) { try PickleValue(contentsOf: path) }
    }
    // Five million empty lists.
    let lists = [0x80, 2, 0x28] + Array(repeating: UInt8(ascii: "]"), count: 5_000_000) + Array("t.".utf8)
    #expect(throws: FileError.self) { try PickleValue(FileBytes(lists).whole, "lists.pkl") }
  }

  @Test func refusesHalfSurrogatesAndControlCharacters() throws {
    for text in [#"\ud800"#, #"\ud800\u0041"#, #"\udc00"#, #"\ud83d\ud83d"#, "\u{1}", #"\x"#, #"\u12g4"#] {
      let header = "{\"\(text)\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}"
      let bytes =
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8)
      #expect(throws: FileError.self, "\(text)") {
        try StateDict(FileBytes(bytes).whole, "w.safetensors")
      }
    }
  }

  /// Text from files in messages: nothing that a terminal obeys, no more than a line of it.
  @Test(arguments: [
    ("a\"b\\", #""a\"b\\""#), ("a\nb\u{1b}", #""a\nb\u{1B}""#), ("\u{80}\u{9b}", #""\u{80}\u{9b}""#),
    ("\u{202e}x\u{2028}", #""\u{202e}x\u{2028}""#), ("é中", "\"é中\""),
    (String(repeating: "x", count: 81), "\"" + String(repeating: "x", count: 80) + "…\""),
    ("e" + String(repeating: "\u{301}", count: 999), "\"e" + String(repeating: "\u{301}", count: 79) + "…\""),
  ])
  func quotesWhatFilesSay(text: String, expected: String) {
    #expect(quoted(text) == expected)
  }
}

/// Runs a closure on a thread of its own, with a working folder of its own.
private func inOwnWorkingFolder<R: Sendable>(_ path: String, _ body: @escaping @Sendable () -> R) throws -> R
{
  let done = DispatchSemaphore(value: 0)
  let shared = SharedResult(value: Mutex<R?>(nil))
  // Not in the headers that Swift sees.
  let symbol = try #require(dlsym(nil, "unshare"))
  let unshare = unsafeBitCast(symbol, to: (@convention(c) (Int32) -> Int32).self)
  let thread = Thread {
    // CLONE_FS: the folder no longer belongs to all threads of the process.
    if unshare(0x200) == 0, chdir(path) == 0 {
      let value = body()
      shared.value.withLock { $0 = value }
    }
    done.signal()
  }
  thread.stackSize = 8 << 20
  thread.start()
  done.wait()
  return try #require(shared.value.withLock { $0 })
}

private final class SharedResult<R: Sendable>: Sendable {
  let value: Mutex<R?>
  init(value: consuming Mutex<R?>) { self.value = value }
}
