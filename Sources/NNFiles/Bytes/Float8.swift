/// The two 8-bit floating-point formats: Micikevicius et al., FP8 Formats for Deep Learning, 2022.
enum Float8 {
  /// 4 bits of exponent, no infinities, at most 448 (`torch.float8_e4m3fn`).
  case e4m3
  /// 5 bits of exponent, at most 57,344 (`torch.float8_e5m2`): the upper byte of a float16.
  case e5m2

  /// What a byte stands for.
  func value(_ byte: UInt8) -> Float {
    switch self {
    case .e5m2: return Float(Float16(bitPattern: UInt16(byte) << 8))
    case .e4m3: return byte & 0x7F == 0x7F ? .nan : byte < 0x80 ? magnitude(byte) : -magnitude(byte & 0x7F)
    }
  }

  /// Not negative, as if the largest pattern of `e4m3` and the infinity of `e5m2` were numbers.
  private func magnitude(_ byte: UInt8) -> Float {
    let (bits, bias) = self == .e4m3 ? (3, 7) : (2, 15)
    let exponent = Int(byte) >> bits
    let fraction = Float(Int(byte) & ((1 << bits) - 1)) / Float(1 << bits)
    let scale = Float(sign: .plus, exponent: Swift.max(exponent, 1) - bias, significand: 1)
    return scale * (exponent == 0 ? fraction : 1 + fraction)
  }

  /// The nearest byte, of two equally near the even one; what is too large becomes NaN in `e4m3` and infinite in
  /// `e5m2`, as in PyTorch.
  func byte(_ value: Double) -> UInt8 {
    let sign: UInt8 = value.sign == .minus ? 0x80 : 0
    if value.isNaN { return sign | 0x7F }
    let top: UInt8 = self == .e4m3 ? 0x7F : 0x7C
    let target = abs(value)
    // Patterns grow with their values.
    var (low, high) = (UInt8(0), top)
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if Double(magnitude(middle)) <= target { low = middle } else { high = middle }
    }
    let (below, above) = (target - Double(magnitude(low)), Double(magnitude(high)) - target)
    return sign | (below < above || (below == above && low % 2 == 0) ? low : high)
  }
}
