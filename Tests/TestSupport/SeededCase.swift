import Foundation
import NNCore

// Cases of seeded draws: short results are stored whole, long ones by their ends and a checksum.

extension FixtureCase {
  /// What the generator is started from.
  public var seed: Int {
    get throws {
      guard let seed = entry["seed"]?.int else {
        throw FixtureError("expected a seed of 64 bits, found \(entry["seed"]?.description ?? "none")")
      }
      return seed
    }
  }

  /// Shape of an expected result.
  public func outputShape(_ name: String) -> [Int]? { entry["outputs"]?[name]?["shape"]?.ints }

  /// Compares all results with the expected ones: bit for bit if `exact`, else at the tolerance of the case.
  public func seededDifferences(_ results: [String: Tensor], exact: Bool) throws -> [String] {
    guard Set(results.keys) == Set(outputNames) else {
      return ["results \(results.keys.sorted()), expected \(outputNames)"]
    }
    return try outputNames.flatMap { name in
      try results[name].map { try seededDifferences(name, $0, exact: exact) } ?? []
    }
  }

  private func seededDifferences(_ name: String, _ got: Tensor, exact: Bool) throws -> [String] {
    let tolerances = exact ? (0, 0) : (relativeTolerance, absoluteTolerance)
    func differences(_ part: Tensor, _ name: String) throws -> [String] {
      tensorDifferences(
        part, try stored(name), name: name, relativeTolerance: tolerances.0, absoluteTolerance: tolerances.1)
    }
    guard let expected = entry["outputs"]?[name] else { return ["\(name) is not among the results"] }
    if let shape = outputShape(name), shape != got.shape {
      return ["\(name): \(got.shape), expected \(shape)"]
    }
    guard let sum = expected["crc32"]?.int else { return try differences(got, name) }
    let flat = got.reshape([-1])
    guard flat.count >= 20 else { return ["\(name): \(flat.count) elements have no first 20"] }
    var found = try differences(flat[0..<20], "\(name).first20")
    found += try differences(flat[(flat.count - 20)...], "\(name).last20")
    if exact, Int(got.crc32) != sum { found.append("\(name): another checksum") }
    return found
  }
}

extension Tensor {
  /// CRC-32 (as in zlib) of the elements in row-major order, as they lie in memory.
  public var crc32: UInt32 {
    switch dtype {
    case .bfloat16: withElements(of: BFloat16.self) { checksum(UnsafeRawBufferPointer($0)) }
    case .float32: withElements(of: Float.self) { checksum(UnsafeRawBufferPointer($0)) }
    case .float64: withElements(of: Double.self) { checksum(UnsafeRawBufferPointer($0)) }
    case .int64: withElements(of: Int64.self) { checksum(UnsafeRawBufferPointer($0)) }
    case .int32: withElements(of: Int32.self) { checksum(UnsafeRawBufferPointer($0)) }
    case .uint8: withElements(of: UInt8.self) { checksum(UnsafeRawBufferPointer($0)) }
    case .bool: withElements(of: Bool.self) { checksum(UnsafeRawBufferPointer($0)) }
    }
  }
}

private func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
  ~bytes.reduce(~UInt32(0)) { sum, byte in
    (0..<8).reduce(sum ^ UInt32(byte)) { bits, _ in bits & 1 != 0 ? bits >> 1 ^ 0xedb8_8320 : bits >> 1 }
  }
}
