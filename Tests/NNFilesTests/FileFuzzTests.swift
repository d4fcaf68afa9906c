import Foundation
import NNCore
import NNFiles
import Testing

/// Good files with random damage are read or refused, never more.
@Suite struct FileFuzzTests {
  private struct Random {
    var state: UInt64
    mutating func next(_ limit: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(limit))
    }
  }

  private static let files = [
    "state_zip.pth", "state_legacy.pth", "parameters.pth", "full_checkpoint.pth",
    "full_checkpoint_legacy.pth",
    "lightning.ckpt", "single_tensor.pth", "state_zip_proto4.pth", "state.safetensors",
    "no_tensors.safetensors",
    "f4.npy", "fortran.npy", "version2.npy", "arrays.npz", "arrays_compressed.npz", "arrays_protocol2.pkl",
    "arrays_protocol4.pkl",
  ]

  @Test(arguments: files)
  func survivesDamage(name: String) throws {
    let good = try [UInt8](Data(contentsOf: URL(fileURLWithPath: FileFixtures.ok(name))))
    var random = Random(state: UInt64(good.count) &* 0x9E37_79B9_7F4A_7C15)
    var read = 0
    for _ in 0..<200 {
      let bytes = damaged(good, &random)
      do {
        try open(bytes, name)
        read += 1
      } catch let error as FileError {
        #expect(!"\(error)".contains("\n"))
      }
    }
    // Most damage is noticed; what is not must lie in values.
    #expect(read < 200)
  }

  private func open(_ bytes: [UInt8], _ name: String) throws {
    let file = FileBytes(bytes).whole
    if name.hasSuffix(".npy") {
      _ = try Tensor(file, name).array(of: Double.self)
    } else if name.hasSuffix(".pkl") {
      let root = try PickleValue(file, name)
      for value in [root["data"], root["extra"]?["f"]] {
        if case .array(let record)? = value?.kind { _ = try record.tensor().array(of: Double.self) }
      }
    } else if name.hasPrefix("state") || name.hasSuffix("npz") || name.hasSuffix("safetensors") {
      for (_, value) in try StateDict(file, name) { _ = value.array(of: Double.self) }
    } else {
      let checkpoint = try TorchCheckpoint(file, name)
      try walk(checkpoint.root, checkpoint, depth: 0)
    }
  }

  private func walk(_ value: PickleValue, _ checkpoint: TorchCheckpoint, depth: Int) throws {
    if depth > 8 { return }
    switch value.kind {
    case .tensor(let record):
      _ = try FileError.naming("tensor") { try checkpoint.tensor(record).array(of: Double.self) }
    case .list(let items), .tuple(let items), .set(let items):
      for item in items { try walk(item, checkpoint, depth: depth + 1) }
    case .dict(let pairs):
      for pair in pairs { try walk(pair.value, checkpoint, depth: depth + 1) }
    case .none, .bool, .int, .bigInt, .float, .string, .bytes, .array, .name: break
    }
  }

  private func damaged(_ good: [UInt8], _ random: inout Random) -> [UInt8] {
    var bytes = good
    for _ in 0...random.next(3) {
      if bytes.isEmpty { return bytes }
      let place = random.next(bytes.count)
      switch random.next(7) {
      case 0: bytes[place] ^= 1 << UInt8(random.next(8))
      case 1: bytes[place] = UInt8(random.next(256))
      case 2: bytes.removeSubrange(place..<Swift.min(place + 1 + random.next(16), bytes.count))
      case 3: bytes.insert(contentsOf: (0...random.next(16)).map { _ in UInt8(random.next(256)) }, at: place)
      case 4: bytes.removeSubrange(place...)
      case 5:
        // The values at which sizes and offsets break.
        let width = [1, 2, 4, 8][random.next(4)]
        let fill: [UInt8] = [0, 0xFF, 0x7F, 0x80]
        for i in place..<Swift.min(place + width, bytes.count) { bytes[i] = fill[random.next(4)] }
      default:
        let source = random.next(bytes.count)
        let part = Array(bytes[source..<Swift.min(source + 1 + random.next(32), bytes.count)])
        bytes.insert(contentsOf: part, at: place)
      }
    }
    return bytes
  }
}
