import NNCore

/// Element type in a file. The raw values are the names that safetensors uses.
///
/// Types that `DType` does not have, and `BF16`, are read into the next wider one, which holds every value exactly:
/// `F16`, `BF16` and the 8-bit `F8_E4M3` and `F8_E5M2` as float32, `I8`, `I16` and `U16` as int32, `U32` and `U64` as int64 (a `U64` above the
/// range of int64 is an error). `StateDict.keepingBFloat16()` gives what was `BF16` back as such.
public enum StoredType: String, Sendable, CaseIterable, CustomStringConvertible {
  case float64 = "F64"
  case float32 = "F32"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case float8e4m3 = "F8_E4M3"
  case float8e5m2 = "F8_E5M2"
  case int64 = "I64"
  case int32 = "I32"
  case int16 = "I16"
  case int8 = "I8"
  case uint64 = "U64"
  case uint32 = "U32"
  case uint16 = "U16"
  case uint8 = "U8"
  case bool = "BOOL"

  /// The type that holds a tensor's elements as they are.
  public init(_ dtype: DType) {
    switch dtype {
    case .bool: self = .bool
    case .uint8: self = .uint8
    case .int32: self = .int32
    case .int64: self = .int64
    case .bfloat16: self = .bfloat16
    case .float32: self = .float32
    case .float64: self = .float64
    }
  }

  /// Size of one element in the file, in bytes.
  public var byteCount: Int {
    switch self {
    case .float64, .int64, .uint64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .int8, .uint8, .bool, .float8e4m3, .float8e5m2: 1
    }
  }

  /// Element type of a tensor read from it.
  public var dtype: DType {
    switch self {
    case .float64: .float64
    case .float32, .float16, .bfloat16, .float8e4m3, .float8e5m2: .float32
    case .int64, .uint64, .uint32: .int64
    case .int32, .int16, .int8, .uint16: .int32
    case .uint8: .uint8
    case .bool: .bool
    }
  }

  public var description: String { rawValue }
}
