import Foundation
import NNCore
import NNFiles
import TestSupport
import Testing

/// Checkpoints and arrays that other libraries open. That PyTorch 2.9.1 and NumPy do was tried with the files of the
/// environment variable NN_WRITTEN, a folder in which they are then left.
@Suite struct WriteTorchTests {
  private func sample() -> StateDict {
    let grid = Tensor((0..<24).map { Float($0) - 7.5 }, shape: [2, 3, 4])
    return [
      "conv.weight": grid, "tied": grid, "turned": grid.transpose(0, 2), "row": grid[1, 2],
      "expanded": Tensor([2.5] as [Float]).expand([3, 2]),
      "double": Tensor([1.0 / 3, -.infinity, .nan, -0.0] as [Double]),
      "bytes": Tensor([0, 255, 7] as [UInt8]), "flags": Tensor([true, false, true]),
      "int": Tensor([Int32.min, 0, .max]), "long": Tensor([Int64.min, 0, .max]),
      "scalar": Tensor(4.25 as Float), "empty": Tensor.zeros([0, 5]),
      "name \"é\\\n中": Tensor([1] as [Int64]),
    ]
  }

  private func expectSame(_ got: StateDict, _ want: StateDict) {
    #expect(got.keys == want.keys)
    for (key, value) in want {
      #expect(got[key]?.dtype == value.dtype && got[key]?.shape == value.shape, "\(key)")
      let bits = { (x: Tensor) in x.array(of: Double.self).map { $0.isNaN ? UInt64.max : $0.bitPattern } }
      #expect(got[key].map(bits) == bits(value), "\(key)")
    }
  }

  private func leave(_ path: String, _ name: String) throws {
    guard let folder = ProcessInfo.processInfo.environment["NN_WRITTEN"] else { return }
    try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
    try FileManager.default.copyItem(atPath: path, toPath: "\(folder)/\(name)")
  }

  @Test func roundTripsCheckpoints() throws {
    try withTemporaryFolder { folder in
      let path = folder.appendingPathComponent("w.pth").path
      try sample().write(pth: path)
      let read = try StateDict(contentsOf: path)
      expectSame(read, sample())
      #expect(try #require(read["tied"]).storage === #require(read["conv.weight"]).storage)
      // Equal contents, equal bytes; and what was read can be written again.
      let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      try sample().write(pth: folder.appendingPathComponent("again.pth"))
      #expect(try Data(contentsOf: folder.appendingPathComponent("again.pth")) == bytes)
      try leave(path, "w.pth")
      try StateDict().write(pth: path)
      #expect(try StateDict(contentsOf: path).isEmpty)
    }
  }

