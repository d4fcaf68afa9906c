import NNCore

/// Element type and byte order of a NumPy array.
struct ArrayLayout {
  var type: StoredType
  var isBigEndian: Bool

  /// From NumPy's text for an element type: `<f4`, `>i8`, `|u1`.
  init(descriptor: String) throws {
    let order = descriptor.first
    guard let order, "<>|=".contains(order) else { throw ArrayLayout.unknown(descriptor) }
    let kinds: [String: StoredType] = [
      "f8": .float64, "f4": .float32, "f2": .float16, "i8": .int64, "i4": .int32, "i2": .int16, "i1": .int8,
      "u8": .uint64, "u4": .uint32, "u2": .uint16, "u1": .uint8, "b1": .bool,
    ]
    guard let type = kinds[String(descriptor.dropFirst())], order != "|" || type.byteCount == 1 else {
      throw ArrayLayout.unknown(descriptor)
    }
    self.type = type
    isBigEndian = order == ">"
  }

  private static func unknown(_ descriptor: String) -> Malformed {
    let found = descriptor.hasSuffix("O") ? "an array of objects" : quoted(descriptor)
    return Malformed(expected: "an array of numbers or bools (as '<f4')", found: found)
  }

  /// The bytes, which are whole elements that fill the shape, as a row-major tensor.
  func tensor(_ bytes: FileSlice, shape: [Int], isColumnMajor: Bool) throws -> Tensor {
    let storage = try type.storage(bytes, bigEndian: isBigEndian)
    guard isColumnMajor else { return Tensor(storage: storage, shape: shape, dtype: type.dtype) }
    let strides = Array(Tensor.contiguousStrides(shape.reversed()).reversed())
    return Tensor(storage: storage, shape: shape, strides: strides, dtype: type.dtype).contiguous()
  }
}
