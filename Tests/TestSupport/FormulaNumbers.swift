import NNCore

/// Reproducible numbers without a random generator: element i of a key depends on nothing else.
public enum FormulaNumbers {
  /// FNV-1a, 64 bits.
  public static func hash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }

  /// The finalizer of splitmix64.
  public static func mix(_ value: UInt64) -> UInt64 {
    var z = value &+ 0x9e37_79b9_7f4a_7c15
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// Uniform in [low, high), float64 arithmetic with one rounding to float32 at the end.
  public static func uniform(_ key: String, _ shape: [Int], _ low: Double = -1, _ high: Double = 1) -> Tensor
  {
    let start = hash(key)
    let values = (0..<shape.reduce(1, *)).map { index -> Float in
      let unit = Double(mix(start &+ UInt64(index)) >> 40) / 16_777_216
      return Float(low + (high - low) * unit)
    }
    return Tensor(values, shape: shape)
  }

  /// Integers in low..<high.
  public static func integers(_ key: String, _ shape: [Int], _ range: Range<Int>) -> Tensor {
    let start = hash(key)
    let values = (0..<shape.reduce(1, *)).map { index -> Int in
      range.lowerBound + Int(mix(start &+ UInt64(index)) >> 40) % range.count
    }
    return Tensor(values, shape: shape)
  }
}