  @Test func storesOtherTypes() throws {
    let state: StateDict = [
      "f": Tensor([0.1, 65504, 3.0e-8] as [Float]), "d": Tensor([0.1, 1.01171875] as [Double]),
      "i": Tensor([-128, 127] as [Int64]), "j": Tensor([-5, 300] as [Int32]),
    ]
    let types: [String: StoredType] = ["f": .float16, "d": .bfloat16, "i": .int8, "j": .int16]
    try withTemporaryFolder { folder in
      let path = folder.appendingPathComponent("w.pth").path
      try state.write(pth: path) { types[$0.key] ?? StoredType($0.value.dtype) }
      let read = try StateDict(contentsOf: path)
      for (key, type) in types { #expect(read.storedType(of: key) == type) }
      #expect(read["f"]?.array(of: Float.self) == [0.099975586, 65504, 5.9604645e-08])
      #expect(read["j"]?.array(of: Int.self) == [-5, 300])
      try leave(path, "types.pth")
      let before = try Data(contentsOf: URL(fileURLWithPath: path))
      #expect(throws: FileError.self) { try state.write(pth: path) { _ in .uint16 } }
      #expect(throws: FileError.self) {
        try state.write(pth: path) { $0.key == "j" ? .int8 : StoredType($0.value.dtype) }
      }
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["w.pth"])
    }
  }

  @Test func roundTripsArrays() throws {
    try withTemporaryFolder { folder in
      let path = folder.appendingPathComponent("a.npz").path
      try sample().write(npz: path)
      expectSame(try StateDict(contentsOf: path), sample())
      try leave(path, "a.npz")
      for key in ["../x", "../\u{301}x", "/\u{301}x", "a/..", ""] {
        #expect(throws: FileError.self) { try ([key: Tensor(1.0)] as StateDict).write(npz: path) }
      }
    }
  }

  // MARK: Eight bits

  /// The bytes of PyTorch 2.9.1.
  @Test func roundsToEightBitFloats() throws {
    let values: [Float] = [
      0, -0.0, 1, -1.5, 0.1, 448, 463.9, 464, 464.1, 1e6, -3e-3, 0x1p-9, 0x1p-10, 0x1.029p-10, .infinity,
      .nan,
      57344, 61439, 61440, 3e-5, 1.0625, 1.1875,
    ]
    let bytes: [StoredType: [UInt8]] = [
      .float8e4m3: [
        0, 128, 56, 188, 29, 126, 126, 126, 127, 127, 130, 1, 0, 1, 127, 127, 127, 127, 127, 0, 56, 58,
      ],
      .float8e5m2: [
        0, 128, 60, 190, 46, 95, 95, 95, 95, 124, 154, 24, 20, 20, 124, 127, 123, 123, 124, 2, 60, 61,
      ],
    ]
    try withTemporaryFolder { folder in
      let path = folder.appendingPathComponent("w.safetensors").path
      for (type, bytes) in bytes {
        try (["x": Tensor(values)] as StateDict).write(safetensors: path) { _ in type }
        let file = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect([UInt8](file.suffix(values.count)) == bytes, "\(type)")
        let read = try StateDict(contentsOf: path)
        #expect(read.storedType(of: "x") == type)
        // All numbers of the format come back to themselves.
        let again = folder.appendingPathComponent("again.safetensors").path
        try read.write(safetensors: again) { _ in type }
        #expect(FileManager.default.contentsEqual(atPath: path, andPath: again))
      }
    }
  }

  @Test func readsEightBitFloatsOfPyTorch() throws {
    let state = try StateDict(contentsOf: FileFixtures.ok("float8.pth"))
    #expect(state["a"]?.array(of: Float.self) == [0, -0.0, 1, -1.5, 0.1015625, 448])
    #expect(state["b"]?.array(of: Float.self) == [0, -0.0, 1, -1.5, 0.09375, 448])
    #expect(state.storedType(of: "a") == .float8e4m3 && state.storedType(of: "b") == .float8e5m2)
  }

  // MARK: Large files

  @Test(arguments: ["w.safetensors", "w.pth", "x.npy"])
  func largeTensorsStayInTheFile(_ name: String) throws {
    try withTemporaryFolder { folder in
      let path = folder.appendingPathComponent(name).path
      let large = Tensor.arange(300_000).to(.float32)
      let state: StateDict = ["large": large, "small": Tensor([1, 2] as [Float])]
      switch name {
      case "w.pth": try state.write(pth: path)
      case "x.npy": try large.write(npy: path)
      default: try state.write(safetensors: path)
      }
      var read =
        try name == "x.npy" ? Tensor(contentsOf: path) : #require(try StateDict(contentsOf: path)["large"])
      #expect(read.storage.isReadOnly)
      // Writing to the tensor copies first; a file that takes the name does not touch it.
      read[0] = Tensor(7 as Float)
      try FileManager.default.removeItem(atPath: path)
      #expect(!read.storage.isReadOnly)
      #expect(read[0].item() == 7 && read[299_999].item() == 299_999)
      #expect(large[0].item() == 0)
    }
  }

  // MARK: Several files

  private func write(_ text: String, _ url: URL) throws -> String {
    try Data(text.utf8).write(to: url)
    return url.path
  }

  @Test func readsShardedWeights() throws {
    try withTemporaryFolder { folder in
      let (one, two) = (Tensor([1, 2] as [Float]), Tensor([3] as [Int64]))
      try (["a": one, "model.c": two] as StateDict).write(
        safetensors: folder.appendingPathComponent("m-1.safetensors"), metadata: ["format": "pt"])
      try (["b": one] as StateDict).write(pth: folder.appendingPathComponent("m-2.bin"))
      let index = folder.appendingPathComponent("m.safetensors.index.json")
      let metadata = #""metadata": {"total_size": 24.5, "x": [1, {"y": null}, true, []], "z": {}}"#
      let path = try write(
        #"{\#(metadata), "weight_map": {"b": "m-2.bin", "a": "m-1.safetensors", "model.c": "m-1.safetensors"}}"#,
        index)
      let state = try StateDict(contentsOf: path)
      #expect(state.keys == ["b", "a", "model.c"])
      #expect(state["model.c"]?.item() == 3 && state["b"]?.array(of: Float.self) == [1, 2])
      #expect(state.metadata == ["format": "pt"])
      #expect(try StateDict(contentsOf: index, prefix: "model.").keys == ["b", "a", "c"])

      func refuses(_ text: String, naming file: String = "index.json") throws {
        _ = try write(text, index)
        #expect("\(text)") {
          try StateDict(contentsOf: index)
        } throws: { error in
          let message = "\(error)"
          #expect(message.contains(file) && !message.contains("\n"), "\(message)")
          return error is FileError
        }
      }
      for text in [
        "", "{", "[]", "{}", #"{"weight_map": []}"#, #"{"weight_map": {"a": 1}}"#,
        #"{"weight_map": {"a": "../m-1.safetensors"}}"#, #"{"weight_map": {"a": "/etc/passwd"}}"#,
        #"{"weight_map": {"a": "../\u0301m-1.safetensors"}}"#,
        #"{"weight_map": {"a": "..\\m-1.safetensors"}}"#,
        #"{"weight_map": {"a": "m-1\u0000.safetensors"}}"#, #"{"weight_map": {"a": ".."}}"#,
        #"{"weight_map": {"a": ""}}"#,
        #"{"weight_map": {"a": "m-1.safetensors", "a": "m-1.safetensors"}}"#, #"{"weight_map": {}} x"#,
        #"{"weight_map": {}, "deep": \#(String(repeating: "[", count: 500))"#,
      ] { try refuses(text) }
      try refuses(#"{"weight_map": {"a": "m-3.safetensors"}}"#, naming: "m-3.safetensors")
      try refuses(#"{"weight_map": {"b": "m-1.safetensors"}}"#, naming: "m-1.safetensors")
      // A key that the index does not list.
      try refuses(#"{"weight_map": {"a": "m-1.safetensors"}}"#, naming: "m-1.safetensors")
      _ = try write(#"{"weight_map": {}}"#, index)
      #expect(try StateDict(contentsOf: index).isEmpty)
      #expect(throws: FileError.self) { try StateDict(contentsOf: index, key: "model") }
    }
  }
}
