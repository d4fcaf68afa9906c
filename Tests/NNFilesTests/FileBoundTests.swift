import Foundation
import NNCore
import NNFiles
import TestSupport
import Testing

/// The bounds on weight files that SECURITY.md names: what keeps them is read, what goes beyond is refused or left out.
@Suite struct FileBoundTests {
  /// A file of a given size that takes no space: a few bytes, then zeros.
  private func withLargeFile(_ name: String, _ start: [UInt8], size: Int, _ body: (String) throws -> Void)
    throws
  {
    try withTemporaryFolder { folder in
      let path = "\(folder.path)/\(name)"
      try Data(start).write(to: URL(fileURLWithPath: path))
      try #require(truncate(path, size) == 0)
      try body(path)
    }
  }

  private func expectRefusal(
    _ expected: String, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
  ) {
    do {
      try body()
      Issue.record("no error", sourceLocation: sourceLocation)
    } catch {
      #expect("\(error)".contains(expected), "\(error)", sourceLocation: sourceLocation)
      #expect(!"\(error)".contains("\n"), sourceLocation: sourceLocation)
    }
  }

  private func little(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  // MARK: Safetensors and indices

  private func safetensors(_ header: String) throws -> StateDict {
    try StateDict(FileBytes(little(UInt64(header.utf8.count)) + Array(header.utf8)).whole, "w.safetensors")
  }

  @Test func headersAreBounded() throws {
    try withLargeFile(
      "w.safetensors", little(UInt64(100_000_001)) + Array("{".utf8), size: 100_000_100
    ) { path in
      expectRefusal("a header length of at most 100000000, found 100000001") {
        _ = try StateDict(contentsOf: path)
      }
    }
  }

  @Test(arguments: [64, 65]) func dimensionsAreBounded(_ count: Int) throws {
    let shape = Array(repeating: "1", count: count).joined(separator: ",")
    func read() throws -> StateDict {
      let entry = "{\"dtype\":\"U8\",\"shape\":[\(shape.dropLast())0],\"data_offsets\":[0,0]}"
      return try safetensors("{\"a\":\(entry)}")
    }
    if count == 64 {
      #expect(try read()["a"]?.rank == 64)
    } else {
      expectRefusal("at most 64 numbers in a list") { _ = try read() }
    }
  }

  @Test(arguments: [32, 33]) func nestingIsBounded(_ depth: Int) throws {
    let text =
      #"{"weight_map":{},"deep":"# + String(repeating: "[", count: depth)
      + String(repeating: "]", count: depth)
      + "}"
    func read() throws -> StateDict { try StateDict(FileBytes(Array(text.utf8)).whole, "m.index.json") }
    if depth == 32 {
      #expect(try read().isEmpty)
    } else {
      expectRefusal("less deeply nested values") { _ = try read() }
    }
  }

  @Test func indicesAreBounded() throws {
    try withLargeFile("m.index.json", Array("{".utf8), size: 100_000_001) { path in
      expectRefusal("an index of at most 100000000 bytes, found 100000001") {
        _ = try StateDict(contentsOf: path)
      }
    }
  }

  // MARK: Zip

  /// A packed record that claims to unfold to `size` bytes.
  @Test(arguments: [(16 << 20) + 1, 16 << 20]) func packedContentIsBounded(_ size: Int) throws {
    var bytes = [UInt8](storedZip([("a.npy", Array(repeating: 0, count: 20_000))]))
    let directory = bytes.count - 22 - 46 - 5
    for (place, method) in [(0, 8), (directory, 10)] {
      bytes[place + method] = 8
      bytes.replaceSubrange(place + method + 14..<place + method + 18, with: little(UInt32(size)))
    }
    let isBeyond = size > 16 << 20
    expectRefusal(isBeyond ? "at most 16777216 bytes of packed content" : "\(size) bytes packed in") {
      let state = try StateDict(FileBytes(bytes).whole, "a.npz")
      _ = state["a"]
    }
  }

  // MARK: Pickles

  @Test(arguments: [1024, 1025]) func integersAreBounded(_ count: Int) throws {
    let pickle = [0x80, 2, 0x8B] + little(Int32(count)) + Array(repeating: 1, count: count) + [0x2E]
    func read() throws { _ = try PickleValue(FileBytes(pickle).whole, "x.pkl") }
    if count == 1024 { try read() } else { expectRefusal("integers of at most 1024 bytes", read) }
  }

  @Test func linesAreBounded() throws {
    let name = String(repeating: "m", count: 1024)
    let pickle = [0x80, 2] + Array("c\(name)\nname\n.".utf8)
    expectRefusal("a line of text") { _ = try PickleValue(FileBytes(pickle).whole, "x.pkl") }
  }

  /// A checkpoint of dictionaries, one-element tensors and modules, as PyTorch pickles them.
  private indirect enum Value {
    case dict([(String, Value)])
    /// Elements of the one-element storage, by a stride of 0.
    case tensor(repeats: Int)
    case module([(String, Value)], parameters: [(String, Value)] = [])
    /// What was stored under a number, or is from now on.
    case stored(Int), store(Int, Value)

    var bytes: [UInt8] {
      func text(_ text: String) -> [UInt8] {
        [0x58] + withUnsafeBytes(of: UInt32(text.utf8.count).littleEndian) { Array($0) } + Array(text.utf8)
      }
      func number(_ value: Int) -> [UInt8] {
        [0x4A] + withUnsafeBytes(of: Int32(value).littleEndian) { Array($0) }
      }
      switch self {
      case .dict(let pairs):
        return Array("}(".utf8) + pairs.flatMap { text($0) + $1.bytes } + Array("u".utf8)
      case .tensor(let repeats):
        let storage =
          Array("((".utf8) + text("storage") + Array("ctorch\nFloatStorage\n".utf8) + text("0") + text("cpu")
          + number(1) + Array("tQ".utf8)
        let place = number(0) + Array("(".utf8) + number(repeats) + Array("t(".utf8) + number(0)
        return Array("ctorch._utils\n_rebuild_tensor_v2\n".utf8) + storage + place
          + [0x74, 0x89] + Array("ccollections\nOrderedDict\n)RtR".utf8)
      case .module(let children, let parameters):
        let state = Value.dict([("_parameters", .dict(parameters)), ("_modules", .dict(children))])
        return Array("cnet\nNet\n)".utf8) + [0x81] + state.bytes
          + Array("b".utf8)
      case .stored(let place): return [0x68, UInt8(place)]
      case .store(let place, let value): return value.bytes + [0x71, UInt8(place)]
      }
    }
  }

  private func withCheckpoint<R>(_ value: Value, _ body: (String) throws -> R) throws -> R {
    try withTemporaryFolder { folder in
      let path = "\(folder.path)/m.pth"
      let pickle = [0x80, 2] + value.bytes + Array(".".utf8)
      try storedZip([("m/data.pkl", pickle), ("m/data/0", [0, 0, 0x80, 0x3F])])
        .write(to: URL(fileURLWithPath: path))
      return try body(path)
    }
  }

  private func parts(_ value: Value) throws -> [WeightFile.Part] {
    try withCheckpoint(value) { try WeightFile(contentsOf: $0).parts }
  }

  /// Four bytes that stand for 64 MiB, and for a little more.
  @Test(arguments: [1 << 24, 1 << 24 + 1]) func repeatedElementsAreBounded(_ count: Int) throws {
    try withCheckpoint(.dict([("w", .tensor(repeats: count))])) { path in
      if count == 1 << 24 {
        let state = try StateDict(contentsOf: path)
        #expect(state["w"]?.shape == [count])
      } else {
        expectRefusal("at most 16777216 elements repeated from 1") { _ = try StateDict(contentsOf: path) }
      }
    }
  }

  @Test func dictionariesAreLookedForToABoundedDepth() throws {
    func nested(_ depth: Int) -> Value {
      depth == 0
        ? .dict([("w", .tensor(repeats: 1))])
        : .dict([("w", .tensor(repeats: 1)), ("d", nested(depth - 1))])
    }
    #expect(try parts(nested(7)).map(\.path) == ["", "d", "d.d", "d.d.d", "d.d.d.d", "d.d.d.d.d"])
  }

  @Test func dictionariesAreBounded() throws {
    let many = (0..<1_001).map { ("d\($0)", Value.dict([("w", .tensor(repeats: 1))])) }
    #expect(try parts(.dict(many)).count == 1_000)
  }

  @Test func namesAreBounded() throws {
    let names = [1_000, 1_001].map { String(repeating: "n", count: $0) }
    let found = try parts(.dict(names.map { ($0, .tensor(repeats: 1)) }))
    #expect(found.flatMap { $0.tensors.map(\.key) } == [names[0]])
  }

  /// Forty modules, each with the next one twice: few bytes, 2^40 ways to the last.
  @Test func waysThroughModulesAreBounded() throws {
    var module = Value.store(0, .module([]))
    for place in 1...40 { module = .store(place, .module([("a", module), ("b", .stored(place - 1))])) }
    let found = try parts(.dict([("w", .tensor(repeats: 1)), ("net", module)]))
    #expect(found.map(\.path) == [""])
  }

  @Test(arguments: [64, 65]) func modulesInModulesAreBounded(_ depth: Int) throws {
    let parameters: [(String, Value)] = [("w", .tensor(repeats: 1))]
    let module = (0..<depth).reduce(Value.module([], parameters: parameters)) { inner, _ in
      .module([("m", inner)])
    }
    let found = try parts(.dict([("w", .tensor(repeats: 1)), ("net", module)]))
    #expect(found.map(\.path) == (depth == 64 ? ["", "net"] : [""]))
  }

  @Test func textsInMessagesAreBounded() throws {
    let key = String(repeating: "k", count: 10_000)
    let entry = "{\"dtype\":\"U9\",\"shape\":[0],\"data_offsets\":[0,0]}"
    let error = #expect(throws: FileError.self) { try safetensors("{\"\(key)\":\(entry)}") }
    let text = "\(try #require(error))"
    #expect(text.contains(String(repeating: "k", count: 80) + "…"), "\(text)")
  }
}
