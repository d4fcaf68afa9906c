import Foundation
import NNCore
import NNFiles
import TestSupport
import Testing

@Suite struct ReadFileTests {
  @Test(arguments: [
    "state_zip.pth", "state_zip_proto4.pth", "state_legacy.pth", "parameters.pth", "dataparallel.pth",
    "state.safetensors", "no_tensors.safetensors",
  ])
  func readsStateDictionary(name: String) throws {
    let want = try #require(FileFixtures.expected(name)?["tensors"]?.entries)
    let state = try StateDict(contentsOf: FileFixtures.ok(name))
    #expect(Set(state.keys) == Set(want.keys))
    for (key, tensor) in want { #expect(FileFixtures.differences(state[key], tensor, key) == []) }
  }

  @Test(arguments: [
    "single_tensor.pth", "full_checkpoint.pth", "full_checkpoint_legacy.pth", "lightning.ckpt",
  ])
  func readsNestedValues(name: String) throws {
    let want = try #require(FileFixtures.expected(name)?["tree"])
    let checkpoint = try TorchCheckpoint(contentsOf: FileFixtures.ok(name))
    #expect(try FileFixtures.differences(checkpoint.root, want, "root", checkpoint) == [])
  }

  @Test(arguments: [
    "f4", "f8", "f2", "i8", "i4", "u1", "b1", "fortran", "big_endian", "scalar", "empty", "version2",
  ])
  func readsArray(name: String) throws {
    let want = try #require(FileFixtures.expected("\(name).npy")?["array"])
    let tensor = try Tensor(contentsOf: FileFixtures.ok("\(name).npy"))
    #expect(FileFixtures.differences(tensor, want, name) == [])
    #expect(tensor.isContiguous)
  }

  @Test(arguments: ["arrays.npz", "arrays_compressed.npz"])
  func readsArrays(name: String) throws {
    let want = try #require(FileFixtures.expected(name)?["arrays"]?.entries)
    let state = try StateDict(contentsOf: FileFixtures.ok(name))
    #expect(Set(state.keys) == Set(want.keys))
    #expect(state.storedType(of: "f2") == .float16)
    for (key, array) in want { #expect(FileFixtures.differences(state[key], array, key) == []) }
  }

  @Test(arguments: ["state_zip.pth", "state_legacy.pth"])
  func keepsOrderTypesAndSharing(name: String) throws {
    let state = try StateDict(contentsOf: URL(fileURLWithPath: FileFixtures.ok(name)))
    #expect(state.keys.prefix(4) == ["conv.weight", "conv.bias", "bn.weight", "bn.bias"])
    #expect(state.keys.suffix(3) == ["view.b", "view.t", "expanded"])
    #expect(state.storedType(of: "half") == .float16)
    #expect(state.storedType(of: "bf16") == .bfloat16)
    #expect(state.storedType(of: "int8") == .int8)
    #expect(state.storedType(of: "double") == .float64)
    let a = try #require(state["view.a"])
    let t = try #require(state["view.t"])
    #expect(a.storage === t.storage)
    #expect(t.strides == [1, 6])
    #expect(state["expanded"]?.strides == [0, 1] || state["expanded"]?.strides == [1, 0])
  }

  @Test func readsMetadata() throws {
    let state = try StateDict(contentsOf: FileFixtures.ok("state.safetensors"))
    #expect(state.metadata == ["format": "pt", "note": "café"])
    #expect(state.storedType(of: "int16") == .int16)
  }

  @Test func findsTensorsByKeyAndPrefix() throws {
    let light = try StateDict(
      contentsOf: FileFixtures.ok("lightning.ckpt"), key: "state_dict", prefix: "model.")
    #expect(light.keys.first == "conv.weight")
    #expect(light["bn.num_batches_tracked"]?.dtype == .int64)
    let full = try StateDict(contentsOf: FileFixtures.ok("full_checkpoint_legacy.pth"), key: "model")
    #expect(full.keys == light.keys)
    let parallel = try StateDict(contentsOf: FileFixtures.ok("dataparallel.pth"), prefix: "module.")
    #expect(parallel.keys == light.keys)
    let bare = try Tensor(contentsOf: FileFixtures.ok("single_tensor.pth"))
    #expect(bare.shape == [4, 3, 3, 3])
  }

  private func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "nothing thrown"
    } catch { return "\(error)" }
  }

