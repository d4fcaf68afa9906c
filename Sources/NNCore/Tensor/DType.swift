import CNNKernels

/// Element type of a tensor. The order of the cases is the order of promotion (see `DType.promoted(with:)`).
public enum DType: Int32, Sendable, CaseIterable, CustomStringConvertible {
  case bool = 0
  case uint8, int32, int64, bfloat16, float32, float64

  /// Size of one element in bytes.
  public var byteCount: Int {
    switch self {
    case .bool, .uint8: 1
    case .bfloat16: 2
    case .int32, .float32: 4
    case .int64, .float64: 8
    }
  }

  /// Whether the type is `bfloat16`, `float32` or `float64`; only these carry gradients.
  public var isFloatingPoint: Bool { rawValue >= DType.bfloat16.rawValue }

  /// The type that an operation between elements of both types works in, as `torch.promote_types`.
  public func promoted(with other: DType) -> DType { rawValue >= other.rawValue ? self : other }

  /// Floating-point types as they are, others `float32`: the result of `exp`, `mean`, `/` and their like.
  public var promotedToFloat: DType { isFloatingPoint ? self : .float32 }

  /// What elements are computed in: `float32` for `bfloat16`, which is only stored, and the type itself for all others.
  package var ofArithmetic: DType { self == .bfloat16 ? .float32 : self }

  /// PyTorch's name: `float32`, `int64`, …
  public var description: String {
    switch self {
    case .bool: "bool"
    case .uint8: "uint8"
    case .int32: "int32"
    case .int64: "int64"
    case .bfloat16: "bfloat16"
    case .float32: "float32"
    case .float64: "float64"
    }
  }

  /// bool < integers < floating point: a 0-dimensional tensor or a number changes the result's type only if its
  /// category is higher than the other operand's.
  package var category: Int { self == .bool ? 0 : isFloatingPoint ? 2 : 1 }
}

/// Swift types that tensors are made from and read into. `Int` and `Int64` are both `int64`.
public protocol TensorElement: Sendable {
  /// The element type it stands for.
  static var dtype: DType { get }
}

extension Float: TensorElement { public static var dtype: DType { .float32 } }
extension BFloat16: TensorElement { public static var dtype: DType { .bfloat16 } }
extension Double: TensorElement { public static var dtype: DType { .float64 } }
extension Int: TensorElement { public static var dtype: DType { .int64 } }
extension Int64: TensorElement { public static var dtype: DType { .int64 } }
extension Int32: TensorElement { public static var dtype: DType { .int32 } }
extension UInt8: TensorElement { public static var dtype: DType { .uint8 } }
extension Bool: TensorElement { public static var dtype: DType { .bool } }
