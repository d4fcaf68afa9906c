import Foundation
import NNCore

// Cases of seeded draws: short results are stored whole, long ones by their ends and a checksum.

extension FixtureCase {
  /// What the generator is started from. Numbers pass through Double, in which 2^63 - 1 is 2^63.
  public var seed: Int { entry["seed"].map { Int(exactly: $0.double) ?? .max } ?? 0 }

  /// Shape of an expected result.
  public func outputShape(_ name: String) -> [Int]? { entry["outputs"]?[name]?["shape"]?.ints }

  /// Compares a result with the expected one: bit for bit if `exact`, else at the tolerance of the case.
  public func seededDifferences(_ name: String, _ got: Tensor, exact: Bool) -> [String] {
    let tolerances = exact ? (0, 0) : (relativeTolerance, absoluteTolerance)
    func differences(_ part: Tensor, _ name: String) -> [String] {
      tensorDifferences(
        part, stored(name), name: name, relativeTolerance: tolerances.0, absoluteTolerance: tolerances.1)
    }
    guard let expected = entry["outputs"]?[name] else { return ["\(name) is not among the results"] }
    if let shape = outputShape(name), shape != got.shape {
      return ["\(name): \(got.shape), expected \(shape)"]
    }
    guard let sum = expected["crc32"] else { return differences(got, name) }
    let flat = got.reshape([-1])
    var found = differences(flat[0..<20], "\(name).first20")
    found += differences(flat[(flat.count - 20)...], "\(name).last20")
    if exact, got.crc32 != UInt32(sum.int) { found.append("\(name): another checksum") }
    return found
  }
}

extension Tensor {
  /// CRC-32 (as in zlib) of the elements in row-major order, as they lie in memory.
  public var crc32: UInt32 {
    switch dtype {
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