  @Test func saysWhatIsWrong() throws {
    let light = FileFixtures.ok("lightning.ckpt")
    let nested = message { _ = try StateDict(contentsOf: light) }
    #expect(
      nested.hasPrefix("\(light): expected a dictionary of tensors only, found an integer under \"epoch\""))
    #expect(nested.contains("\"state_dict\""))
    #expect(nested.contains("key:"))
    let absent = message { _ = try StateDict(contentsOf: light, key: "weights") }
    #expect(absent.contains("expected an entry \"weights\", found a dictionary of 10"))
    let prefix = message { _ = try StateDict(contentsOf: light, key: "state_dict", prefix: "net.") }
    #expect(prefix.hasSuffix("expected keys that begin with \"net.\", found \"model.conv.weight\""))
    let array = message { _ = try StateDict(contentsOf: FileFixtures.ok("f4.npy")) }
    #expect(array.contains("Tensor(contentsOf:)"))
    let many = message { _ = try Tensor(contentsOf: FileFixtures.ok("state.safetensors")) }
    #expect(many.contains("StateDict(contentsOf:)"))
    let missing = message { _ = try StateDict(contentsOf: "/nowhere/w.safetensors") }
    #expect(missing == "/nowhere/w.safetensors: cannot be read: No such file or directory")
    let directory = message { _ = try StateDict(contentsOf: "/tmp") }
    #expect(directory == "/tmp: cannot be read: it is not a regular file")
    let keyed = message { _ = try StateDict(contentsOf: FileFixtures.ok("state.safetensors"), key: "model") }
    #expect(keyed.contains("a PyTorch checkpoint to look up a key in"))
    let evil = message { _ = try StateDict(contentsOf: FileFixtures.bad("evil_os_system.pth")) }
    #expect(evil.contains("the Python name \"os.system\""))
  }
}

@Suite struct ArrayPickleTests {
  @Test(arguments: ["arrays_protocol2.pkl", "arrays_protocol4.pkl"])
  func readsArraysInPickles(name: String) throws {
    let root = try PickleValue(contentsOf: FileFixtures.ok(name))
    #expect(root["batch_label"]?.text == "testing batch 1 of 1")
    #expect(root["labels"]?.items?.compactMap(\.int) == [3, 250, 7])
    #expect(root["filenames"]?.items?.compactMap(\.text) == ["a.png", "b.png", "c.png"])
    guard case .array(let data)? = root["data"]?.kind else {
      Issue.record("no array")
      return
    }
    let tensor = try data.tensor()
    #expect(tensor.shape == [3, 6])
    #expect(tensor.array(of: UInt8.self) == (0..<18).map { UInt8(230 + $0 & 255) })
    guard case .array(let columns)? = root["extra"]?["f"]?.kind else {
      Issue.record("no array")
      return
    }
    #expect(try columns.tensor().array(of: Float.self) == [0, 1, 2, 3, 4, 5])
    #expect(root["extra"]?["n"]?.int == -7)
    guard case .float(1.5)? = root["extra"]?["x"]?.kind else {
      Issue.record("no number")
      return
    }
  }

  /// As Python 2 wrote CIFAR-10: strings of bytes, the older module name.
  @Test func readsPythonTwo() throws {
    func short(_ text: String) -> [UInt8] { [0x55, UInt8(text.utf8.count)] + Array(text.utf8) }
    var bytes: [UInt8] = [0x80, 2] + Array("}(".utf8) + short("data")
    bytes += Array("cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK".utf8) + [0, 0x85] + short("b")
    bytes += [0x87] + Array("R(K".utf8) + [1, 0x4B, 2, 0x4B, 2, 0x86] + Array("cnumpy\ndtype\n".utf8)
    bytes += short("u1") + Array("K".utf8) + [0, 0x4B, 1, 0x87] + Array("R(K".utf8) + [3] + short("|")
    bytes += Array("NNNJ".utf8) + [255, 255, 255, 255, 0x4A, 255, 255, 255, 255, 0x4B, 0] + Array("tb".utf8)
    bytes += [0x89, 0x54, 4, 0, 0, 0, 9, 200, 128, 255] + Array("tb".utf8)
    bytes += short("labels") + Array("](K".utf8) + [7, 0x4B, 1] + Array("eu.".utf8)
    try withTemporaryFolder { folder in
      let path = folder.appendingPathComponent("data_batch_1").path
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      let root = try PickleValue(contentsOf: path)
      #expect(root["labels"]?.items?.compactMap(\.int) == [7, 1])
      guard case .array(let data)? = root["data"]?.kind else {
        Issue.record("no array")
        return
      }
      #expect(try data.tensor().array(of: UInt8.self) == [9, 200, 128, 255])
      try Data(bytes + [0]).write(to: URL(fileURLWithPath: path))
      #expect(throws: FileError.self) { try PickleValue(contentsOf: path) }
      // A checkpoint may not hold arrays, an array file no storages.
      #expect(throws: FileError.self) { try TorchCheckpoint(contentsOf: path) }
    }
  }
}
