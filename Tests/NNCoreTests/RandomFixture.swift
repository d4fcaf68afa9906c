import Foundation
import NNCore
import Testing

/// The cases of `Fixtures/rng`: short arrays whole, long ones by their ends and a checksum.
struct RandomFixture: @unchecked Sendable {
  struct Output: Sendable {
    let shape: [Int]
    let crc32: UInt32?
  }

  /// `kwargs` comes from JSON and is never changed.
  struct Case: @unchecked Sendable, CustomTestStringConvertible {
    let id: String
    let op: String
    let seed: Int
    let kwargs: [String: Any]
    let outputs: [String: Output]

    var testDescription: String { "\(id) seed \(seed)" }
    func number(_ key: String) -> Double? { (kwargs[key] as? NSNumber)?.doubleValue }
    func ints(_ key: String) -> [Int] { kwargs[key] as? [Int] ?? [] }
    func doubles(_ key: String) -> [Double] { kwargs[key] as? [Double] ?? [] }

    /// Splits, samplers and loaders are tested where they are.
    var isTensorOperation: Bool {
      !["random_split", "dataloader", "weighted_sampler", "subset_sampler", "init.orthogonal_"].contains(op)
    }
    /// Whether the values are drawn without logarithms, sines or matrix factorisations.
    var isExact: Bool {
      if op == "module" { return kwargs["type"] as? String != "Embedding" }
      return !["randn", "normal_", "sequence"].contains(op) && !op.contains("normal_")
        && !op.contains("orthogonal")
    }
  }

  let cases: [Case]
  let values: [String: Tensor]

  static func load() -> RandomFixture {
    do {
      let folder = try #require(Bundle.module.url(forResource: "Fixtures/rng", withExtension: nil))
      let manifest = try json(Data(contentsOf: folder.appending(path: "manifest.json")))
      let cases = (manifest["cases"] as? [[String: Any]] ?? []).map { entry in
        let outputs = (entry["outputs"] as? [String: [String: Any]] ?? [:]).mapValues {
          Output(shape: $0["shape"] as? [Int] ?? [], crc32: ($0["crc32"] as? NSNumber)?.uint32Value)
        }
        return Case(
          id: entry["id"] as? String ?? "", op: entry["op"] as? String ?? "",
          seed: entry["seed"] as? Int ?? 0,
          kwargs: entry["kwargs"] as? [String: Any] ?? [:], outputs: outputs)
      }
      return RandomFixture(cases: cases, values: try tensors(folder.appending(path: "rng.safetensors")))
    } catch {
      Issue.record(error)
      return RandomFixture(cases: [], values: [:])
    }
  }

  private static func json(_ data: Data) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  private static func tensors(_ file: URL) throws -> [String: Tensor] {
    let data = try Data(contentsOf: file)
    let size = data.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
    let header = try json(data.subdata(in: 8..<8 + size))
    var result: [String: Tensor] = [:]
    for case let (name, entry as [String: Any]) in header where name != "__metadata__" {
      let span = try #require(entry["data_offsets"] as? [Int])
      let bytes = data.subdata(in: 8 + size + span[0]..<8 + size + span[1])
      let shape = try #require(entry["shape"] as? [Int])
      func read<T: TensorElement>(_ zero: T) -> Tensor {
        var values = [T](repeating: zero, count: bytes.count / MemoryLayout<T>.size)
        _ = values.withUnsafeMutableBytes { bytes.copyBytes(to: $0) }
        return Tensor(values, shape: shape)
      }
      switch entry["dtype"] as? String {
      case "F32": result[name] = read(Float(0))
      case "F64": result[name] = read(0.0)
      default: result[name] = read(Int64(0))
      }
    }
    return result
  }

  func check(_ got: Tensor, _ test: Case, _ name: String, exact: Bool) {
    guard let expected = test.outputs[name] else { return }
    #expect(got.shape == expected.shape)
    let key = "\(test.id)/\(name)"
    if let sum = expected.crc32 {
      let flat = got.reshape([-1])
      compare(flat[0..<20], key + ".first20", exact)
      compare(flat[(flat.count - 20)...], key + ".last20", exact)
      if exact { #expect(checksum(got) == sum, "checksum of \(key)") }
    } else {
      compare(got, key, exact)
    }
  }

  private func compare(_ got: Tensor, _ key: String, _ exact: Bool) {
    guard let want = values[key] else {
      Issue.record("\(key) is not in the fixture")
      return
    }
    #expect(got.dtype == want.dtype, "\(key)")
    if want.dtype == .int64 {
      #expect(got.array(of: Int64.self) == want.array(of: Int64.self), "\(key)")
    } else {
      let (a, b) = (got.array(of: Double.self), want.array(of: Double.self))
      if exact {
        #expect(a == b, "\(key)")
      } else {
        let worst = zip(a, b).map { abs($0 - $1) - 1e-6 * abs($1) }.max() ?? 0
        #expect(worst <= 1e-6, "\(key): off by \(worst)")
      }
    }
  }

  private func checksum(_ x: Tensor) -> UInt32 {
    func bytes<T: TensorElement>(_ type: T.Type) -> UInt32 {
      x.withElements(of: type) { values in
        var sum = ~UInt32(0)
        for byte in UnsafeRawBufferPointer(values) {
          sum ^= UInt32(byte)
          for _ in 0..<8 { sum = sum & 1 != 0 ? sum >> 1 ^ 0xedb8_8320 : sum >> 1 }
        }
        return ~sum
      }
    }
    switch x.dtype {
    case .float32: return bytes(Float.self)
    case .float64: return bytes(Double.self)
    default: return bytes(Int64.self)
    }
  }
}
