/// A number of 16 bits with the exponent of a `Float` and 8 bits of precision: an element of `bfloat16` tensors. It is for
/// storing; arithmetic is that of `Float`.
public struct BFloat16: Hashable, Sendable, CustomStringConvertible {
  /// The sign, 8 bits of the exponent and 7 of the fraction.
  public let bitPattern: UInt16

  public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

  /// The nearest one, the even one of two that are equally near; NaN stays NaN.
  public init(_ value: Float) {
    let bits = value.bitPattern
    bitPattern =
      value.isNaN
      ? UInt16(truncatingIfNeeded: bits >> 16) | 0x40
      : UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
  }

  /// Equal as numbers: NaN is not equal to itself, and both zeros are.
  public static func == (a: BFloat16, b: BFloat16) -> Bool { Float(a) == Float(b) }
  public func hash(into hasher: inout Hasher) { Float(self).hash(into: &hasher) }

  public var description: String { Float(self).description }
}

extension Float {
  /// Without any loss.
  public init(_ value: BFloat16) { self.init(bitPattern: UInt32(value.bitPattern) << 16) }
}
