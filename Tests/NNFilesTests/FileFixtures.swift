import Foundation
import NNCore
import NNFiles
import TestSupport

/// The files of `Fixtures/formats`.
enum FileFixtures {
  static let folder = Bundle.module.bundleURL.appendingPathComponent("Fixtures/formats")

  static func ok(_ name: String) -> String { folder.appendingPathComponent("ok/\(name)").path }
  static func bad(_ name: String) -> String { folder.appendingPathComponent("bad/\(name)").path }

  static func expected(_ name: String) throws -> JSONValue? { try descriptions.get()[name] }

  private static let descriptions = Result {
    try JSONValue(contentsOf: folder.appendingPathComponent("ok/expected.json"))
  }

  /// What differs between a tensor and its description (`dtype` in PyTorch's or NumPy's words, `shape`, `values`).
  static func differences(_ tensor: Tensor?, _ want: JSONValue, _ name: String) -> [String] {
    guard let tensor else { return ["\(name): missing"] }
    guard let shape = want["shape"]?.ints, let values = want["values"]?.elements else {
      return ["\(name): ?"]
    }
    if tensor.shape != shape { return ["\(name): shape \(tensor.shape), expected \(shape)"] }
    if let type = want["dtype"]?.string, tensor.dtype != dtype(type) {
      return ["\(name): \(tensor.dtype), expected \(type)"]
    }
    let got = tensor.array(of: Double.self)
    for (place, (a, b)) in zip(got, values.map(number)).enumerated() {
      let isSame = a == b && a.sign == b.sign || a.isNaN && b.isNaN
      if !isSame { return ["\(name)[\(place)]: \(a), expected \(b)"] }
    }
    return got.count == values.count ? [] : ["\(name): \(got.count) values, expected \(values.count)"]
  }

  private static func number(_ value: JSONValue) -> Double {
    if case .bool(let flag) = value { return flag ? 1 : 0 }
    return value.double ?? .greatestFiniteMagnitude
  }

  /// The type that a file's type is read into.
  private static func dtype(_ name: String) -> DType? {
    switch name {
    case "float32", "float16", "bfloat16", "<f4", ">f4", "<f2": .float32
    case "float64", "<f8": .float64
    case "int64", "<i8": .int64
    case "int32", "int16", "int8", "<i4": .int32
    case "uint8", "|u1": .uint8
    case "bool", "|b1": .bool
    default: nil
    }
  }

  /// What differs between a pickled value and its description.
  static func differences(
    _ value: PickleValue, _ want: JSONValue, _ name: String, _ checkpoint: TorchCheckpoint
  ) throws -> [String] {
    func all(_ items: [PickleValue], _ wanted: [JSONValue]) throws -> [String] {
      if items.count != wanted.count { return ["\(name): \(items.count) items, expected \(wanted.count)"] }
      return try zip(items, wanted).enumerated().flatMap {
        try differences($1.0, $1.1, "\(name)[\($0)]", checkpoint)
      }
    }
    switch value.kind {
    case .none: return want.isNull ? [] : ["\(name): None"]
    case .bool(let flag): return want == .bool(flag) ? [] : ["\(name): \(flag)"]
    case .int(let int): return want["int"]?.string == "\(int)" ? [] : ["\(name): \(int)"]
    case .bigInt(let digits): return want["int"]?.string == digits ? [] : ["\(name): \(digits)"]
    case .float(let double):
      return want["float"]?.string.flatMap { Double($0) } == double ? [] : ["\(name): \(double)"]
    case .string(let text): return want == .string(text) ? [] : ["\(name): \(text)"]
    case .bytes(let bytes): return want["bytes"]?.ints == bytes.map(Int.init) ? [] : ["\(name): \(bytes)"]
    case .list(let items): return try all(items, want["list"]?.elements ?? [])
    case .tuple(let items): return try all(items, want["tuple"]?.elements ?? [])
    case .dict(let pairs):
      let wanted = want["dict"]?.elements ?? []
      if pairs.count != wanted.count { return ["\(name): \(pairs.count) entries, expected \(wanted.count)"] }
      return try zip(pairs, wanted).flatMap { pair, wanted -> [String] in
        // Plain keys stand for themselves, others are described like values.
        let key = try differences(pair.key, wanted[0] ?? .null, "\(name) key", checkpoint)
        let label = "\(name).\(pair.key.text ?? "\(pair.key.int ?? -1)")"
        return try key + differences(pair.value, wanted[1] ?? .null, label, checkpoint)
      }
    case .tensor(let record):
      return differences(try checkpoint.tensor(record), want["tensor"] ?? .null, name)
    case .set, .array, .name: return ["\(name): \(value.summary)"]
    }
  }
}
