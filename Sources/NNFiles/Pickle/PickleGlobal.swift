import NNCore

/// The Python names that a pickle may mention. Each stands for code of ours; every other name is refused, or stands for
/// nothing but itself (`unknown`), so nothing that a file says can run.
enum PickleGlobal: Equatable, Sendable, CustomStringConvertible {
  case orderedDict
  case set
  case byteArray
  /// `_codecs.encode`, by which Python 3 writes bytes in protocol 2.
  case encode
  case size
  case device
  case rebuildTensor
  case rebuildParameter
  case rebuildFromType
  /// A class that a rebuilt tensor may have.
  case tensorClass
  case storage(StoredType?)
  case dtype(StoredType)
  case reconstructArray
  case array
  case arrayType
  case arrayScalar
  /// Any other name, where a checkpoint may hold objects beside its tensors. Calling it gives an opaque object.
  case unknown(String)

  init?(module: String, name: String, allowsArrays: Bool) {
    switch (module, name) {
    case ("collections", "OrderedDict"): self = .orderedDict
    case ("builtins", "set"), ("__builtin__", "set"): self = .set
    case ("builtins", "bytearray"), ("__builtin__", "bytearray"), ("builtins", "bytes"),
      ("__builtin__", "bytes"):
      self = .byteArray
    case ("_codecs", "encode"): self = .encode
    case ("torch", "Size"): self = .size
    case ("torch", "device"): self = .device
    case ("torch._utils", "_rebuild_tensor"), ("torch._utils", "_rebuild_tensor_v2"),
      ("torch._utils", "_rebuild_tensor_v3"):
      self = .rebuildTensor
    case ("torch._utils", "_rebuild_parameter"), ("torch._utils", "_rebuild_parameter_with_state"):
      self = .rebuildParameter
    case ("torch._tensor", "_rebuild_from_type_v2"): self = .rebuildFromType
    case ("torch", "Tensor"), ("torch.nn.parameter", "Parameter"), ("torch.nn.parameter", "Buffer"):
      self = .tensorClass
    case ("torch", _), ("torch.storage", _), ("torch.cuda", _):
      if let type = PickleGlobal.storageTypes[name] {
        self = .storage(type)
      } else if module == "torch", let type = PickleGlobal.elementTypes[name] {
        self = .dtype(type)
      } else {
        return nil
      }
    case ("numpy.core.multiarray", "_reconstruct") where allowsArrays,
      ("numpy._core.multiarray", "_reconstruct") where allowsArrays:
      self = .reconstructArray
    case ("numpy.core.multiarray", "scalar") where allowsArrays,
      ("numpy._core.multiarray", "scalar") where allowsArrays:
      self = .arrayScalar
    case ("numpy", "ndarray") where allowsArrays: self = .array
    case ("numpy", "dtype") where allowsArrays: self = .arrayType
    default: return nil
    }
  }

  private static let storageTypes: [String: StoredType?] = [
    "DoubleStorage": .float64, "FloatStorage": .float32, "HalfStorage": .float16,
    "BFloat16Storage": .bfloat16, "LongStorage": .int64, "IntStorage": .int32, "ShortStorage": .int16,
    "CharStorage": .int8, "ByteStorage": .uint8, "BoolStorage": .bool, "UntypedStorage": nil,
  ]

  private static let elementTypes: [String: StoredType] = [
    "float64": .float64, "float32": .float32, "float16": .float16, "bfloat16": .bfloat16,
    "float8_e4m3fn": .float8e4m3,
    "float8_e5m2": .float8e5m2, "int64": .int64,
    "int32": .int32, "int16": .int16, "int8": .int8, "uint64": .uint64, "uint32": .uint32, "uint16": .uint16,
    "uint8": .uint8, "bool": .bool,
  ]

  var description: String {
    switch self {
    case .dtype(let type):
      "torch." + (PickleGlobal.elementTypes.first { $0.value == type }?.key ?? "\(type)")
    case .unknown(let name): "the Python name \(quoted(name))"
    default: "a Python class"
    }
  }
}
