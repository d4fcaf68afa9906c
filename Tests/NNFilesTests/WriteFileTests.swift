import Foundation
import NNCore
import NNFiles
import TestSupport
import Testing

@Suite struct WriteFileTests {
  private func sample() -> StateDict {
    let grid = Tensor((0..<24).map { Float($0) - 7.5 }, shape: [2, 3, 4])
    return [
      "flags": Tensor([true, false, true]),
      "weight": grid,
      "weight.t": grid.transpose(0, 2),
      "row": grid[1, 2],
      "expanded": Tensor([2.5] as [Float]).expand([3, 2]),
      "double": Tensor([1.0 / 3, -.infinity, .nan, -0.0] as [Double]),
      "bytes": Tensor([0, 255, 7] as [UInt8]),
      "int": Tensor([Int32.min, 0, .max]),
      "long": Tensor([Int64.min, 0, .max]),
      "scalar": Tensor(4.25 as Float),
      "empty": Tensor.zeros([0, 5]),
      "name \"é\\\n\u{1}中/": Tensor([1] as [Int64]),
    ]
  }

  private func expectSame(_ got: StateDict, _ want: StateDict) {
    #expect(got.keys == want.keys)
    for (key, value) in want {
      #expect(got[key]?.dtype == value.dtype, "\(key)")
      #expect(got[key]?.shape == value.shape, "\(key)")
      let bits = { (x: Tensor) in x.array(of: Double.self).map { $0.isNaN ? UInt64.max : $0.bitPattern } }
      #expect(got[key].map(bits) == bits(value), "\(key)")
    }
  }

  @Test func roundTripsSafetensors() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("w.safetensors")
      let state = sample()
      try state.write(safetensors: url, metadata: ["format": "pt", "q": "\"\n"])
      let read = try StateDict(contentsOf: url)
      expectSame(read, state)
      #expect(read.metadata == ["format": "pt", "q": "\"\n"])
      let bytes = try Data(contentsOf: url)
      // The data begin at a multiple of 8, and what is read can be written again to the same bytes.
      #expect(bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) } % 8 == 0)
      let again = folder.appendingPathComponent("again.safetensors")
      try read.write(safetensors: again)
      #expect(try Data(contentsOf: again) == bytes)
      try StateDict().write(safetensors: url)
      #expect(try StateDict(contentsOf: url).isEmpty)
    }
  }

  @Test(arguments: ["safetensors", "pth"])
  func bfloat16ComesBackIfAskedFor(_ form: String) throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("w.\(form)")
      let x = Tensor([1.0, -2.5, 1e30, .infinity], dtype: .bfloat16)
      let state: StateDict = ["x": x, "y": Tensor([1.0, 2.0], dtype: .float32)]
      try form == "pth" ? state.write(pth: url) : state.write(safetensors: url)
      let read = try StateDict(contentsOf: url)
      #expect(read.storedType(of: "x") == .bfloat16 && read["x"]?.dtype == .float32)
      let kept = read.keepingBFloat16()
      #expect(kept["x"]?.dtype == .bfloat16 && kept["y"]?.dtype == .float32)
      #expect(kept["x"].map { $0.isEqual(to: x) } == true && kept.storedType(of: "x") == .bfloat16)
    }
  }

  @Test func convertsWhileWriting() throws {
    let state: StateDict = [
      "f": Tensor([0.1, 65504, 1e6, 3.0e-8, .nan] as [Float]),
      "d": Tensor([0.1, 1.00390625, 1.01171875] as [Double]),
      "i": Tensor([-128, 127] as [Int64]),
      "j": Tensor([0, 65535] as [Int32]),
    ]
    try withTemporaryFolder { folder in
      let path = folder.appendingPathComponent("w.safetensors").path
      let types: [String: StoredType] = ["f": .float16, "d": .bfloat16, "i": .int8, "j": .uint16]
      try state.write(safetensors: path) { types[$0.key] ?? StoredType($0.value.dtype) }
      let read = try StateDict(contentsOf: path)
      for (key, type) in types { #expect(read.storedType(of: key) == type) }
      let halves = try #require(read["f"]?.array(of: Float.self))
      #expect(halves.prefix(4) == [0.099975586, 65504, .infinity, 5.9604645e-08])
      #expect(halves[4].isNaN)
      // 8 bits of significand; halfway cases go to the even neighbour.
      #expect(read["d"]?.array(of: Float.self) == [0.10009765625, 1, 1.015625])
      #expect(read["i"]?.array(of: Int.self) == [-128, 127])
      #expect(read["j"]?.array(of: Int.self) == [0, 65535])
      #expect(read["i"]?.dtype == .int32)
      // Loading as a checkpoint keeps the file's types: a new tensor under the key forgets them.
      var changed = read
      changed["f"] = Tensor([1.0] as [Float])
      #expect(changed.storedType(of: "f") == .float32)
    }
  }

  @Test func leavesFilesAloneOnErrors() throws {
    try withTemporaryFolder { folder in
      let path = folder.appendingPathComponent("w.safetensors").path
      let state = sample()
      try state.write(safetensors: path)
      let before = try Data(contentsOf: URL(fileURLWithPath: path))
      #expect(throws: FileError.self) {
        try state.write(safetensors: path) { $0.key == "int" ? .int8 : StoredType($0.value.dtype) }
      }
      #expect(throws: FileError.self) {
        try (["__metadata__": Tensor(1.0)] as StateDict).write(safetensors: path)
      }
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["w.safetensors"])
      #expect(throws: FileError.unwritable(file: "\(folder.path)/no/w", reason: "No such file or directory"))
      {
        try state.write(safetensors: "\(folder.path)/no/w")
      }
      #expect(throws: FileError.self) { try state.write(safetensors: folder.path) }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["w.safetensors"])
    }
  }

  @Test func replacesWhatALinkPointsTo() throws {
    try withTemporaryFolder { folder in
      let target = folder.appendingPathComponent("target.npy")
      let link = folder.appendingPathComponent("link.npy")
      try Data([1]).write(to: target)
      try FileManager.default.createSymbolicLink(at: link, withDestinationURL: target)
      try Tensor([1, 2] as [Int64]).write(npy: link)
      #expect(try Tensor(contentsOf: target).array(of: Int.self) == [1, 2])
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link.path) == target.path)
    }
  }

  @Test func roundTripsNpy() throws {
    try withTemporaryFolder { folder in
      for (key, value) in sample() {
        let url = folder.appendingPathComponent("x.npy")
        try value.write(npy: url)
        let read = try Tensor(contentsOf: url)
        #expect(read.dtype == value.dtype && read.shape == value.shape, "\(key)")
        let same = zip(read.array(of: Double.self), value.array(of: Double.self)).allSatisfy {
          $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN
        }
        #expect(same, "\(key)")
      }
    }
    // Byte for byte what NumPy writes.
    try withTemporaryFolder { folder in
      for name in ["f4", "f8", "i8", "i4", "u1", "b1", "scalar", "empty"] {
        let path = folder.appendingPathComponent("\(name).npy").path
        try Tensor(contentsOf: FileFixtures.ok("\(name).npy")).write(npy: path)
        #expect(
          FileManager.default.contentsEqual(atPath: path, andPath: FileFixtures.ok("\(name).npy")), "\(name)")
      }
    }
  }
}
