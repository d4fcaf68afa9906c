import Foundation
import NNCore

extension StoredType {
  /// Smaller tensors are copied: a mapped page costs more.
  static let mappingMinimum = 1 << 20

  /// Elements of part of a file. Large ones that need no conversion stay where they are, in the mapped file.
  func storage(_ slice: FileSlice, bigEndian: Bool = false) throws -> Storage {
    let isPlain = self == StoredType(dtype) && self != .bool && (!bigEndian || byteCount == 1)
    if isPlain, let storage = slice.borrowed(minimum: StoredType.mappingMinimum, alignment: byteCount) {
      return storage
    }
    return try slice.withBytes { try decode($0, bigEndian: bigEndian) }
  }

  /// Elements read from a file's bytes, widened to `dtype`. The bytes are whole elements.
  func decode(_ bytes: UnsafeRawBufferPointer, bigEndian: Bool = false) throws -> Storage {
    let count = bytes.count / byteCount
    let storage = Storage(byteCount: count * dtype.byteCount)
    let isSwapped = bigEndian && byteCount > 1

    func convert<Raw: FixedWidthInteger, T>(_ value: (Raw) throws -> T) rethrows {
      let target = storage.hostAddress.assumingMemoryBound(to: T.self)
      for i in 0..<count {
        let raw = bytes.loadUnaligned(fromByteOffset: i * MemoryLayout<Raw>.size, as: Raw.self)
        target[i] = try value(isSwapped ? raw.byteSwapped : raw)
      }
    }

    switch self {
    case .float64, .int64:
      isSwapped ? convert { (raw: UInt64) in raw } : copy(bytes, to: storage)
    case .float32, .int32:
      isSwapped ? convert { (raw: UInt32) in raw } : copy(bytes, to: storage)
    case .uint8: copy(bytes, to: storage)
    // Every byte but 0 is true, and a Swift Bool must be 0 or 1.
    case .bool: convert { (raw: UInt8) in raw == 0 ? 0 : 1 as UInt8 }
    case .float16: convert { (raw: UInt16) in Float(Float16(bitPattern: raw)) }
    case .bfloat16: convert { (raw: UInt16) in Float(bitPattern: UInt32(raw) << 16) }
    case .float8e4m3: convert { (raw: UInt8) in Float8.e4m3.value(raw) }
    case .float8e5m2: convert { (raw: UInt8) in Float8.e5m2.value(raw) }
    case .int16: convert { (raw: Int16) in Int32(raw) }
    case .uint16: convert { (raw: UInt16) in Int32(raw) }
    case .int8: convert { (raw: Int8) in Int32(raw) }
    case .uint32: convert { (raw: UInt32) in Int64(raw) }
    case .uint64:
      try convert { (raw: UInt64) in
        guard let value = Int64(exactly: raw) else {
          throw Malformed(expected: "U64 values of at most \(Int64.max)", found: "\(raw)")
        }
        return value
      }
    }
    return storage
  }

  private func copy(_ bytes: UnsafeRawBufferPointer, to storage: Storage) {
    if let base = bytes.baseAddress { storage.hostAddress.copyMemory(from: base, byteCount: bytes.count) }
  }

  /// Whether tensors of the type can be stored so: floating point as floating point, integers as integers.
  func canStore(_ dtype: DType) -> Bool {
    dtype.category == self.dtype.category
  }

  /// The elements of a row-major tensor as bytes of this type, piece by piece. Floating-point values are
  /// rounded to nearest even; an integer that does not fit throws.
  func encode(_ tensor: Tensor, _ write: (UnsafeRawBufferPointer) throws -> Void) throws {
    if self == StoredType(tensor.dtype) {
      return try write(
        UnsafeRawBufferPointer(start: tensor.hostPointer, count: tensor.count * tensor.dtype.byteCount))
    }
    func pieces<T: TensorElement, Raw: FixedWidthInteger>(_: T.Type, _ value: (T) throws -> Raw) throws {
      let source = UnsafeBufferPointer(start: tensor.hostPointer(T.self), count: tensor.count)
      let pieceCount = 1 << 16
      for start in stride(from: 0, to: source.count, by: pieceCount) {
        let piece = try source[start..<Swift.min(start + pieceCount, source.count)].map(value)
        try piece.withUnsafeBytes(write)
      }
    }
    func integers<T: TensorElement & FixedWidthInteger>(_: T.Type) throws {
      func narrowed<Raw: FixedWidthInteger>(_ value: T) throws -> Raw {
        guard let raw = Raw(exactly: value) else {
          throw Malformed(expected: "values that \(self) holds", found: "\(value)")
        }
        return raw
      }
      switch self {
      case .int64: try pieces(T.self) { try narrowed($0) as Int64 }
      case .int32: try pieces(T.self) { try narrowed($0) as Int32 }
      case .int16: try pieces(T.self) { try narrowed($0) as Int16 }
      case .int8: try pieces(T.self) { try narrowed($0) as Int8 }
      case .uint64: try pieces(T.self) { try narrowed($0) as UInt64 }
      case .uint32: try pieces(T.self) { try narrowed($0) as UInt32 }
      case .uint16: try pieces(T.self) { try narrowed($0) as UInt16 }
      case .uint8: try pieces(T.self) { try narrowed($0) as UInt8 }
      case .float64, .float32, .float16, .bfloat16, .float8e4m3, .float8e5m2, .bool: break
      }
    }
    func floats<T: TensorElement & BinaryFloatingPoint>(_: T.Type) throws {
      switch self {
      case .float64: try pieces(T.self) { Double($0).bitPattern }
      case .float32: try pieces(T.self) { Float($0).bitPattern }
      case .float16: try pieces(T.self) { Float16($0).bitPattern }
      case .bfloat16: try pieces(T.self) { BFloat16(Float($0)).bitPattern }
      case .float8e4m3: try pieces(T.self) { Float8.e4m3.byte(Double($0)) }
      case .float8e5m2: try pieces(T.self) { Float8.e5m2.byte(Double($0)) }
      default: break
      }
    }
    require(canStore(tensor.dtype), "StateDict.write", "a \(tensor.dtype) tensor cannot be stored as \(self)")
    switch tensor.dtype {
    case .bfloat16:
      let wide = tensor.to(.float32)
      try withExtendedLifetime(wide) { try encode(wide, write) }
    case .float32: try floats(Float.self)
    case .float64: try floats(Double.self)
    case .int32: try integers(Int32.self)
    case .int64: try integers(Int64.self)
    case .uint8: try integers(UInt8.self)
    case .bool: break
    }
  }
}
