import NNCore

/// Pixels as they are, a uint8 tensor (C, H, W), `torchvision.transforms.PILToTensor`.
public struct PILToTensor: DeterministicTransform, Hashable {
  public init() {}

  public func callAsFunction(_ image: Image) -> Tensor { image.tensor.permute([2, 0, 1]).contiguous() }
  public var description: String { "PILToTensor()" }
}

/// Another element type and its range of values, `torchvision.transforms.ConvertImageDtype`: 0...1 for floating
/// point, 0 to the largest value for integers.
public struct ConvertImageDtype: DeterministicTransform, Hashable {
  private let dtype: DType

  public init(_ dtype: DType) {
    require(dtype != .bool, "ConvertImageDtype", "bool has no range of brightness")
    self.dtype = dtype
  }

  public func callAsFunction(_ image: Tensor) -> Tensor {
    require(image.dtype != .bool, "ConvertImageDtype", "bool has no range of brightness")
    if image.dtype == dtype { return image }
    switch (image.dtype.isFloatingPoint, dtype.isFloatingPoint) {
    case (true, true): return image.to(dtype)
    case (false, true): return image.to(dtype) / Self.maximum(image.dtype)
    case (true, false):
      require(
        dtype == .uint8 || (image.dtype == .float64 && dtype == .int32), "ConvertImageDtype",
        "\(image.dtype) cannot be converted to \(dtype) without loss")
      // Not 255, so that all intervals are about equally wide.
      return (image * (Self.maximum(dtype) + 1 - 1e-3)).to(dtype)
    case (false, false):
      // Ranges are powers of two, so the quotient rounded down is a shift.
      let (from, to) = (Self.bits(image.dtype), Self.bits(dtype))
      if from > to {
        let shift = from - to
        let values = image.to(.int64).array(of: Int.self).map { $0 >> shift }
        return Tensor(values, shape: image.shape).to(dtype)
      }
      return image.to(dtype) * (1 << (to - from))
    }
  }

  /// Bits of the largest value.
  private static func bits(_ dtype: DType) -> Int {
    switch dtype {
    case .uint8: 8
    case .int32: 31
    case .int64: 63
    case .bfloat16, .float32, .float64, .bool: 0
    }
  }

  private static func maximum(_ dtype: DType) -> Double { Double(UInt64(1) << bits(dtype) - 1) }
  public var description: String { "ConvertImageDtype(\(dtype))" }
}
